"""What prospects do: answers to campaigns, forms, calls from outside, and how an interest that went cold warms up again.

Everything here is the prospect's own doing and hangs on the prospect's own dice, so that it stays the same whatever the company's
people make of it.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from leadsync.sandbox.world import old_ways
from leadsync.sandbox.world.company import Drive
from leadsync.sandbox.world.scene import Prospect, Row, Scene, responsible_for

if TYPE_CHECKING:
    from leadsync.sandbox.store import Via

_KINDS: tuple[tuple[str, int], ...] = (
    ("email", 30), ("content", 18), ("web", 16), ("webinar", 12), ("ads", 8), ("event", 4), ("referral", 2), ("phone", 2), ("call", 3),
)  # fmt: skip
_ANSWERS: dict[str, tuple[str, ...]] = {
    "email": ("Opened", "Opened", "Clicked", "Clicked", "Replied"),
    "content": ("Downloaded", "Downloaded", "Visited"),
    "web": ("Visited", "Visited", "Registered", "Downloaded"),
    "webinar": ("Registered", "Attended"),
    "ads": ("Clicked", "Visited"),
    "event": ("Registered", "Attended"),
    "referral": ("Registered", "Replied"),
    "phone": ("Replied",),
    "nurture": ("Opened", "Clicked", "Replied"),
}
_HEAT = {"Opened": 0.1, "Clicked": 0.2, "Visited": 0.2, "Downloaded": 0.4, "Registered": 0.4, "Attended": 0.7, "Replied": 0.8,
         "Demo Request": 1.5, "Contact Me": 2.0}  # fmt: skip
_RANK = {status: rank for rank, status in enumerate(("Sent", "Opened", "Clicked", "Visited", "Downloaded", "Registered", "Attended",
                                                     "Replied", "Demo Request", "Contact Me"))}  # fmt: skip


def first_day(scene: Scene, prospect: Prospect, source: str, drive: int) -> None:
    """Leave the traces that a source leaves on the day itself; many web forms leave none but the row."""
    rng, drives = prospect.rng, scene.company.drives
    match source:
        case "Trade Show" | "Conference":
            _answer(scene, prospect, drives["event"][drive], "Attended")
        case "Webinar":
            _answer(scene, prospect, rng.choice(drives["webinar"]), "Registered")
            if rng.random() < 0.6:
                scene.after(rng.uniform(1, 8) * 86400, "attend_webinar", prospect.number)
        case "Contact Form":
            prospect.raised_at = scene.now
            if rng.random() < 0.4:
                _answer(scene, prospect, drives["web"][0], "Contact Me")
            else:
                old_ways.consider(scene, prospect)
        case "Phone Inquiry":
            call_in(scene, prospect.number)
        case "Purchased List":
            _join(scene, prospect, drives["list"][0], "Sent" if rng.random() < 0.9 else "Responded")
        case "Web" | "Website" | "Advertisement" if rng.random() < 0.5:
            _answer(
                scene,
                prospect,
                rng.choice(drives[rng.choice(("web", "ads", "content"))]),
                rng.choice(("Downloaded", "Registered")),
            )
        case "Partner Referral" | "External Referral" if rng.random() < 0.4:
            _answer(scene, prospect, rng.choice(drives["referral"]), "Registered")


def plan_journey(scene: Scene, prospect: Prospect) -> None:
    """Plan the coming weeks of a prospect: the more interested, the more they turn up, and the sooner."""
    rng = prospect.rng
    day = 0.0
    for _ in range(int(prospect.interest * 14 * rng.random() + 0.3)):
        day += rng.expovariate(1 / (4 + 14 * (1 - prospect.interest)))
        act, *rest = _next_step(prospect)
        scene.later(_daytime(scene, prospect, day), act, prospect.number, *rest)


def warm_up(scene: Scene, prospect: Prospect) -> None:
    """Plan the return of somebody who was put aside: weeks of silence, then several signs close together."""
    rng = prospect.rng
    if rng.random() > 0.25 + prospect.interest * 0.5:
        return
    day = rng.uniform(18, 80)
    scene.later(_daytime(scene, prospect, day), "touch", prospect.number, "nurture")
    for _ in range(rng.randrange(1, 5)):
        day += rng.uniform(0.2, 6)
        act, *rest = _next_step(prospect)
        scene.later(_daytime(scene, prospect, day), act, prospect.number, *rest)


def _next_step(prospect: Prospect) -> tuple[str, ...]:
    draw = prospect.rng.random()
    if draw < 0.05 + 0.05 * prospect.interest:
        return ("fill_form", "Contact Me" if prospect.rng.random() < 0.6 else "Demo Request")
    kind = prospect.rng.choices(_KINDS, weights=[weight for _, weight in _KINDS])[0][0]
    return ("call_in",) if kind == "call" else ("touch", kind)


def _daytime(scene: Scene, prospect: Prospect, days: float) -> datetime:
    """Return an instant so many days from now, mostly between eight and eight in UTC, which is near enough for a click."""
    at = scene.now + timedelta(seconds=int(days * 86400))
    if prospect.rng.random() < 0.85:
        at = at.replace(hour=prospect.rng.randrange(7, 20))
    return at if at > scene.now else scene.now + timedelta(seconds=prospect.rng.randrange(60, 3600))


def touch(scene: Scene, number: int, kind: str) -> None:
    """A prospect answers a campaign of some kind."""
    prospect = scene.people[number]
    if scene.live_row(prospect) is not None:
        rng = prospect.rng
        drive = rng.choice(scene.company.drives[kind])
        if kind == "nurture":
            joined = _nurtured_by(scene, prospect)
            drive, kind = (joined, kind) if joined else (rng.choice(scene.company.drives["email"]), "email")
        if kind == "email" and drive.id not in prospect.members and rng.random() < 0.4:
            _join(scene, prospect, drive, "Sent")
            scene.after(rng.uniform(600, 90000), "touch", number, "email")
        else:
            _answer(scene, prospect, drive, rng.choice(_ANSWERS[kind]))


def fill_form(scene: Scene, number: int, status: str) -> None:
    """A prospect asks to be called, or for a demo."""
    prospect = scene.people[number]
    if scene.live_row(prospect) is not None:
        drives = scene.company.drives
        if status == "Contact Me":
            prospect.raised_at = scene.now
        _answer(scene, prospect, prospect.rng.choice((*drives["web"], *drives["ads"])), status)


def attend_webinar(scene: Scene, number: int) -> None:
    """Somebody who registered turns up."""
    prospect = scene.people[number]
    if scene.live_row(prospect) is not None:
        joined = [drive for drive in scene.company.drives["webinar"] if drive.id in prospect.members]
        _answer(scene, prospect, joined[0] if joined else scene.company.drives["webinar"][0], "Attended")


def call_in(scene: Scene, number: int) -> None:
    """A prospect rings; whoever is responsible, or else the desk, notes the call."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None:
        return
    owner = responsible_for(row, prospect.object)
    if scene.company.kinds.get(owner) not in ("ldr", "ae") or not scene.is_working(owner):
        owner = scene.who_answers()
    with scene.doing(owner) as tx:
        tx.insert(
            "Task",
            {
                "WhoId": prospect.id,
                "OwnerId": owner,
                "Subject": prospect.rng.choice(("Called in", "Anruf erhalten", "Question about prices")),
                "Status": "Completed",
                "TaskSubtype": "Call",
                "CallType": "Inbound",
                "CallDurationInSeconds": prospect.rng.randrange(40, 1500),
                "CompletedDateTime": scene.now,
                "ActivityDate": scene.now.date(),
            },
        )
    prospect.heat += 0.8
    old_ways.consider(scene, prospect)


