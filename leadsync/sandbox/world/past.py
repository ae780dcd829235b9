"""The people at Acme's accounts, and how they came to be there in the months before the first lead of the story."""

from datetime import timedelta
from random import Random

from leadsync.sandbox.world import engagement, mishaps
from leadsync.sandbox.world.names import mailable
from leadsync.sandbox.world.scene import Row, Scene
from leadsync.sandbox.world.statuses import REMARKET, SAL, SQL
from leadsync.sandbox.world.titles import SENIORITIES, TITLES

_DAY = timedelta(days=1)


def plan_contacts(scene: Scene, rng: Random, count: int, days_before: int) -> None:
    """Plan the arrival of the people at Acme's accounts, in the months before the first lead."""
    for _ in range(count):
        scene.later(
            scene.now + _DAY * rng.uniform(3, days_before - 3), "meet_contact", rng.randrange(len(scene.company.firms))
        )


def meet_contact(scene: Scene, place: int) -> None:
    """A contact is typed in by the account's owner; most have no status, a few bear the traces of an earlier attempt."""
    firm = scene.company.firms[place]
    rng = Random(f"{scene.seed}:contact:{len(scene.people)}")
    first, last = rng.choice(firm.culture.first), rng.choice(firm.culture.last)
    town, region, postal = rng.choice(firm.culture.towns)
    seniority = rng.choices(SENIORITIES, weights=[weight for _, weight in SENIORITIES])[0][0]
    email = f"{mailable(first)}.{mailable(last)}@{firm.domain}" if rng.random() > 0.06 else None
    stage = rng.choices((None, SQL, REMARKET, SAL), weights=(70, 12, 15, 3))[0]
    row: Row = {
        "FirstName": first,
        "LastName": last,
        "Title": rng.choice(TITLES[firm.culture.language][seniority]),
        "Email": email,
        "Phone": f"{firm.culture.dial} 555 {rng.randrange(1000000, 9999999)}",
        "AccountId": firm.id,
        "OwnerId": firm.owner,
        "LeadSource": rng.choice(("Trade Show", "Partner Referral", "Web", None)),
        "MailingCity": town,
        "MailingState": region or None,
        "MailingPostalCode": postal,
        "MailingCountry": firm.culture.country,
        "Contact_Status__c": stage,
    }
    if stage == REMARKET:
        row["LeadSync_Recycle_Reason__c"] = rng.choice(("Timing", "Lost deal", "No budget", None))
    by = firm.owner if scene.company.kinds[firm.owner] != "gone" else scene.company.users["greta"]
    with scene.doing(by) as tx:
        id_ = tx.insert("Contact", row)
    prospect = scene.add_person(
        "Contact", id_, email=email, country=firm.culture.code, interest=rng.betavariate(1.5, 2.0), rng=rng
    )
    engagement.plan_journey(scene, prospect)
    mishaps.plan_for_contact(scene, prospect)
