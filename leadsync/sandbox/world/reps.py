"""What every rep does alike: open a record, note a call or a mail, set a stage with or without a reason, hand a record on. What a
development rep decides stands in `development.py`, what an account executive decides in `selling.py`.
"""

from random import Random

from leadsync.sandbox.world.scene import STAGE_FIELD, Prospect, Row, Scene, responsible_for, stage_of
from leadsync.sandbox.world.statuses import (
    BAD_DATA,
    DISQUALIFIED,
    INQUIRY,
    NOT_EVER,
    NOT_MINE,
    NOT_NOW,
    REMARKET,
)

TURNED_AWAY = ("not_now", "not_ever", "bad_data", "put_back", "not_mine")

RAISED_FOR_HOURS = 48


def work(scene: Scene, number: int, who: str, plan: int) -> None:
    """A rep opens a record: notes an attempt, and decides a little later."""
    prospect = scene.people[number]
    row = still_mine(scene, prospect, who, plan)
    if row is None:
        return
    rng = scene.stream(who)
    stage = stage_of(row, prospect.object)
    if stage != DISQUALIFIED:
        log_attempt(scene, who, prospect, rng)
    act = "decide_development" if scene.company.kinds[who] == "ldr" else "decide_selling"
    scene.after(rng.randrange(40, 900), act, number, who, plan)


def still_mine(scene: Scene, prospect: Prospect, who: str, plan: int) -> Row | None:
    """Return the row if the plan still holds: nobody moved it, and it is still this person's to work."""
    if prospect.plan != plan or scene.has_left(who):
        return None
    row = scene.live_row(prospect)
    return row if row is not None and responsible_for(row, prospect.object) == who else None


def log_attempt(scene: Scene, who: str, prospect: Prospect, rng: Random) -> None:
    """Note a finished call or mail; mails of a cadence tool are noted by the tool, in the rep's name."""
    prospect.attempts += 1
    kind = rng.choice(("Call", "Call", "Call", "Email", "Email", "LinkedIn"))
    asked = scene.asked.pop(prospect.id, None)
    task = scene.current("Task", asked) if asked else None
    if asked and task is not None and not task["IsClosed"] and not task["IsDeleted"] and task["OwnerId"] == who:
        with scene.doing(who) as tx:
            tx.update("Task", asked, {"Status": "Completed", "TaskSubtype": kind, "CompletedDateTime": scene.now})
        return
    tool = scene.company.users["outreach"]
    by_tool = kind == "Email" and rng.random() < 0.3 and not scene.has_left(tool)
    fields: Row = {
        "WhoId": prospect.id,
        "OwnerId": who,
        "Subject": {"Call": "Call", "Email": "Email: following up", "LinkedIn": "LinkedIn message"}[kind],
        "Status": "Completed",
        "TaskSubtype": kind,
        "CompletedDateTime": scene.now,
        "ActivityDate": scene.now.date(),
    }
    if kind == "Call":
        fields["CallType"] = "Outbound"
        fields["CallDurationInSeconds"] = rng.choice((0, 20, 45, 180, 620))
    with scene.doing(tool if by_tool else who, "automation" if by_tool else "person") as tx:
        tx.insert("Task", fields)


def set_stage(
    scene: Scene, who: str, prospect: Prospect, stage: str, *, reason: str | None = None, owner: str | None = None
) -> None:
    """Set the stage as a person does; now and then it was a slip, taken back within minutes."""
    rng = scene.stream(who)
    fields: Row = {STAGE_FIELD[prospect.object]: stage}
    if reason is not None:
        fields["LeadSync_Recycle_Reason__c"] = reason
    if owner is not None:
        fields["OwnerId"] = owner
    before = prospect.stage
    with scene.doing(who) as tx:
        tx.update(prospect.object, prospect.id, fields)
    if before is not None and owner is None and rng.random() < 0.02:
        scene.after(rng.randrange(60, 800), "take_back", prospect.number, who, stage, before)


