"""Phones, e-mail addresses, domains and company names read by libraries, all offline; `domain.hygiene.Formats` for all.

The libraries are imported when the first value is asked for, so that a command which needs none starts without them.
The tables here are the small rest that no library knows.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from leadsync.domain.conditions import fold

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


class LibraryFormats:
    """Phones by libphonenumber's tables, addresses by RFC 5321 and 5322, domains by the public suffix list of its release,
    company names by cleanco's legal forms, likeness by rapidfuzz.
    """

    def phone(self, text: str, country: str | None) -> str | None:
        """Return a valid phone number in E.164, None for what is none or lacks its country.

        A number with an extension is none here: E.164 has no place for it.
        """
        return _phone(text, country)

    def email(self, text: str) -> str | None:
        """Return an e-mail address in lower case, its domain in its own script, None for what is no address.

        Whether anybody reads mail there is not asked: nothing leaves this machine.
        """
        return _email(text)

    def domain(self, host: str) -> str | None:
        """Return the registrable domain of a host in lower case and its own script, None for an IP address or a suffix.

        The list's private section counts, so that each customer of a host (`acme.github.io`) is a company of its own;
        the host itself (`github.io`) is one too.
        """
        return _domain(host)

    def company(self, name: str) -> str | None:
        """Return a company name folded and without its legal forms, None when nothing is left to compare.

        `Müller & Söhne GmbH & Co. KG` gives `muller sohne`. A name that is nothing but a legal form keeps it.
        """
        return _company(name)

    def likeness(self, one: str, other: str) -> float:
        """Return the share of letters that two folded names have in common in the same order, from 0 to 1."""
        from rapidfuzz.distance import Indel

        return Indel.normalized_similarity(one, other)


FORMATS = LibraryFormats()

SHORTEST = 10_000
"""The least national number, of five digits: what is shorter is an extension or a service."""


def keys_made_by() -> str:
    """Return what domains and company names are made by: when it changes, keys that are stored have to be made anew.

    The number counts the changes of the tables here and of those in `domain.accounts`.
    """
    from importlib.metadata import version

    return " ".join(("1", *(f"{name} {version(name)}" for name in ("publicsuffixlist", "cleanco"))))


@lru_cache(maxsize=4096)
def _phone(text: str, country: str | None) -> str | None:
    import phonenumbers
    from phonenumbers import ValidationResult

    dialled = text.strip()
    if country is None and dialled.startswith("00"):
        dialled = f"+{dialled[2:]}"  # how most countries dial abroad
    try:
        number = phonenumbers.parse(dialled, country)
    except phonenumbers.NumberParseException:
        return None
    # Numbering plans grow faster than this table is renewed: a number of the right length is one.
    possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    if number.extension or not possible or (number.national_number or 0) < SHORTEST:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_PLAIN = re.compile(
    r"[a-z0-9_+-]{1,20}(\.[a-z0-9_+-]{1,20}){0,2}@([a-z0-9]{1,63}[.-]){1,4}(com|net|org|io|eu|[a-z]{2}|example)"
)
"""What nearly every address looks like, and no rule speaks against: the library takes a hundred times as long to say so."""


@lru_cache(maxsize=4096)
def _email(text: str) -> str | None:
    if (plain := text.strip().lower()).isascii() and _PLAIN.fullmatch(plain) and "-." not in plain:
        return plain
    from email_validator import EmailNotValidError, validate_email

    try:
        # Names that RFC 6761 sets aside for tests are addresses too: what a sandbox is filled with is not malformed.
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
_HOSTS = ("godaddysites.com", "jimdofree.com", "squarespace.com", "weebly.com", "wordpress.com")
"""Hosts that give each customer a name of their own and have not entered themselves in the public suffix list."""


@lru_cache(maxsize=16384)
def _domain(host: str) -> str | None:
    try:
        name = (host if host.isascii() else host.encode("idna").decode("ascii")).lower().rstrip(".")
    except UnicodeError:
        return None
    if not _HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
        return None
    found = _suffixes().privatesuffix(name) or _public_suffixes().privatesuffix(name)
    if found is None or "xn--" not in found:
        return found
    try:
        return found.encode("ascii").decode("idna")
    except UnicodeError:
        return found


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PSLFILE, PublicSuffixList

    with open(PSLFILE, "rb") as lines:
        return PublicSuffixList([*lines, *_HOSTS])


@cache
def _public_suffixes() -> "PublicSuffixList":
    """Return the list without its private section: asked only about what is itself a suffix in the other."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)


