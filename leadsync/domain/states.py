"""States and provinces by the ways people write them, as the second part of their ISO 3166-2 code.

Only countries whose companies are divided by state in sales territories; any other text stays as it was written.
"""

from collections.abc import Mapping

from leadsync.domain.conditions import fold

_NAMES: Mapping[str, str] = {
    "US": """AL alabama|AK alaska|AZ arizona|AR arkansas|CA california|CO colorado|CT connecticut|DE delaware|
        DC district of columbia, washington dc, washington d.c., d.c.|FL florida|GA georgia|HI hawaii|ID idaho|IL illinois|
        IN indiana|IA iowa|KS kansas|KY kentucky|LA louisiana|ME maine|MD maryland|MA massachusetts|MI michigan|MN minnesota|
        MS mississippi|MO missouri|MT montana|NE nebraska|NV nevada|NH new hampshire|NJ new jersey|NM new mexico|NY new york|
        NC north carolina|ND north dakota|OH ohio|OK oklahoma|OR oregon|PA pennsylvania|PR puerto rico|RI rhode island|
        SC south carolina|SD south dakota|TN tennessee|TX texas|UT utah|VT vermont|VA virginia|WA washington|
        WV west virginia|WI wisconsin|WY wyoming""",
    "CA": """AB alberta|BC british columbia, colombie-britannique|MB manitoba|
        NB new brunswick, nouveau-brunswick|NL newfoundland and labrador, newfoundland, terre-neuve-et-labrador|
        NS nova scotia, nouvelle-ecosse|NT northwest territories|NU nunavut|ON ontario|
        PE prince edward island, ile-du-prince-edouard|QC quebec|SK saskatchewan|YT yukon""",
    "AU": """ACT australian capital territory|NSW new south wales|NT northern territory|QLD queensland|SA south australia|
        TAS tasmania|VIC victoria|WA western australia""",
    "DE": """BB brandenburg|BE berlin|BW baden-württemberg, baden-wuerttemberg|BY bayern, bavaria|HB bremen|HE hessen, hesse|
        HH hamburg|MV mecklenburg-vorpommern|NI niedersachsen, lower saxony|NW nordrhein-westfalen, north rhine-westphalia, nrw|
        RP rheinland-pfalz, rhineland-palatinate|SH schleswig-holstein|SL saarland|SN sachsen, saxony|
        ST sachsen-anhalt, saxony-anhalt|TH thüringen, thueringen, thuringia""",
    "BR": """AC acre|AL alagoas|AM amazonas|AP amapa|BA bahia|CE ceara|DF distrito federal|ES espirito santo|GO goias|MA maranhao|
        MG minas gerais|MS mato grosso do sul|MT mato grosso|PA para|PB paraiba|PE pernambuco|PI piaui|PR parana|
        RJ rio de janeiro|RN rio grande do norte|RO rondonia|RR roraima|RS rio grande do sul|SC santa catarina|SE sergipe|
        SP sao paulo|TO tocantins""",
}  # fmt: skip


def _table(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in text.split("|"):
        code, _, names = entry.strip().partition(" ")
        found.update((fold(name), code) for name in (code, *names.split(",")))
    return found


_CODES = {country: _table(text) for country, text in _NAMES.items()}


def state_named(text: str) -> str | None:
    """Return the code of the one state of that name in any country; a code by itself names none, many countries have it."""
    wanted = fold(text)
    found = {codes[wanted] for codes in _CODES.values() if wanted in codes and fold(codes[wanted]) != wanted}
    return found.pop() if len(found) == 1 else None


def state_code(text: str, country: str | None) -> str | None:
    """Return the code of a state that a text names in a country, None for one that is not known there.

    Case, accents and a country in front (`US-CA`) do not matter.
    """
    codes = _CODES.get(country or "")
    if codes is None:
        return None
    wanted = fold(text)
    return codes.get(wanted) or codes.get(wanted.removeprefix(f"{fold(country or '')}-"))