def take_back(scene: Scene, number: int, who: str, wrong: str, before: str) -> None:
    """Undo a slip, unless somebody else has been there since."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or stage_of(row, prospect.object) != wrong or scene.has_left(who):
        return
    if row["LastModifiedById"] == who:
        with scene.doing(who) as tx:
            tx.update(prospect.object, prospect.id, {STAGE_FIELD[prospect.object]: before})


def hand_back(scene: Scene, who: str, prospect: Prospect, reason: str) -> None:
    """Send somebody to Re-Market; people forget the reason more often than they should, and a few add it later."""
    rng = scene.stream(who)
    forgets = rng.random() < 0.22
    set_stage(scene, who, prospect, REMARKET, reason=None if forgets else reason)
    if forgets and rng.random() < 0.4:
        scene.at_desk_of(who, rng.uniform(0.2, 20), "add_reason", prospect.number, who, reason)


def add_reason(scene: Scene, number: int, who: str, reason: str) -> None:
    """Fill in the reason that was forgotten."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or stage_of(row, prospect.object) != REMARKET or scene.has_left(who):
        return
    if not row["LeadSync_Recycle_Reason__c"]:
        with scene.doing(who) as tx:
            tx.update(prospect.object, prospect.id, {"LeadSync_Recycle_Reason__c": reason})


def turn_away(scene: Scene, who: str, prospect: Prospect, outcome: str) -> None:
    """Do what a rep of either kind does with somebody who is not worth more work of theirs."""
    rng = scene.stream(who)
    match outcome:
        case "not_now":
            hand_back(scene, who, prospect, rng.choice(NOT_NOW))
        case "not_ever":
            reason = rng.choice(NOT_EVER) if rng.random() < 0.85 else None
            set_stage(scene, who, prospect, DISQUALIFIED, reason=reason)
        case "bad_data":
            hand_back(scene, who, prospect, BAD_DATA)
        case "put_back":
            set_stage(scene, who, prospect, INQUIRY)
        case "not_mine":
            get_rid_of(scene, who, prospect)


def get_rid_of(scene: Scene, who: str, prospect: Prospect) -> None:
    """Say that the record belongs to somebody else, and wait; without leadsync it is given to a colleague by hand."""
    if not scene.aided:
        give_away(scene, who, prospect)
        return
    with scene.doing(who) as tx:
        tx.update(prospect.object, prospect.id, {"LeadSync_Misrouted__c": True, "LeadSync_Recycle_Reason__c": NOT_MINE})


def give_away(scene: Scene, who: str, prospect: Prospect) -> None:
    """Hand the record to a colleague of one's own kind, past all rules."""
    mine = scene.company.kinds[who]
    colleagues = sorted(user for user, kind in scene.company.kinds.items() if kind == mine and user != who)
    field = "OwnerId" if prospect.object == "Lead" else "LeadSync_Assignee__c"
    with scene.doing(who) as tx:
        tx.update(prospect.object, prospect.id, {field: scene.stream(who).choice(colleagues)})


def claim(scene: Scene, number: int, who: str, plan: int) -> None:
    """Somebody takes a record that lies in a queue or with an owner on paper."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or prospect.plan != plan or scene.has_left(who):
        return
    field = "OwnerId" if prospect.object == "Lead" else "LeadSync_Assignee__c"
    by = who if scene.company.kinds[who] == "ldr" else scene.company.users["dora"]
    if scene.has_left(by):
        return
    with scene.doing(by) as tx:
        tx.update(prospect.object, prospect.id, {field: who})


def raised_lately(scene: Scene, prospect: Prospect) -> bool:
    """Whether the prospect asked to be called within the last two days."""
    return prospect.raised_at is not None and (scene.now - prospect.raised_at).total_seconds() < RAISED_FOR_HOURS * 3600


def plan_work(scene: Scene, prospect: Prospect, who: str, hours: float) -> None:
    """Plan for a rep to open a record, at the desk, after so many hours; void as soon as somebody moves the record."""
    scene.at_desk_of(who, hours, "work", prospect.number, who, prospect.plan)