_MORE_FORMS = (
    "aktiengesellschaft", "cia", "ek", "eood", "gesmbh", "haftungsbeschränkt", "limitada", "mbh", "pbc", "pty", "pvt",
    "s. de r.l. de c.v.", "sdn", "slu", "sp. z oo", "sp. k.", "spk", "spol", "spol. s ro", "spółka", "spz", "ug", "z o.o.",
    "z oo", "ао", "зао",
)  # fmt: skip
"""Legal forms that cleanco 2.3 lacks."""

_NO_FORMS = frozenset({"ae", "at", "ba", "ca", "ee", "et", "eu", "is", "nl", "ps", "sd", "uk"})
"""Rare forms in cleanco that at the end of a name far more often say where a branch is: Initech UK is not Initech."""

_JOINED_FORMS = tuple(
    fold(form)
    for form in (
        "株式会社", "有限会社", "合同会社", "股份有限公司", "有限责任公司", "有限公司", "주식회사", "(株)", "(有)", "(주)",
    )
)  # fmt: skip
"""Written without a blank; folded like the names, since folding takes Korean syllables apart."""

_LEADING = frozenset({"the", "pt", "ooo", "oao", "zao", "ооо", "ао", "зао", "пао"})
"""What may stand before a name; cleanco would take any form from there, and AG Insurance is called so."""

_JOINING = frozenset({"and", "und", "et", "y", "e", "i", "og", "och", "en"})
"""What is left hanging when the form after it is gone: Müller und Co."""


@lru_cache(maxsize=16384)
def _company(name: str) -> str | None:
    folded = fold(name)
    if not folded.isascii():
        for form in _JOINED_FORMS:
            folded = folded.replace(form, " ")
    kept = _without_legal_forms(_words(folded))
    return " ".join(kept[1:] if len(kept) > 1 and kept[0] in _LEADING else kept) or None


_WORD = re.compile(r"\w+")
_INITIAL = re.compile(r"\b([^\W\d])\.(?=[^\W\d]\b)")


def _words(folded: str) -> list[str]:
    """Return the words of a folded name, initials as one whether or not blanks are between them: `J. P. Morgan S.p.A.`."""
    words: list[str] = []
    after_letter = False
    for word in _WORD.findall(_INITIAL.sub(r"\1", folded).replace("'", "").replace("’", "")):
        is_letter = len(word) == 1 and word.isalpha()
        if is_letter and after_letter:
            words[-1] += word
        else:
            words.append(word)
        after_letter = is_letter
    return words


def _without_legal_forms(words: list[str]) -> list[str]:
    """Return the words without the legal forms at their end, however many, and what joined them to the name."""
    by_last = _legal_forms()
    while len(words) > 1:
        form = next((form for form in by_last.get(words[-1], ()) if words[-len(form) :] == form), words)
        if len(form) == len(words):
            break
        words = words[: -len(form)]
        while len(words) > 1 and words[-1] in _JOINING:
            words.pop()
    return words


@cache
def _legal_forms() -> Mapping[str, Sequence[list[str]]]:
    """Return cleanco's legal forms and ours as folded words, longest first, by their last word.

    cleanco's own `basename` tries all of its 400 on every name; by the last word one to five are left.
    """
    from cleanco import prepare_default_terms

    theirs: list[tuple[int, list[str]]] = prepare_default_terms()
    found = {tuple(_words(fold(term))) for term in (*(" ".join(parts) for _, parts in theirs), *_MORE_FORMS)}
    by_last: dict[str, list[list[str]]] = defaultdict(list)
    for form in sorted(found, key=lambda form: (-len(form), form)):
        if form and not (len(form) == 1 and form[0] in _NO_FORMS):
            by_last[form[-1]].append(list(form))
    return by_last
