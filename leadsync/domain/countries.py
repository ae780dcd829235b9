"""Countries by ISO 3166 code however people write them: official and everyday names in the languages of our users."""

from leadsync.domain.conditions import fold

_NAMES = {
    "DE": "germany deutschland alemania alemanha allemagne germania duitsland niemcy brd ger deu",
    "AT": "austria osterreich oesterreich autriche oostenrijk aut",
    "CH": "switzerland schweiz suisse svizzera suiza suica zwitserland szwajcaria che",
    "FR": "france frankreich francia franca frankrijk francja fra",
    "ES": "spain spanien espana espagne spagna spanje hiszpania espanha esp",
    "IT": "italy italien italia italie wlochy ita",
    "NL": "netherlands|the netherlands|niederlande|holland|nederland|paises bajos|pays bas|pays-bas|paesi bassi|holandia|nld",
    "PL": "poland polen polska pologne polonia polonia pol",
    "PT": "portugal portogallo portugalia prt",
    "GB": "uk|u.k.|united kingdom|great britain|england|scotland|wales|northern ireland|britain|vereinigtes konigreich|"
    "grossbritannien|royaume-uni|royaume uni|angleterre|reino unido|inglaterra|regno unito|verenigd koninkrijk|wielka brytania|gbr",
    "US": "us|u.s.|usa|u.s.a.|united states|united states of america|america|amerika|vereinigte staaten|etats-unis|etats unis|"
    "estados unidos|eeuu|ee.uu.|stati uniti|verenigde staten|stany zjednoczone",
    "CA": "canada kanada can",
    "MX": "mexico mexiko mexique messico meksyk mex",
    "BR": "brazil brasil brasilien bresil brasile brazylia bra",
    "IN": "india indien inde indie bharat ind",
    "BE": "belgium belgien belgique belgie belgica belgio bel",
    "LU": "luxembourg luxemburg lux",
    "IE": "ireland irland irlande irlanda eire irl",
    "DK": "denmark danemark danmark dinamarca dnk",
    "SE": "sweden schweden suede suecia svezia sverige swe",
    "NO": "norway norwegen norvege noruega norge nor",
    "FI": "finland finnland finlande finlandia suomi fin",
    "CZ": "czechia|czech republic|tschechien|tschechische republik|republique tcheque|cesko|cze",
    "SK": "slovakia slowakei slovaquie slovensko svk",
    "HU": "hungary ungarn hongrie hungria magyarorszag hun",
    "RO": "romania rumanien roumanie rumania rou",
    "BG": "bulgaria bulgarien bulgarie bgr",
    "GR": "greece griechenland grece grecia hellas grc",
    "TR": "turkey|turkiye|turkei|turquie|turquia|tur",
    "UA": "ukraine ucrania ukr",
    "CN": "china|prc|people's republic of china|chine|cina|chn",
    "JP": "japan japon giappone jpn",
    "KR": "south korea|korea|republic of korea|sudkorea|coree du sud|kor",
    "AU": "australia australien australie aus",
    "NZ": "new zealand|neuseeland|nouvelle-zelande|nzl",
    "SG": "singapore singapur singapour sgp",
    "ZA": "south africa|sudafrika|afrique du sud|sudafrica|zaf",
    "AE": "united arab emirates|uae|vereinigte arabische emirate|emirats arabes unis|are",
    "IL": "israel isr",
    "AR": "argentina argentinien argentine arg",
    "CL": "chile chl",
    "CO": "colombia kolumbien col",
}  # fmt: skip


def _codes() -> dict[str, str]:
    found: dict[str, str] = {}
    for code, names in _NAMES.items():
        found[code.casefold()] = code
        for name in names.split("|") if "|" in names else names.split():
            found[fold(name)] = code
    return found


_CODES = _codes()


def country_code(text: str) -> str | None:
    """Return the ISO code that a text names, None for one that is not known."""
    return _CODES.get(fold(text))
