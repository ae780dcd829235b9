"""mappings/<crm>.yaml into a `CrmMapping`: fields, stage values, touches, actors."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

from leadsync.domain.ageing import AGE, ENTERED
from leadsync.domain.conditions import Condition, fold
from leadsync.domain.facts import FROM_ACCOUNT
from leadsync.domain.mapping import (
    CrmMapping,
    DisqualifyButton,
    FieldMapping,
    FieldType,
    Nurture,
    ObjectMapping,
    TouchMapping,
    ValueMap,
)
from leadsync.settings.checks import Checks
from leadsync.settings.conditions import LOGIC
from leadsync.settings.loader import Node
from leadsync.settings.names import FACTS, MAPPED_FACTS, OWN_FIELDS, Known, field_kinds
from leadsync.settings.problems import Place, did_you_mean
from leadsync.settings.schema.crm import (
    DynamicsFile,
    DynamicsLead,
    DynamicsNurture,
    FieldSpec,
    ObjectSpec,
    SalesforceFile,
    SalesforceNurture,
    StageValue,
    TouchSpec,
    ValueSpec,
)
from leadsync.settings.vocabulary import NATIVE, Asked, Vocabulary, users

TIDY = ("text", "email", "phone", "country", "state")
"""Types whose values are written in many ways; the others have one."""

PAIR = "/"
"""Between state and status reason where a stage is both (Dynamics): `Open/MQL`."""

REASON = "statuscode"
CLOSED_STATES = frozenset({"qualified", "disqualified", "1", "2"})
"""A Dynamics lead's states besides open, as Microsoft calls and numbers them; leadsync sets none of them."""


def crm_mapping(name: str, file: SalesforceFile | DynamicsFile, tree: Node, checks: Checks) -> CrmMapping:
    """Return the mapping of one CRM."""
    _field_names(tree, checks)
    _stages(file, tree, checks)
    _other_values(file, tree, checks)
    common = _fields(file.fields, tree.at("fields"), checks)
    stages = file.stages
    opportunity = file.opportunity
    loss = opportunity.lost_because if opportunity else ValueSpec()
    lead = _object("lead", file.lead, tree, common, checks)
    contact = _object("contact", file.contact, tree, common, checks)
    return CrmMapping(
        crm=name,
        kind=file.kind,
        objects={
            "lead": replace(lead, observed=_closing(stages) if lead.stage.native == (REASON,) else frozenset()),
            "contact": replace(contact, queues_may_own=file.queues_own_contacts),
        },
        stage_of_value={
            value: stage for stage, spec in stages.items() for value in dict.fromkeys((_written(spec), *spec.read))
        },
        value_of_stage={stage: _written(spec) for stage, spec in stages.items()},
        old_values={value: stage for stage, spec in stages.items() for value in spec.was},
        converted={value: None if stage == "by_law" else stage for value, stage in file.converted.items()},
        dispositions=file.dispositions,
        deprecated=file.deprecated,
        touches=tuple(_touch(kind, spec, tree.at("touches", kind), checks) for kind, spec in file.touches.items()),
        actors=_actors(file, tree.at("actors"), checks),
        account=_only_read(file.account.fields if file.account else {}, tree.at("account", "fields"), checks),
        opportunity=_only_read(opportunity.fields if opportunity else {}, tree.at("opportunity", "fields"), checks),
        loss_reason=_value_map(
            loss,
            tree.find("opportunity", "lost_because"),
            "the reason",
            checks.names.reasons,
            checks,
        ),
        campaign=_only_read(file.campaign.fields if file.campaign else {}, tree.at("campaign", "fields"), checks),
        user=_user_fields(file, tree.at("user", "fields"), checks),
        cadence_users=file.cadence_users,
        placeholders=file.owners.placeholders,
        staffed_queues=file.owners.staffed_queues,
        nurture={key: _nurture(key, spec) for key, spec in file.nurture.items()},
        disqualify_button=_button(file.lead),
    )


def _closing(stages: Mapping[str, StageValue]) -> frozenset[str]:
    """Return the stages that are pairs with a state other than open."""
    pairs = {stage: spec.write for stage, spec in stages.items() if not isinstance(spec.write, str)}
    return frozenset(stage for stage, (state, _) in pairs.items() if fold(state) in CLOSED_STATES)


def _written(spec: StageValue) -> str:
    return spec.write if isinstance(spec.write, str) else PAIR.join(spec.write)


def _nurture(name: str, spec: SalesforceNurture | DynamicsNurture) -> Nurture:
    match spec:
        case SalesforceNurture():
            return Nurture(name, campaign=spec.campaign, status=spec.status)
        case DynamicsNurture():
            return Nurture(name, marketing_list=spec.list)


def _button(lead: ObjectSpec | DynamicsLead) -> DisqualifyButton | None:
    button = lead.disqualify_button if isinstance(lead, DynamicsLead) else None
    return DisqualifyButton(button.stage, dict(button.reasons)) if button else None


