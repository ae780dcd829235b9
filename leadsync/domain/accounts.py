"""Which company in the CRM a lead belongs to: by domain, name without its legal form, and country, in points.

The ledger finds candidates by the keys below; here they are weighed. Two that come close are a person's to decide:
a wrong account gives a customer's people to a stranger.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from urllib.parse import urlsplit

from leadsync.domain.conditions import fold
from leadsync.domain.countries import country_code
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

# Second levels under which companies register below a country's domain: initech.co.uk, initech.com.br.
_SECOND_LEVELS = _words("ac co com edu gen go gob gov gv ltd me mil ne net nom or org plc sch")

# Hosts that give each customer a name of their own, so that the name before them is the company's.
_HOSTED = _words(
    """
    blogspot.com github.io gitlab.io godaddysites.com herokuapp.com jimdofree.com myshopify.com netlify.app pages.dev
    squarespace.com vercel.app webflow.io weebly.com wixsite.com wordpress.com
    """
)

# A page there is somebody's profile and not their own website.
_PROFILES = _words("facebook.com instagram.com linkedin.com twitter.com x.com xing.com youtube.com google.com")

_LEGAL_FORMS = _words(
    """
    ab ag aktiengesellschaft aps as asa bhd bv bvba cia co company corp corporation cv doo ead ehf ek eood ev
    gbr gesmbh gmbh hf incorporated inc kft kg kgaa kk lda limitada limited llc llp lp ltd ltda mbh nv nyrt oao ohg ood
    oy oyj pbc plc pllc pt pte pty pvt rt sa sab sae sagl sapi sarl sas sasu scrl sdn se sia sl slu snc spa spk spol
    spolka sprl spz srl sro ug uab vof zao zrt ооо ао зао пао
    """
)
_LEGAL_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        "s de rl de cv", "sa de cv", "s en c", "sp z o o", "sp z oo",
        "sp zoo", "spol s ro", "s r o", "s ro", "s r l", "s p a", "s a",
        "d o o", "haftungsbeschrankt", "a s", "b v", "n v", "k s", "z o o", "z oo",
    )
)  # fmt: skip
_JOINING = frozenset({"and", "und", "et", "y", "e", "i", "og", "och", "en"})
_LEADING = frozenset({"the", "pt", "ooo", "oao", "zao", "ооо", "ао", "зао", "пао"})
# Written without a blank; folded like the names, since folding takes Korean syllables apart.
_JOINED_FORMS = tuple(
    map(fold, ("株式会社", "有限会社", "合同会社", "股份有限公司", "有限责任公司", "有限公司", "주식회사"))
)

# Letters that Unicode does not take apart into a base and an accent.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_LABEL = re.compile(r"[a-z0-9_-]+")
_INITIALS = re.compile(r"\b(\w)\.(?=\s?\w\b|$|\s|,)")


@dataclass(frozen=True, slots=True)
class Match:
    """The account that a lead belongs to, or those that came too close to tell, best first; `points` of the best."""

    account: Account | None = None
    ambiguous: tuple[Account, ...] = ()
    points: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """What a record or account is found by: its company's domain and its folded company name, None when it has none."""

    domain: str | None
    company: str | None


def match_account(
    rules: AccountMatch,
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
    domains = {own_domain(text, rules.free_mail) for text in (email, website)} - {None}
    name = company_key(company)
    ranked = sorted(
        (
            (_points(rules, account.fields, domains, name, country), account)
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
    email: str | None, website: str | None, company: str | None, more_free: frozenset[str] = frozenset()
) -> Keys:
    """Return the keys by which accounts are looked up; an account's own keys are those of its website and name."""
    return Keys(own_domain(email, more_free) or own_domain(website, more_free), company_key(company))


def own_domain(text: str | None, more_free: frozenset[str] = frozenset()) -> str | None:
    """Return the company's domain in an e-mail address or URL, None for mail providers and profile pages."""
    domain = domain_of(text)
    if domain is None or is_free_mail(domain, more_free):
        return None
    return None if "@" not in (text or "") and domain in _PROFILES and _has_path(text or "") else domain


def is_free_mail(domain: str, more_free: frozenset[str] = frozenset()) -> bool:
    """Say whether a domain belongs to a mail provider, and so to nobody's company."""
    first, _, rest = domain.partition(".")
    everywhere = first in _FREE_IN_EVERY_COUNTRY and (rest == "com" or len(rest.split(".")[-1]) == 2)
    return everywhere or domain in FREE_MAIL or domain in more_free


def domain_of(email_or_url: str | None) -> str | None:
    """Return the registrable domain of an e-mail address or URL in lower case, None when there is none.

    `ada@mail.initech.co.uk` and `https://www.initech.co.uk/en` give `initech.co.uk`. Without the public suffix list,
    which is no part of the standard library, common second levels below countries are told by a short table.
    Names in other scripts come back in their `xn--` form, so that both spellings are one.
    """
    text = (email_or_url or "").strip().casefold()
    if "@" in text and "://" not in text:
        return _registrable(text.rpartition("@")[2].rstrip(">"))
    try:
        return _registrable(urlsplit(text if "://" in text else f"//{text}").hostname or "")
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def _registrable(host: str) -> str | None:
    labels = _ascii(host).rstrip(".").split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        return None
    tail = ".".join(labels[-2:])
    deeper = tail in _HOSTED or (len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS)
    return ".".join(labels[-3:]) if deeper else tail


@lru_cache(maxsize=16384)
def company_key(name: str | None) -> str | None:
    """Return a company name folded and without its legal form, None when nothing is left to compare.

    `Müller & Söhne GmbH & Co. KG` gives `muller sohne`. A name that is nothing but a legal form keeps it.
    """
    folded = fold(name or "").translate(_PLAIN)
    for form in _JOINED_FORMS:
        folded = folded.replace(form, " ")
    words = re.findall(r"\w+", _INITIALS.sub(r"\1", folded).replace("'", "").replace("’", ""))
    kept = _without_legal_form(words)
    return " ".join(kept) or None


def _without_legal_form(words: Sequence[str]) -> Sequence[str]:
    """Return the words without legal forms at the end, however many, and without what may stand before the name."""
    kept = list(words)
    while len(kept) > 1:
        phrase = next((p for p in _LEGAL_PHRASES if len(kept) > len(p) and tuple(kept[-len(p) :]) == p), None)
        if phrase:
            del kept[-len(phrase) :]
        elif kept[-1] in _LEGAL_FORMS or kept[-1] in _JOINING:
            kept.pop()
        else:
            break
    return kept[1:] if len(kept) > 1 and kept[0] in _LEADING else kept


def _points(
    rules: AccountMatch, account: Mapping[str, Value], domains: set[str | None], name: str | None, country: str | None
) -> int:
    points = 0
    theirs = {own_domain(_text(account.get(field)), rules.free_mail) for field in ("website", "domain")}
    if not domains.isdisjoint(theirs):
        points += rules.domain
    if _is_nearly(name, company_key(_text(account.get("name")))):
        points += rules.name
    their_country = _text(account.get("country"))
    if country and their_country and _country(country) == _country(their_country):
        points += rules.country
    return points


def _country(text: str) -> str:
    return country_code(text) or fold(text)


def _is_nearly(one: str | None, other: str | None) -> bool:
    if not one or not other:
        return False
    first, second = sorted((one, other))  # SequenceMatcher is not symmetric
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= NEARLY_EQUAL


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _has_path(url: str) -> bool:
    return bool(url.strip().split("://")[-1].partition("/")[2])


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
