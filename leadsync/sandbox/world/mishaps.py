"""What goes wrong with data: deleted leads, some of them fetched back, duplicates merged, addresses that bounce, opt-outs, fields
tidied by hand, owners changed over everybody's head, and a colleague who leaves.
"""

from random import Random
from typing import TYPE_CHECKING

from leadsync.sandbox.world.scene import Prospect, Row, Scene
from leadsync.sandbox.world.staff import LEAVER

if TYPE_CHECKING:
    from leadsync.sandbox.store import Via


def plan_for_lead(scene: Scene, prospect: Prospect) -> None:
    """Draw what will go wrong with a lead that has just arrived; most are spared."""
    rng, users, number = prospect.rng, scene.company.users, prospect.number
    is_test = (prospect.email or "").startswith("qa+test@")
    if rng.random() < (0.5 if is_test else 0.015):
        scene.at_desk_of(users["revops"], rng.uniform(4, 500), "delete", number)
    if rng.random() < 0.02:
        scene.after(rng.uniform(1, 20) * 86400, "bounce", number)
    if rng.random() < 0.015:
        scene.after(rng.uniform(1, 40) * 86400, "opt_out", number)
    if rng.random() < 0.05:
        scene.at_desk_of(users["nils"], rng.uniform(2, 200), "tidy", number)
    if rng.random() < 0.015:
        scene.at_desk_of(users["dora"], rng.uniform(24, 400), "reassign", number)
    if prospect.email and len(scene.by_email[prospect.email.lower()]) > 1 and rng.random() < 0.6:
        scene.at_desk_of(users["revops"], rng.uniform(10, 300), "merge", number)


def plan_for_contact(scene: Scene, prospect: Prospect) -> None:
    """Draw whether a contact will be typed in a second time."""
    if prospect.rng.random() < 0.06:
        rep = scene.stream("desk").choice([scene.company.users[name] for name in ("greta", "kate", "dora")])
        scene.at_desk_of(rep, prospect.rng.uniform(24, 3000), "type_again", prospect.number, rep)


def type_again(scene: Scene, number: int, by: str) -> None:
    """Somebody does not find a contact and makes a new one; sooner or later the two are merged."""
    known = scene.people[number]
    row = scene.live_row(known)
    if row is None or known.object != "Contact" or scene.has_left(by):
        return
    names = ("FirstName", "LastName", "Email", "AccountId", "OwnerId", "MailingCountry")
    with scene.doing(by) as tx:
        id_ = tx.insert("Contact", {name: row[name] for name in names})
    rng = Random(f"{scene.seed}:again:{number}")
    copy = scene.add_person("Contact", id_, email=row["Email"], country=known.country, interest=known.interest, rng=rng)
    scene.at_desk_of(scene.company.users["revops"], rng.uniform(10, 500), "merge", copy.number)


def delete(scene: Scene, number: int) -> None:
    """An administrator deletes a record, and may regret it."""
    prospect, by = scene.people[number], scene.company.users["revops"]
    if scene.has_left(by) or scene.live_row(prospect) is None:
        return
    with scene.doing(by) as tx:
        tx.delete(prospect.object, prospect.id)
    if prospect.rng.random() < 0.45:
        scene.at_desk_of(by, prospect.rng.uniform(0.1, 120), "undelete", prospect.object, prospect.id)


def undelete(scene: Scene, object_: str, id_: str) -> None:
    """What was deleted comes back out of the bin."""
    row, by = scene.current(object_, id_), scene.company.users["revops"]
    if row is not None and row["IsDeleted"] and not scene.has_left(by):
        with scene.doing(by) as tx:
            tx.undelete(object_, id_)


def merge(scene: Scene, number: int) -> None:
    """Merge a record with an older one of the same kind and address; the older one wins, mostly."""
    prospect, by = scene.people[number], scene.company.users["revops"]
    if scene.has_left(by) or prospect.email is None or scene.live_row(prospect) is None:
        return
    for id_ in scene.by_email[prospect.email.lower()]:
        other = scene.prospects[id_]
        same = other.object == prospect.object and other.id == id_ and id_ != prospect.id
        if same and scene.live_row(other) is not None:
            break
    else:
        return
    master, loser = (other, prospect) if prospect.rng.random() < 0.8 else (prospect, other)
    with scene.doing(by) as tx:
        tx.merge(master.object, master.id, [loser.id])
    master.members = {**loser.members, **master.members}
    master.heat += loser.heat
    loser_id, loser.id = loser.id, master.id
    loser.members = master.members
    loser.plan += 1
    scene.prospects[master.id] = master
    if prospect.rng.random() < 0.08:
        scene.at_desk_of(by, prospect.rng.uniform(0.2, 60), "undelete", master.object, loser_id)


def bounce(scene: Scene, number: int) -> None:
    """A mailing comes back."""
    _set(
        scene,
        number,
        "marketo",
        "automation",
        {"EmailBouncedDate": scene.now, "EmailBouncedReason": "550 no such user"},
    )


def opt_out(scene: Scene, number: int) -> None:
    """Somebody follows the link at the foot of a mail."""
    _set(scene, number, "pardot", "world", {"HasOptedOutOfEmail": True})


def tidy(scene: Scene, number: int) -> None:
    """Marketing fills in or mends a field by hand."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None:
        return
    field = "Country" if prospect.object == "Lead" else "MailingCountry"
    if prospect.object == "Lead" and not row.get("NumberOfEmployees"):
        _set(scene, number, "nils", "person", {"NumberOfEmployees": prospect.rng.choice((50, 200, 400, 1000))})
    elif not row.get(field):
        _set(scene, number, "nils", "person", {field: prospect.country})
    else:
        _set(
            scene,
            number,
            "nils",
            "person",
            {"Title": prospect.rng.choice(("Operations Manager", "Leiter Einkauf", "Gerente de Marketing"))},
        )


def reassign(scene: Scene, number: int) -> None:
    """A manager gives a lead to somebody else, for reasons of their own."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or prospect.object != "Lead" or scene.company.kinds.get(str(row["OwnerId"])) not in ("ldr", "ae"):
        return
    kind = scene.company.kinds[str(row["OwnerId"])]
    others = sorted(user for user, known in scene.company.kinds.items() if known == kind and user != row["OwnerId"])
    by = "dora" if kind == "ldr" else "greta"
    _set(scene, number, by, "person", {"OwnerId": prospect.rng.choice(others)})


def leave(scene: Scene) -> None:
    """A colleague leaves; what was theirs stays with the name."""
    gone = scene.company.users[LEAVER]
    with scene.doing(scene.company.users["revops"]) as tx:
        tx.update("User", gone, {"IsActive": False})


def _set(scene: Scene, number: int, user: str, via: "Via", fields: Row) -> None:
    prospect, by = scene.people[number], scene.company.users[user]
    if scene.live_row(prospect) is not None and not scene.has_left(by):
        with scene.doing(by, via) as tx:
            tx.update(prospect.object, prospect.id, fields)