def _field_names(tree: Node, checks: Checks) -> None:
    """Note names that already mean something else, and names that an object maps a second time."""
    taken = (frozenset(FACTS) - MAPPED_FACTS) | set(LOGIC) | {"owner", "account"}
    common = tree.at("fields") if tree.child("fields") else None
    blocks = [common] if common else []
    for name in ("lead", "contact"):
        own = tree.at(name).child("fields")
        if own is None:
            continue
        blocks.append(own)
        for key in own.keys:
            if common and common.child(key):
                checks.problems.add(
                    own.key(key),
                    f'"{key}" is mapped twice for the {name}: here and under fields: in line {common.key(key).line}',
                    "fix: fields: is for what Lead and Contact share; move it into both objects, or delete one",
                )
    for block in blocks:
        for key in block.keys:
            if key in taken:
                checks.problems.add(
                    block.key(key), f'"{key}" cannot be the name of a field: rules already ask for it as a fact'
                )
            if checks.names.conditions and key in checks.names.conditions:
                checks.problems.add(block.key(key), f'"{key}" is a condition in funnel.yaml already', "fix: rename one")


def _fields(specs: Mapping[str, FieldSpec], node: Node, checks: Checks) -> dict[str, FieldMapping]:
    return {name: _field(name, spec, node.at(name), checks) for name, spec in specs.items()}


def _field(name: str, spec: FieldSpec, node: Node, checks: Checks, known: FieldType | None = None) -> FieldMapping:
    own = cast("FieldType | None", known or OWN_FIELDS.get(name))
    if own and spec.type and spec.type != own:
        checks.problems.add(
            node.at("type").place,
            f'"{name}" is one of leadsync\'s own fields and always of the type {own}',
            "fix: leave type: out",
        )
    kind = own or spec.type or "text"
    # What may be put in order may be written: the adapters and `check --live` go by one right alone.
    write = spec.write or spec.cleanse == "write"
    if spec.opt_out and kind != "yes_no":
        checks.problems.add(node.at("opt_out").place, f'"{name}" is {kind}, but opt_out: needs type: yes_no')
    if spec.cleanse == "write" and (own or (kind not in TIDY and name not in FROM_ACCOUNT)):
        why = "is leadsync's own" if own else f"is {kind} and has no format to be put in order"
        checks.problems.add(node.at("cleanse").place, f'"{name}" {why}', "fix: leave cleanse: out")
    if write and len(spec.field) > 1:
        checks.problems.add(node.at("field").place, f'"{name}" is written, so it needs exactly one field of the CRM')
    if write and "." in spec.field[0]:
        checks.problems.add(
            node.at("field").place, f'"{name}" lies on another object ({spec.field[0]}) and cannot be written'
        )
    return FieldMapping(name, spec.field, kind, write, spec.opt_out, spec.cleanse, dict(spec.values))


def _only_read(specs: Mapping[str, FieldSpec], node: Node, checks: Checks) -> dict[str, FieldMapping]:
    """Return the fields of an object that leadsync never writes; note those that ask for it."""
    for name, spec in specs.items():
        for key, asked in (("write", spec.write), ("cleanse", spec.cleanse == "write")):
            if asked:
                checks.problems.add(
                    node.at(name).key(key), "leadsync writes leads and contacts alone", f"fix: leave {key}: out"
                )
    return _fields(specs, node, checks)


def _user_fields(file: SalesforceFile | DynamicsFile, node: Node, checks: Checks) -> dict[str, FieldMapping]:
    specs = file.user.fields if file.user else {}
    for name in specs:
        checks.exists(node.key(name), "the user field", name, ("out_of_office_until",))
    return {name: _field(name, spec, node.at(name), checks, "date") for name, spec in specs.items()}


def _object(
    name: str, spec: ObjectSpec | DynamicsLead, tree: Node, common: Mapping[str, FieldMapping], checks: Checks
) -> ObjectMapping:
    node = tree.at(name)
    fields = {**common, **_fields(spec.fields, node.at("fields"), checks)}
    responsible = spec.responsible or ("owner" if name == "lead" else "assignee")
    place = node.at("responsible").place
    if responsible == "assignee" and "assignee" not in fields:
        checks.problems.add(place, f"the {name}'s responsible is the assignee, but no field is mapped as assignee")
    if responsible == "owner" and name == "contact" and not spec.fallback_user:
        checks.problems.add(
            place, "queues cannot own contacts", "fix: name a fallback_user: here, or write responsible: assignee"
        )
    if AGE in fields and fields[AGE].write and ENTERED not in fields:
        checks.problems.add(place, f"the {name}'s {AGE} is counted from its {ENTERED}, but no field is mapped as that")
    kinds = {key: Asked(kind) for key, kind in field_kinds(tree, ("fields",), (name, "fields")).items()}
    scope = checks.conditions.other(node.child("scope"), Vocabulary(f"of a {name}, the field", kinds))
    checks.keys_exist(node.find("entered_from"), "the stage", checks.names.stages)
    if isinstance(spec, DynamicsLead) and spec.disqualify_button:
        button = node.at("disqualify_button")
        checks.all_exist(button.find("stage"), "the stage", checks.names.stages)
        for reason in spec.disqualify_button.reasons:
            checks.all_exist(button.find("reasons", reason), "the reason", checks.names.reasons)
    return ObjectMapping(
        native=spec.object,
        stage=_field("stage", spec.stage, node.at("stage"), checks, "text"),
        owner=_field("owner", spec.owner, node.at("owner"), checks, "user"),
        responsible=responsible,
        fields=fields,
        scope=scope,
        entered_from=spec.entered_from,
        fallback_user=spec.fallback_user,
    )


