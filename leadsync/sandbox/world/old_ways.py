"""How the company lives without leadsync: marketing's platform and people move the stages themselves, by feel, and give leads to
reps in turn. Once leadsync is there the platform stops, and only keen reps still pull somebody forward.
"""

from typing import TYPE_CHECKING

from leadsync.sandbox.world.scene import STAGE_FIELD, Prospect, Row, Scene, stage_of
from leadsync.sandbox.world.staff import DEVELOPMENT
from leadsync.sandbox.world.statuses import COLD, LAL, MAQL, MQL, REMARKET

if TYPE_CHECKING:
    from leadsync.sandbox.store import Via


def consider(scene: Scene, prospect: Prospect) -> None:
    """Somebody showed interest: without leadsync, the old ways may lift them; with it, nobody but a keen rep moves."""
    row = scene.live_row(prospect)
    if row is None:
        return
    rng, users = prospect.rng, scene.company.users
    stage, is_lead = stage_of(row, prospect.object), prospect.object == "Lead"
    is_hot = prospect.raised_at == scene.now
    draw = rng.random()
    if is_lead and stage in COLD and draw < 0.06:
        rep = users[rng.choice(DEVELOPMENT)]
        scene.at_desk_of(rep, rng.uniform(1, 30), "promote", prospect.number, rep, "person", LAL)
    elif scene.aided:
        return
    elif is_lead and is_hot and stage in (*COLD, REMARKET, MAQL, LAL) and draw < 0.75:
        scene.after(rng.uniform(300, 4000), "promote", prospect.number, users["pardot"], "automation", MQL)
    elif is_lead and stage in (*COLD, REMARKET) and prospect.heat >= 0.9 and draw < 0.5:
        scene.after(rng.uniform(300, 9000), "promote", prospect.number, users["marketo"], "automation", MAQL)
    elif is_lead and stage in COLD and prospect.heat >= 0.9 and draw < 0.62:
        scene.at_desk_of(users["mia"], rng.uniform(1, 40), "promote", prospect.number, users["mia"], "person", MAQL)
    elif not is_lead and stage in (None, REMARKET) and (is_hot or prospect.heat >= 1.2) and draw < 0.4:
        scene.at_desk_of(users["mia"], rng.uniform(1, 40), "promote", prospect.number, users["mia"], "person", MQL)


def promote(scene: Scene, number: int, by: str, via: "Via", stage: str) -> None:
    """Set a stage by hand or by the platform's rule, and with it the owner whose turn it is."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or (scene.aided and via == "automation"):
        return
    open_to = (*COLD, REMARKET, MAQL, LAL) if stage == MQL else (*COLD, REMARKET)
    if stage_of(row, prospect.object) not in open_to or scene.has_left(by):
        return
    fields: Row = {STAGE_FIELD[prospect.object]: stage}
    users = scene.company.users
    if prospect.object == "Lead":
        if stage == LAL:
            fields["OwnerId"] = by
        elif stage == MAQL:
            fields["OwnerId"] = users[scene.turn("development", list(DEVELOPMENT))]
        else:
            fields["OwnerId"] = scene.company.seller(prospect.country, prospect.rng.randrange(6))
    with scene.doing(by, via) as tx:
        tx.update(prospect.object, prospect.id, fields)
