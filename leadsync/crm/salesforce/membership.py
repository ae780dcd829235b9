"""Nurture: people join a campaign while they wait, and leave it afterwards, as campaign members.

Joining is idempotent by asking first: who is a member already needs nothing, so a lost answer is simply asked again.
"""

from collections.abc import Mapping, Sequence

import msgspec

from leadsync.crm.salesforce.client import Client, Part
from leadsync.crm.salesforce.load import Load
from leadsync.crm.salesforce.soql import IDS_PER_QUERY, Columns, ids, path, select, where
from leadsync.crm.salesforce.verdicts import PAUSES, Fault, faults
from leadsync.crm.sending import UNREACHABLE_PAUSE, all_alike
from leadsync.domain.effects import Membership, Outcome
from leadsync.domain.mapping import Nurture
from leadsync.errors import CrmUnavailable, LeadsyncError, ObjectBlocked, OutcomeUnknown

_LOOKUP = {"lead": "LeadId", "contact": "ContactId"}
_MEMBERS = Columns(("Id", "LeadId", "ContactId"))
_CAMPAIGNS = Columns(("Id",))


class _Result(msgspec.Struct):
    success: bool
    errors: msgspec.Raw = msgspec.Raw(b"[]")


class Joiner:
    """Adds and removes campaign members of one org."""

    def __init__(self, client: Client, load: Load, nurture: Mapping[str, Nurture]) -> None:
        self._client, self._load, self._nurture = client, load, nurture
        self._campaigns: dict[str, str] = {}

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Return what became of each wish, in order."""
        ends: dict[int, Outcome] = {}
        for key in dict.fromkeys((one.nurture, one.join) for one in memberships):
            places = [place for place, one in enumerate(memberships) if (one.nurture, one.join) == key]
            for start in range(0, len(places), IDS_PER_QUERY):
                some = places[start : start + IDS_PER_QUERY]
                ends.update(zip(some, self._some([memberships[place] for place in some]), strict=True))
        return tuple(ends[place] for place in range(len(memberships)))

    def _some(self, wishes: Sequence[Membership]) -> list[Outcome]:
        """Carry out wishes that are alike in campaign and direction."""
        try:
            campaign = self._campaign(self._nurture.get(wishes[0].nurture))
            members = self._members(campaign, wishes)
        except ObjectBlocked as error:
            return all_alike(wishes, "rejected", str(error))
        except (CrmUnavailable, OutcomeUnknown) as error:
            wait = getattr(error, "retry_after", None) or UNREACHABLE_PAUSE
            return all_alike(wishes, "pending", "UNREACHABLE", wait)
        needed = [wish for wish in wishes if (wish.ref.id in members) != wish.join]
        done = (
            dict(zip((wish.effect_id for wish in needed), self._sent(campaign, needed, members), strict=True))
            if needed
            else {}
        )
        return [done.get(wish.effect_id, Outcome(wish.effect_id, "applied")) for wish in wishes]

    def _campaign(self, nurture: Nurture | None) -> str:
        if nurture is None or not nurture.campaign:
            raise ObjectBlocked("NO_CAMPAIGN_MAPPED")
        if nurture.campaign not in self._campaigns:
            query = select(
                _CAMPAIGNS.names, "Campaign", where("Name = {name}", name=nurture.campaign), order="Id", limit=1
            )
            rows = _CAMPAIGNS.decode(self._client.read(path(query), "Campaign").body).rows
            if not rows:
                raise ObjectBlocked("CAMPAIGN_NOT_FOUND")
            self._campaigns[nurture.campaign] = rows[0][0]
        return self._campaigns[nurture.campaign]

    def _members(self, campaign: str, wishes: Sequence[Membership]) -> dict[str, str]:
        """Return who of them is a member now: person id to member id."""
        parts = []
        for object_name, lookup in _LOOKUP.items():
            if people := ids([wish.ref.id for wish in wishes if wish.ref.object == object_name]):
                asked = where(f"CampaignId = {{campaign}} AND {lookup} IN {{people}}", campaign=campaign, people=people)
                parts.append(Part(path(select(_MEMBERS.names, "CampaignMember", asked))))
        answers, _ = self._client.composite(parts)
        found: dict[str, str] = {}
        for answer in answers:
            for page in self._load.following(_MEMBERS, answer, "CampaignMember"):
                for member, lead, contact in page.rows:
                    found.update({person: member for person in (lead, contact) if person})
        return found

    def _sent(self, campaign: str, wishes: Sequence[Membership], members: Mapping[str, str]) -> list[Outcome]:
        try:
            if wishes[0].join:
                status = self._nurture[wishes[0].nurture].status
                records = [
                    {"attributes": {"type": "CampaignMember"}, "CampaignId": campaign, _LOOKUP[wish.ref.object]: wish.ref.id,
                     **({"Status": status} if status else {})}
                    for wish in wishes
                ]  # fmt: skip
                answer = self._client.send(
                    "POST", "composite/sobjects", body={"allOrNone": False, "records": records}, urgent=False
                )
            else:
                leaving = ",".join(members[wish.ref.id] for wish in wishes)
                answer = self._client.send("DELETE", f"composite/sobjects?ids={leaving}&allOrNone=false", urgent=False)
        except OutcomeUnknown:
            return all_alike(wishes, "unknown", "NO_ANSWER")
        except LeadsyncError as error:
            wait = getattr(error, "retry_after", None) or 60.0
            return all_alike(wishes, "pending", "NOT_SENT", wait)
        try:
            results = msgspec.json.decode(answer.body, type=list[_Result])
        except msgspec.MsgspecError:
            results = []
        if len(results) != len(wishes):
            return [self._whole(wish, answer.status, faults(answer.body)) for wish in wishes]
        return [_judged(wish, one.success, faults(one.errors)) for wish, one in zip(wishes, results, strict=True)]

    def _whole(self, wish: Membership, status: int, found: Sequence[Fault]) -> Outcome:
        if found and status < 500:
            return _judged(wish, False, found)
        return Outcome(wish.effect_id, "pending" if status in (401, 420, 429) else "unknown", f"HTTP_{status}", 60.0)


def _judged(wish: Membership, success: bool, found: Sequence[Fault]) -> Outcome:
    first = found[0] if found else None
    if success or (first and first.code == ("DUPLICATE_VALUE" if wish.join else "ENTITY_IS_DELETED")):
        return Outcome(wish.effect_id, "applied")
    if first is None:
        return Outcome(wish.effect_id, "rejected", "NO_REASON_GIVEN")
    match first.kind():
        case "soon" | "slow" | "busy" | "quota" | "session" as kind:
            return Outcome(wish.effect_id, "pending", str(first), PAUSES[kind])
        case "gone":
            return Outcome(wish.effect_id, "superseded", str(first))
        case _:
            return Outcome(wish.effect_id, "rejected", str(first))