def _stages(file: SalesforceFile | DynamicsFile, tree: Node, checks: Checks) -> None:
    """Note stages that do not exist and stages that have no value."""
    node = tree.at("stages")
    checks.keys_exist(node, "the stage", checks.names.stages)
    for stage in checks.names.stages or ():
        outside = checks.names.roles.get(stage) == "outside"
        if not outside and stage not in file.stages:
            checks.problems.add(
                tree.key("stages"),
                f'the stage "{stage}" of funnel.yaml has no value here',
                did_you_mean(stage, [key for key in file.stages if key not in (checks.names.stages or ())]),
                f"fix: add {stage}: and the CRM's value for it",
            )
        if outside and stage in file.stages:
            checks.problems.add(
                node.key(stage), f'the stage "{stage}" has the role outside: the field is blank, it has no value'
            )


def _values(file: SalesforceFile | DynamicsFile, tree: Node) -> Iterator[tuple[str, str, Place]]:
    """Yield every status value with what it is listed as and where."""
    for stage, spec in file.stages.items():
        node = tree.at("stages", stage)
        yield _written(spec), f"the stage {stage}", node.at("write").place
        for key in ("read", "was"):
            for value, part in zip(getattr(spec, key), node.find(key).parts(), strict=False):
                yield value, f"the stage {stage}", part.place
    for block in ("converted", "dispositions", "deprecated"):
        for value in getattr(file, block):
            yield value, f"{block}:", tree.at(block).key(value)


def _other_values(file: SalesforceFile | DynamicsFile, tree: Node, checks: Checks) -> None:
    """Note values that are listed as two things, and blocks that lead to stages which do not exist."""
    first: dict[str, tuple[str, Place]] = {}
    for value, what, place in _values(file, tree):
        folded = value.strip().casefold()
        known = first.setdefault(folded, (what, place))
        if known[1] != place and known[0] != what:
            checks.problems.add(
                place,
                f'the value "{value}" is listed as {what}, and in line {known[1].line} as {known[0]}',
                "fix: keep one",
            )
    for block in ("converted", "dispositions", "deprecated"):
        also = ("by_law",) if block == "converted" else ()
        for node in dict(tree.find(block).items()).values():
            checks.exists(node.place, "the stage", str(node.value), checks.names.stages, *also)


def _actors(file: SalesforceFile | DynamicsFile, node: Node, checks: Checks) -> dict[str, Condition]:
    vocabulary = users(checks.names)
    for name in file.actors:
        if name in ("leadsync", "anyone", "unknown"):
            checks.problems.add(node.key(name), f'"{name}" cannot be an actor here: it has a meaning of its own')
    return {name: checks.conditions.build(node.at(name), vocabulary) for name in file.actors}


def _touch(kind: str, spec: TouchSpec, node: Node, checks: Checks) -> TouchMapping:
    names = checks.names
    known: Mapping[str, Known] = {
        "channel": names.touch_channels,
        "investment": names.investments,
        "response": names.responses,
    }
    maps: dict[str, ValueMap | None] = {}
    for key, values in known.items():
        value: ValueSpec | None = getattr(spec, key)
        maps[key] = _value_map(value, node.at(key), f"the {key}", values, checks) if value else None
        if value is None and spec.direction != "outbound":
            checks.problems.add(
                node.place,
                f'the touch "{kind}" is {spec.direction} and needs {key}: to pick its points in scoring.yaml',
            )
    return TouchMapping(
        kind=kind,
        object=spec.object,
        direction=spec.direction,
        person=spec.person,
        at=spec.at,
        when=checks.conditions.other(node.child("when"), NATIVE),
        campaign=spec.campaign,
        not_engagement=spec.not_engagement,
        channel=maps["channel"],
        investment=maps["investment"],
        response=maps["response"],
    )


def _value_map(spec: ValueSpec, node: Node, what: str, known: Known, checks: Checks) -> ValueMap:
    if spec.literal is not None:
        checks.exists(node.place, what, spec.literal, known)
        return ValueMap(None, literal=spec.literal)
    if (spec.values or spec.bands) and spec.field is None:
        checks.problems.add(node.place, "values: and bands: need field: to say what is read")
    if spec.values and spec.bands:
        checks.problems.add(node.key("bands"), "give values: or bands:, not both")
    for value in spec.values:
        checks.all_exist(node.find("values", value), what, known)
    checks.keys_exist(node.find("bands"), what, known)
    if spec.otherwise is not None:
        checks.exists(node.at("otherwise").place, what, spec.otherwise, known)
    bands = tuple(sorted((start, name) for name, start in spec.bands.items()))
    return ValueMap(spec.field, dict(spec.values), bands, spec.otherwise)
