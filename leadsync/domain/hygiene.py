"""Field values tidied for comparing: phones, e-mails, countries, states and names however they were written.

The record keeps what the CRM shows; a tidy value is worked out when it is asked for. What needs a library (phones, e-mail
syntax, domains, company names) is asked of `Formats`, which whoever builds a decision's grounds hands in. Whether a tidy
value may be written back is decided in `cleansing.py`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Protocol

from leadsync.domain.conditions import FactValue
from leadsync.domain.countries import country_code
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Value
from leadsync.domain.states import state_code

_BLANKS = re.compile(r"[ \t\u00a0\u2007\u202f]+")


class Formats(Protocol):
    """What only a library can tell about a text."""

    def phone(self, text: str, country: str | None) -> str | None:
        """Return a phone number in E.164 (`+4940123456`), None for what is none or cannot be told.

        `country` is the ISO code that a number without its country belongs to.
        """

    def email(self, text: str) -> str | None:
        """Return an e-mail address in lower case, None for what is no address."""

    def domain(self, host: str) -> str | None:
        """Return the domain under which a host is registered (`initech.co.uk` of `mail.initech.co.uk`), None without one."""

    def company(self, name: str) -> str | None:
        """Return a company name folded and without its legal form, None when nothing is left to compare."""

    def likeness(self, one: str, other: str) -> float:
        """Return how like each other two folded names are, from 0 to 1."""


class Tidied(Mapping[str, FactValue]):
    """Fields of a record or an account by leadsync's names, each tidied when it is first asked for.

    `company` are the account's fields, whose country counts when the record names none.
    """

    __slots__ = ("_company", "_country", "_fields", "_formats", "_known", "_mapped")

    def __init__(
        self,
        fields: Mapping[str, Value],
        mapped: Mapping[str, FieldMapping],
        formats: Formats,
        company: "Tidied | None" = None,
    ) -> None:
        self._fields, self._mapped, self._formats, self._company = fields, mapped, formats, company
        self._known: dict[str, FactValue] = {}
        self._country: str | None = ""  # until it is asked for

    def __getitem__(self, name: str) -> FactValue:
        """Return a field's tidy value; one that cannot be tidied is as the CRM shows it."""
        if name not in self._known:
            value = self._fields[name]
            tidy = self.tidy(name)
            self._known[name] = value if tidy is None else tidy
        return self._known[name]

    def tidy(self, name: str) -> Value:
        """Return a field's tidy value, None for a blank and for what cannot be read as what it should be."""
        field, value = self._mapped.get(name), self._fields.get(name)
        if field is None or not isinstance(value, str):
            return value
        match field.type:
            case "country":
                return country_code(value)
            case "state":
                return state_code(value, self.country)
            case "phone":
                return self._formats.phone(value, self.country)
            case "email":
                return self._formats.email(value)
            case "text":
                return spaced(value) or None
            case _:
                return value

    @property
    def country(self) -> str | None:
        """Return the ISO code of the country that the fields name, else of the company's."""
        if self._country == "":
            self._country = self._where()
        return self._country

    def _where(self) -> str | None:
        for name, field in self._mapped.items():
            value = self._fields.get(name)
            if field.type == "country" and isinstance(value, str) and (code := country_code(value)) is not None:
                return code
        return self._company.country if self._company else None

    def __iter__(self) -> Iterator[str]:
        """Return the names of the fields."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return how many fields there are."""
        return len(self._fields)


def spaced(text: str) -> str:
    """Return a text with composed letters and one blank where there were several; lines stay lines."""
    if text.isascii() and "  " not in text and "\t" not in text:
        return text.strip()
    return _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def is_same_but_for_format(one: str, other: str) -> bool:
    """Say whether two texts have the same letters and digits in the same order; case, blanks and marks do not count.

    Accents count: Muller is not Müller.
    """
    return _letters(one) == _letters(other) != ""


def _letters(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFC", text).casefold() if letter.isalnum())
