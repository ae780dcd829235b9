"""The main language of each country, for people whose own language nobody has recorded.

Where several languages are spoken it is the one of most business letters; whoever needs it finer maps a language field.
"""

import re

from leadsync.domain.conditions import fold

# ISO 639-1 language: ISO 3166-1 countries.
_SPOKEN_IN = {
    "ar": "AE BH DZ EG IQ JO KW LB LY MA MR OM PS QA SA SD SY TN YE",
    "az": "AZ",
    "bg": "BG",
    "bn": "BD",
    "bs": "BA",
    "cs": "CZ",
    "da": "DK FO GL",
    "de": "DE AT CH LI",
    "el": "GR CY",
    "en": "AG AI AU BB BM BS BW BZ CA CM DM FJ FK GB GD GG GH GI GM GY IE IM IN JE JM KE KN KY LC LR LS MT MU MW NA NG NZ PG PH PK "
    "RW SB SC SG SL SZ TC TO TT TZ UG US VC VG VI WS ZA ZM ZW",
    "es": "AR BO CL CO CR CU DO EC ES GQ GT HN MX NI PA PE PR PY SV UY VE",
    "et": "EE",
    "fa": "AF IR",
    "fi": "FI",
    "fr": "BF BI BJ BL CD CF CG CI DJ FR GA GF GN GP HT KM LU MC MF MG ML MQ NC NE PF PM RE SN TD TG WF YT",
    "he": "IL",
    "hr": "HR",
    "hu": "HU",
    "hy": "AM",
    "id": "ID",
    "is": "IS",
    "it": "IT SM VA",
    "ja": "JP",
    "ka": "GE",
    "kk": "KZ",
    "km": "KH",
    "ko": "KR KP",
    "lo": "LA",
    "lt": "LT",
    "lv": "LV",
    "mk": "MK",
    "mn": "MN",
    "ms": "MY BN",
    "my": "MM",
    "nb": "NO SJ",
    "ne": "NP",
    "nl": "NL BE AW BQ CW SR SX",
    "pl": "PL",
    "pt": "PT BR AO CV GW MZ ST TL",
    "ro": "RO MD",
    "ru": "RU BY KG",
    "si": "LK",
    "sk": "SK",
    "sl": "SI",
    "sq": "AL XK",
    "sr": "RS ME",
    "sv": "SE AX",
    "th": "TH",
    "tr": "TR",
    "uk": "UA",
    "uz": "UZ",
    "vi": "VN",
    "zh": "CN HK MO TW",
}
_MAIN = {country: language for language, countries in _SPOKEN_IN.items() for country in countries.split()}
_LOCALE = re.compile(r"([a-z]{2})([-_].*)?")


def language_of(language: str | None, country: str | None) -> str | None:
    """Return the language that a record names, else the main one of its country (ISO code), None when neither is known.

    A locale counts as its language: `de_AT` is `de`. Any other text is returned as it stands, folded.
    """
    if language and (spoken := fold(language)):
        found = _LOCALE.fullmatch(spoken)
        return found[1] if found else spoken
    return _MAIN.get(country.strip().upper()) if country else None
