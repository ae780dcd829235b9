"""Which company in the CRM a lead belongs to: by domain, name without its legal form, and country, in points.

The ledger finds candidates by the keys below; here they are weighed. Two that come close are a person's to decide:
a wrong account gives a customer's people to a stranger. What a library knows (which part of a host is registered, legal
forms, how like two names are) is asked of `hygiene.Formats`; here is what none does: mail providers and profile pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from leadsync.domain.conditions import FactValue, fold
from leadsync.domain.countries import country_code
from leadsync.domain.hygiene import Formats
from leadsync.domain.records import Account, Value
from leadsync.domain.routing import AccountMatch


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEARLY_EQUAL = 0.9
"""From this share of matching letters on, two folded company names count as one."""

FREE_MAIL: frozenset[str] = _words(
    """
    gmail.com googlemail.com yahoo.com ymail.com rocketmail.com aol.com aim.com icloud.com me.com mac.com hotmail.com
    outlook.com live.com msn.com passport.com proton.me protonmail.com pm.me zoho.com fastmail.com hushmail.com
    tutanota.com tutanota.de tuta.io mail.com email.com usa.com gmx.com gmx.net gmx.de gmx.at gmx.ch gmx.fr web.de
    freenet.de t-online.de arcor.de posteo.de mailbox.org online.de 1und1.de bluewin.ch hispeed.ch sunrise.ch chello.at
    aon.at orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it
    tin.it tim.it telefonica.net terra.es telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl planet.nl xs4all.nl
    hetnet.nl home.nl wp.pl o2.pl onet.pl interia.pl op.pl gazeta.pl seznam.cz email.cz centrum.cz
    btinternet.com virginmedia.com sky.com talktalk.net ntlworld.com blueyonder.co.uk comcast.net verizon.net att.net
    sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com rogers.com shaw.ca sympatico.ca bell.net
    telus.net bigpond.com optusnet.com.au xtra.co.nz uol.com.br bol.com.br terra.com.br ig.com.br globo.com sapo.pt
    prodigy.net.mx mail.ru bk.ru list.ru inbox.ru yandex.ru yandex.com rambler.ru ukr.net abv.bg mail.bg telia.com
    rediffmail.com sify.com qq.com 163.com 126.com sina.com sohu.com foxmail.com yeah.net naver.com daum.net
    hanmail.net docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com walla.co.il mweb.co.za yopmail.com mailinator.com
    """
)
"""Mail providers whose domain says nothing about the company; those with a domain per country are told by name."""

_FREE_IN_EVERY_COUNTRY = frozenset({"yahoo", "hotmail", "outlook", "live", "gmx"})

# A page there is somebody's profile and not their own website.
_PROFILES = _words("facebook.com instagram.com linkedin.com twitter.com x.com xing.com youtube.com google.com")


@dataclass(frozen=True, slots=True)
class Match:
    """The account that a lead belongs to, or those that came too close to tell, best first; `points` of the best."""

    account: Account | None = None
    ambiguous: tuple[Account, ...] = ()
    points: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """What a record or account is found by: its company's domains and its folded company name."""

    domains: tuple[str, ...]
    company: str | None


def match_account(
    rules: AccountMatch,
    formats: Formats,
    *,
    email: str | None,
    website: str | None,
    company: str | None,
    country: str | None,
    candidates: Sequence[Account],
) -> Match:
    """Return the account with the most points if it has enough of them and no other is close behind.

    A domain counts once, from the e-mail or the website, and never a mail provider's. Nothing at all is returned below
    `accept`; every account within `ambiguous_within` points of an accepted best makes the answer ambiguous.
    """
    keys = match_keys((email, website), company, formats, rules.free_mail)
    ranked = sorted(
        (
            (_points(rules, account.fields, keys, country, formats), account)
            for account in candidates
            if not account.deleted
        ),
        key=lambda scored: (-scored[0], scored[1].id),
    )
    if not ranked or ranked[0][0] < rules.accept:
        return Match(points=ranked[0][0] if ranked else 0)
    best = ranked[0][0]
    close = tuple(account for points, account in ranked if points >= best - rules.ambiguous_within)
    return Match(close[0], points=best) if len(close) == 1 else Match(ambiguous=close, points=best)


def match_keys(
    sites: Iterable[FactValue], company: FactValue, formats: Formats, more_free: frozenset[str] = frozenset()
) -> Keys:
    """Return the keys by which a record finds accounts; `sites` are its e-mail address and its website."""
    domains = dict.fromkeys(own_domains(sites, formats, more_free))
    return Keys(tuple(domains), formats.company(_text(company) or ""))


def account_keys(account: Mapping[str, FactValue], formats: Formats, more_free: frozenset[str] = frozenset()) -> Keys:
    """Return the keys by which an account is found: of its field `domain` and its website, and of its name."""
    return match_keys((account.get("domain"), account.get("website")), account.get("name"), formats, more_free)


def account_domain(account: Mapping[str, FactValue], formats: Formats) -> str | None:
    """Return an account's own domain: of its field `domain`, else of its website."""
    return next(own_domains((account.get("domain"), account.get("website")), formats), None)


def own_domains(sites: Iterable[FactValue], formats: Formats, more_free: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the company's domains in e-mail addresses and URLs, in their order."""
    for site in sites:
        if domain := own_domain(_text(site), formats, more_free):
            yield domain


def own_domain(text: str | None, formats: Formats, more_free: frozenset[str] = frozenset()) -> str | None:
    """Return the company's domain in an e-mail address or URL, None for mail providers and profile pages."""
    domain = domain_of(text, formats)
    if domain is None or is_free_mail(domain, more_free):
        return None
    return None if "@" not in (text or "") and domain in _PROFILES and _has_path(text or "") else domain


def is_free_mail(domain: str, more_free: frozenset[str] = frozenset()) -> bool:
    """Say whether a domain belongs to a mail provider, and so to nobody's company."""
    first, _, rest = domain.partition(".")
    everywhere = first in _FREE_IN_EVERY_COUNTRY and (rest == "com" or len(rest.split(".")[-1]) == 2)
    return everywhere or domain in FREE_MAIL or domain in more_free


def domain_of(email_or_url: str | None, formats: Formats) -> str | None:
    """Return the registrable domain of an e-mail address or URL in lower case, None when there is none.

    `ada@mail.initech.co.uk` and `https://www.initech.co.uk/en` give `initech.co.uk`.
    """
    text = (email_or_url or "").strip().casefold()
    if not text:
        return None
    if "@" in text and "://" not in text:
        return formats.domain(text.rpartition("@")[2].rstrip(">"))
    try:
        return formats.domain(urlsplit(text if "://" in text else f"//{text}").hostname or "")
    except ValueError:
        return None


def _points(
    rules: AccountMatch, account: Mapping[str, Value], keys: Keys, country: str | None, formats: Formats
) -> int:
    points = 0
    theirs = account_keys(account, formats, rules.free_mail)
    if not set(keys.domains).isdisjoint(theirs.domains):
        points += rules.domain
    if keys.company and theirs.company and formats.likeness(keys.company, theirs.company) >= NEARLY_EQUAL:
        points += rules.name
    their_country = _text(account.get("country"))
    if country and their_country and _country(country) == _country(their_country):
        points += rules.country
    return points


def _country(text: str) -> str:
    return country_code(text) or fold(text)


def _has_path(url: str) -> bool:
    return bool(url.strip().split("://")[-1].partition("/")[2])


def _text(value: FactValue) -> str | None:
    return value if isinstance(value, str) else None
