"""Who a new lead is: name, title, company, address, e-mail - with blanks, misspellings, shared mailboxes, junk, and people who are
in the CRM already.
"""

from random import Random

from leadsync.sandbox.world.company import Firm, draw_employees
from leadsync.sandbox.world.names import (
    COMPANY_STEMS,
    COMPANY_TRADES,
    FREE_MAIL,
    JUNK_COMPANIES,
    SHARED_MAILBOXES,
    Culture,
    mailable,
)
from leadsync.sandbox.world.scene import Row, Scene
from leadsync.sandbox.world.titles import JUNK_TITLES, SENIORITIES, TITLES


def draw_identity(scene: Scene, rng: Random, culture: Culture) -> Row:
    """Return the fields of a new lead that say who it is; one in fifteen is somebody whom the company knows already."""
    if scene.addresses and rng.random() < 0.07:
        again = _again(scene, rng)
        if again is not None:
            return again
    first, last = rng.choice(culture.first), rng.choice(culture.last)
    firm = rng.choice(scene.company.firms) if rng.random() < 0.2 else None
    row: Row = {"FirstName": first if rng.random() > 0.03 else None, "LastName": last}
    if firm is not None:
        domain = firm.domain
        row.update(_at_firm(rng, firm))
    else:
        stem, (trade, industry) = rng.choice(COMPANY_STEMS), rng.choice(COMPANY_TRADES)
        domain = f"{mailable(stem)}-{mailable(trade)}-{culture.code.lower()}{rng.randrange(40)}.example"
        row["Company"] = (
            f"{stem} {trade} {rng.choice(culture.forms)}" if rng.random() > 0.02 else rng.choice(JUNK_COMPANIES)
        )
        row["Industry"] = industry if rng.random() > 0.25 else None
        row["NumberOfEmployees"] = draw_employees(rng) if rng.random() > 0.25 else None
        row["Website"] = f"www.{domain}" if rng.random() > 0.5 else None
    town, region, postal = rng.choice(culture.towns)
    country = culture.country if rng.random() > 0.25 else rng.choice((*culture.dirty, None))
    row.update({"City": town, "State": region or None, "PostalCode": postal, "Country": country})
    row["Title"] = _title(rng, culture)
    digits = "".join(str(rng.randrange(10)) for _ in range(7))
    row["Phone"] = rng.choice(
        (f"{culture.dial} 555 {digits}", f"0555/{digits}", f"{culture.dial}555{digits}", None, None)
    )
    row["MobilePhone"] = f"{culture.dial} 170 {digits[::-1]}" if rng.random() < 0.25 else None
    row["Email"] = _email(rng, first, last, domain)
    row["HasOptedOutOfEmail"] = rng.random() < 0.04
    row["DoNotCall"] = rng.random() < 0.02
    if rng.random() < 0.008:
        row.update(
            {
                "FirstName": "Test",
                "LastName": "Test",
                "Company": "Test",
                "Email": f"qa+test@{rng.choice(('acme', 'mail'))}.example",
            }
        )
    elif rng.random() < 0.006:
        row["Email"] = f"{mailable(last)}@globex-rival.example"
    return row


def _at_firm(rng: Random, firm: Firm) -> Row:
    bare = firm.name.rsplit(" ", 1)[0]
    spelled = rng.choice((firm.name, firm.name, bare, bare.upper(), firm.name.lower(), f"{bare} "))
    return {
        "Company": spelled,
        "Industry": firm.industry if rng.random() > 0.5 else None,
        "NumberOfEmployees": firm.employees if rng.random() > 0.5 else None,
        "Website": f"https://{firm.domain}/" if rng.random() > 0.5 else None,
    }


def _title(rng: Random, culture: Culture) -> str | None:
    draw = rng.random()
    if draw < 0.08:
        return rng.choice((*JUNK_TITLES, None, None, None))
    language = culture.language if draw < 0.8 else "en"
    seniority = rng.choices(SENIORITIES, weights=[weight for _, weight in SENIORITIES])[0][0]
    title = rng.choice(TITLES[language][seniority])
    return title.upper() if draw > 0.97 else title


def _email(rng: Random, first: str, last: str, domain: str) -> str | None:
    given, family = mailable(first), mailable(last)
    draw = rng.random()
    if draw < 0.05:
        return None
    if draw < 0.08:
        return rng.choice(
            (
                f"{given}.{family}@{domain.removesuffix('.example')}",
                f"{given} {family}@{domain}",
                f"{family}@",
                f"{given}@@{domain}",
            )
        )
    if draw < 0.10:
        return f"{rng.choice(SHARED_MAILBOXES)}@{domain}"
    if draw < 0.21:
        return f"{given}.{family}{rng.randrange(1000, 100000)}@{rng.choice(FREE_MAIL)}"
    return rng.choice(
        (
            f"{given}.{family}@{domain}",
            f"{given[:1]}.{family}@{domain}",
            f"{family}@{domain}",
            f"{given}.{family}@{domain}".title(),
        )
    )


def _again(scene: Scene, rng: Random) -> Row | None:
    """Return somebody the company has already, typed in anew: the row that becomes a duplicate."""
    among = scene.contact_addresses if scene.contact_addresses and rng.random() < 0.6 else scene.addresses
    row = scene.live_row(scene.prospects[scene.by_email[rng.choice(among)][0]])
    if row is None:
        return None
    fields: Row = {name: row.get(name) for name in ("FirstName", "LastName", "Email", "Phone")}
    fields["Company"] = row.get("Company") or next(
        (f.name for f in scene.company.firms if f.id == row.get("AccountId")), "unknown"
    )
    fields["Title"] = row.get("Title") if rng.random() < 0.5 else None
    fields["Country"] = row.get("Country") or row.get("MailingCountry")
    return fields