def join_nurture(scene: Scene, number: int, index: int) -> None:
    """Marketing puts somebody on a nurture list by hand."""
    prospect = scene.people[number]
    if scene.live_row(prospect) is not None:
        _join(scene, prospect, scene.company.drives["nurture"][index], "Sent", by="mia", via="person")


def _nurtured_by(scene: Scene, prospect: Prospect) -> Drive | None:
    """Return the nurture campaign that a prospect is on, whoever put them there."""
    held = scene.store.table("CampaignMember").holding(f"{prospect.object}Id", prospect.id)
    for drive in scene.company.drives["nurture"]:
        for row in held:
            if row["CampaignId"] == drive.id and not row["IsDeleted"]:
                prospect.members.setdefault(drive.id, row["Id"])
                return drive
    return None


def _answer(scene: Scene, prospect: Prospect, drive: Drive, status: str) -> None:
    _join(scene, prospect, drive, status)
    prospect.heat += _HEAT[status]
    old_ways.consider(scene, prospect)


def _join(
    scene: Scene, prospect: Prospect, drive: Drive, status: str, *, by: str = "marketo", via: "Via" = "world"
) -> None:
    """Write the campaign member, or move it on; a status never falls back, and the response date is set once."""
    member, responded, user = prospect.members.get(drive.id), status != "Sent", scene.company.users[by]
    if scene.has_left(user):
        return
    if member is not None:
        known = scene.current("CampaignMember", member)
        if known is None or known["IsDeleted"]:
            # Deleted with its lead, or by somebody who will know why: no second one beside it.
            return
        if _RANK.get(status, 0) <= _RANK.get(known["Status"], 0):
            return
        fields: Row = {"Status": status, "HasResponded": responded}
        if responded and not known.get("FirstRespondedDate"):
            fields["FirstRespondedDate"] = scene.now.date()
        with scene.doing(user, via) as tx:
            tx.update("CampaignMember", member, fields)
        return
    fields = {"CampaignId": drive.id, f"{prospect.object}Id": prospect.id, "Status": status, "HasResponded": responded}
    if responded:
        fields["FirstRespondedDate"] = scene.now.date()
    with scene.doing(user, via) as tx:
        prospect.members[drive.id] = tx.insert("CampaignMember", fields)
