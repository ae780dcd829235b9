"""Phones and e-mail addresses read by libraries, all offline; `domain.hygiene.Formats` for decisions and reports.

The libraries are imported when the first value is asked for, so that a command which needs none starts without them.
"""

import re
from functools import lru_cache


class LibraryFormats:
    """Phones by libphonenumber's tables, e-mail addresses by the rules of RFC 5321 and 5322."""

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


FORMATS = LibraryFormats()

SHORTEST = 10_000
"""The least national number, of five digits: what is shorter is an extension or a service."""


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
