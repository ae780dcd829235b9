"""Conversions and opportunities: a lead becomes a contact, new or known, at an account, new or matched; deals go through their
stages and are won or lost weeks later.
"""

from datetime import timedelta

from leadsync.sandbox.world import engagement
from leadsync.sandbox.world.scene import Prospect, Row, Scene, stage_of
from leadsync.sandbox.world.statuses import CONVERTED, CONVERTED_SQL, LOST_DEAL, REMARKET, SQL

_PATH = ("Qualification", "Proposal/Price Quote", "Negotiation/Review")


def convert(scene: Scene, who: str, prospect: Prospect, row: Row, *, with_deal: bool) -> None:
    """Convert a lead, into a contact that is known by its address if the rep cares to look."""
    rng = scene.stream(who)
    address = (prospect.email or "").lower()
    known = scene.prospects.get(scene.contacts.get(address, ""))
    overlooked = False
    if known is not None and (known.object != "Contact" or scene.live_row(known) is None):
        known = None
    elif known is not None and rng.random() < 0.2:
        known, overlooked = None, True
    firm = scene.company.by_domain.get(address.rpartition("@")[2])
    status = CONVERTED_SQL if with_deal and rng.random() < 0.4 else CONVERTED
    with scene.doing(who) as tx:
        ids = tx.convert(
            prospect.id,
            contact=known.id if known else None,
            account=firm.id if firm and known is None else None,
            opportunity=with_deal,
            status=status,
            owner=who,
        )
        if ids["opportunity"]:
            amount = _amount(row.get("NumberOfEmployees") or (firm.employees if firm else 100), scene, who)
            deal = {"Name": f"{row.get('Company') or prospect.id} - first order"[:120], "Amount": amount}
            tx.update("Opportunity", ids["opportunity"], deal)
    prospect.object, prospect.id = "Contact", str(ids["contact"])
    prospect.plan += 1
    if known is None:
        prospect.stage = None
        scene.settle(prospect)
        if overlooked:
            scene.at_desk_of(scene.company.users["revops"], rng.uniform(10, 200), "merge", prospect.number)
    else:
        # One human from now on: what either of them would have done goes on, on one record.
        known.members.update(prospect.members)
        prospect.members, prospect.stage = known.members, known.stage
    if ids["opportunity"]:
        _plan_deal(scene, who, ids["opportunity"], prospect)
    if not scene.aided and rng.random() < 0.35:
        stage = SQL if with_deal else stage_of(row, "Lead")
        scene.after(rng.randrange(30, 1200), "fill_contact_status", prospect.number, who, stage)


def fill_contact_status(scene: Scene, number: int, who: str, stage: str | None) -> None:
    """Some reps kept the contact's status by hand before leadsync did, for the stages that the picklist knows."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    is_free = row is not None and prospect.object == "Contact" and not row["Contact_Status__c"]
    if not is_free or scene.has_left(who) or stage not in (SQL, "SAL", "MQL"):
        return
    with scene.doing(who) as tx:
        tx.update("Contact", prospect.id, {"Contact_Status__c": stage})


def open_for_contact(scene: Scene, who: str, prospect: Prospect, row: Row) -> None:
    """Open a deal for a contact; a few are opened without a contact role, as hurried people do."""
    rng = scene.stream(who)
    name = f"{row.get('Name') or row.get('LastName')} - {rng.choice(('renewal', 'extension', 'new site'))}"[:120]
    with scene.doing(who) as tx:
        deal = tx.insert(
            "Opportunity",
            {
                "Name": name,
                "AccountId": row.get("AccountId"),
                "OwnerId": who,
                "StageName": "Prospecting",
                "Amount": _amount(300, scene, who),
                "CloseDate": (scene.now + timedelta(days=60)).date(),
                "LeadSource": row.get("LeadSource"),
            },
        )
        if rng.random() > 0.08:
            role = {"OpportunityId": deal, "ContactId": prospect.id, "Role": "Decision Maker", "IsPrimary": True}
            tx.insert("OpportunityContactRole", role)
        if not scene.aided or rng.random() < 0.3:
            tx.update("Contact", prospect.id, {"Contact_Status__c": SQL})
    _plan_deal(scene, who, deal, prospect)


def move_deal(scene: Scene, deal: str, number: int, contact: str, step: int) -> None:
    """Move a deal one stage on, or close it."""
    row = scene.current("Opportunity", deal)
    if row is None or row["IsDeleted"] or row["IsClosed"] or scene.company.kinds.get(row["OwnerId"]) in (None, "gone"):
        return
    who = str(row["OwnerId"])
    rng, prospect = scene.stream(who), scene.people[number]
    is_over = step >= len(_PATH) or rng.random() < 0.2
    is_won = is_over and rng.random() < 0.12 + 0.4 * prospect.interest
    with scene.doing(who) as tx:
        if is_over:
            closed = {"StageName": "Closed Won" if is_won else "Closed Lost", "CloseDate": scene.now.date()}
            tx.update("Opportunity", deal, closed)
            if is_won and row.get("AccountId"):
                tx.update("Account", str(row["AccountId"]), {"Type": "Customer"})
        else:
            tx.update("Opportunity", deal, {"StageName": _PATH[step]})
    if not is_over:
        scene.at_desk_of(who, rng.uniform(40, 330), "move_deal", deal, number, contact, step + 1)
        return
    scene.open_deals[contact] -= 1
    if is_won:
        engagement.warm_up(scene, prospect)
    elif not scene.aided:
        scene.after(rng.randrange(60, 4000), "give_up", number, who)


def give_up(scene: Scene, number: int, who: str) -> None:
    """After a lost deal, without leadsync, some reps put the contact aside by hand, and more forget it."""
    prospect = scene.people[number]
    row = scene.live_row(prospect)
    if row is None or prospect.object != "Contact" or scene.has_left(who) or scene.stream(who).random() < 0.5:
        return
    with scene.doing(who) as tx:
        tx.update("Contact", prospect.id, {"Contact_Status__c": REMARKET, "LeadSync_Recycle_Reason__c": LOST_DEAL})


def _amount(employees: int, scene: Scene, who: str) -> float:
    return float(scene.stream(who).randrange(6, 30) * 1000 + min(employees, 5000) * 12)


def _plan_deal(scene: Scene, who: str, deal: str, prospect: Prospect) -> None:
    scene.open_deals[prospect.id] = scene.open_deals.get(prospect.id, 0) + 1
    hours = scene.stream(who).uniform(40, 260)
    scene.at_desk_of(who, hours, "move_deal", deal, prospect.number, prospect.id, 0)
