"""Countries by ISO 3166 code however people write them: official and everyday names in the languages of our users.

Every country has its codes of two and three letters and its English name; those that send many leads also their own name
and the German, French, Spanish, Portuguese, Italian, Dutch and Polish one. Kosovo goes by XK, as in most address data.
"""

import re

from leadsync.domain.conditions import fold

_NAMES = {
    "AD": "and|andorra|andorre",
    "AE": (
        "are|united arab emirates|uae|u.a.e.|emirates|vereinigte arabische emirate|émirats arabes unis|"
        "emiratos árabes unidos|emirados árabes unidos|emirati arabi uniti|verenigde arabische emiraten|"
        "zjednoczone emiraty arabskie|dubai|abu dhabi"
    ),
    "AF": "afg|afghanistan|afganistán|afeganistão",
    "AG": "atg|antigua & barbuda|antigua and barbuda",
    "AI": "aia|anguilla",
    "AL": "alb|albania|albanien|albanie|shqipëria",
    "AM": "arm|armenia|armenien|arménie|hayastan",
    "AO": "ago|angola",
    "AQ": "ata|antarctica",
    "AR": "arg|argentina|argentinien|argentine|argentinië|argentyna",
    "AS": "asm|american samoa",
    "AT": "aut|austria|österreich|oesterreich|autriche|oostenrijk|republik österreich",
    "AU": "aus|australia|australien|australie",
    "AW": "abw|aruba",
    "AX": "ala|åland|åland islands",
    "AZ": "aze|azerbaijan|aserbaidschan|azerbaïdjan|azerbaiyán|azerbaigian|azerbejdżan",
    "BA": (
        "bih|bosnia & herzegovina|bosnia and herzegovina|bosnia|bosnia-herzegovina|bosnien|"
        "bosnien und herzegowina|bosnie-herzégovine|bosna i hercegovina|bośnia i hercegowina"
    ),
    "BB": "brb|barbados",
    "BD": "bgd|bangladesh|bangladesch",
    "BE": "bel|belgium|belgien|belgique|belgië|bélgica|belgio|belgia",
    "BF": "bfa|burkina faso",
    "BG": "bgr|bulgaria|bulgarien|bulgarie|bulgarije|българия",
    "BH": "bhr|bahrain",
    "BI": "bdi|burundi",
    "BJ": "ben|benin",
    "BL": "blm|saint barthélemy",
    "BM": "bmu|bermuda",
    "BN": "brn|brunei|brunei darussalam",
    "BO": "bol|bolivia|bolivien|bolivie",
    "BQ": "bes|caribbean nl",
    "BR": "bra|brazil|brasil|brasilien|brésil|brasile|brazilië|brazylia",
    "BS": "bhs|bahamas",
    "BT": "btn|bhutan",
    "BV": "bvt|bouvet island",
    "BW": "bwa|botswana",
    "BY": "blr|belarus|weißrussland|biélorussie|bielorrusia|bielorussia|wit-rusland|białoruś",
    "BZ": "blz|belize",
    "CA": "can|canada|kanada",
    "CC": "cck|cocos islands|keeling islands",
    "CD": (
        "cod|congo-kinshasa|dr congo|democratic republic of the congo|demokratische republik kongo|"
        "république démocratique du congo"
    ),
    "CF": "caf|central african rep.",
    "CG": "cog|congo|republic of the congo|congo-brazzaville",
    "CH": "che|switzerland|schweiz|suisse|svizzera|suiza|suíça|zwitserland|szwajcaria|confoederatio helvetica",
    "CI": "civ|ivory coast|cote d'ivoire|elfenbeinküste|costa de marfil|costa d'avorio",
    "CK": "cok|cook islands",
    "CL": "chl|chile|chili",
    "CM": "cmr|cameroon|kamerun|cameroun|camerún|camarões",
    "CN": "chn|china|people's republic of china|prc|p.r. china|chine|cina|chiny|volksrepublik china|mainland china|中国",
    "CO": "col|colombia|kolumbien|colombie|kolumbia",
    "CR": "cri|costa rica",
    "CU": "cub|cuba|kuba",
    "CV": "cpv|cape verde|cabo verde|kap verde",
    "CW": "cuw|curaçao",
    "CX": "cxr|christmas island",
    "CY": "cyp|cyprus|zypern|chypre|chipre|cipro|cypr|kypros",
    "CZ": (
        "cze|czech republic|czechia|tschechien|tschechische republik|république tchèque|tchéquie|república checa|"
        "chequia|repubblica ceca|cechia|tsjechië|czechy|česko|česká republika"
    ),
    "DE": (
        "deu|germany|deutschland|alemania|alemanha|allemagne|germania|duitsland|niemcy|brd|"
        "bundesrepublik deutschland|federal republic of germany|tyskland|ger|d"
    ),
    "DJ": "dji|djibouti",
    "DK": "dnk|denmark|danmark|dänemark|dinamarca|danimarca|denemarken|dania",
    "DM": "dma|dominica",
    "DO": "dom|dominican republic|dominikanische republik|république dominicaine|república dominicana",
    "DZ": "dza|algeria|algerien|algérie|argelia|algerije|algieria",
    "EC": "ecu|ecuador|equador|équateur",
    "EE": "est|estonia|eesti|estland|estonie",
    "EG": "egy|egypt|ägypten|égypte|egipto|egito|egitto|egipt|misr",
    "EH": "esh|western sahara",
    "ER": "eri|eritrea",
    "ES": "esp|spain|españa|spanien|espagne|spagna|spanje|hiszpania|espanha",
    "ET": "eth|ethiopia|äthiopien|éthiopie|etiopía",
    "FI": "fin|finland|suomi|finnland|finlande|finlandia",
    "FJ": "fji|fiji",
    "FK": "flk|falkland islands",
    "FM": "fsm|micronesia",
    "FO": "fro|faroe islands|färöer|îles féroé|føroyar",
    "FR": "fra|france|frankreich|francia|frança|frankrijk|francja|la france",
    "GA": "gab|gabon",
    "GB": (
        "gbr|united kingdom|uk|u.k.|united kingdom of great britain and northern ireland|great britain|england|"
        "scotland|wales|northern ireland|britain|vereinigtes königreich|großbritannien|royaume-uni|royaume uni|"
        "angleterre|grande-bretagne|reino unido|gran bretaña|inglaterra|regno unito|gran bretagna|inghilterra|"
        "verenigd koninkrijk|groot-brittannië|engeland|wielka brytania|anglia"
    ),
    "GD": "grd|grenada",
    "GE": "geo|georgia|georgien|géorgie|sakartvelo|gruzja",
    "GF": "guf|french guiana",
    "GG": "ggy|guernsey",
    "GH": "gha|ghana",
    "GI": "gib|gibraltar",
    "GL": "grl|greenland",
    "GM": "gmb|gambia",
    "GN": "gin|guinea",
    "GP": "glp|guadeloupe",
    "GQ": "gnq|equatorial guinea",
    "GR": "grc|greece|griechenland|grèce|grecia|griekenland|grecja|hellas|ellada|ελλάδα",
    "GS": "sgs|south georgia & the south sandwich islands|south georgia and the south sandwich islands",
    "GT": "gtm|guatemala",
    "GU": "gum|guam",
    "GW": "gnb|guinea-bissau",
    "GY": "guy|guyana",
    "HK": "hkg|hong kong|hongkong|hong kong sar|hong kong s.a.r.",
    "HM": "hmd|heard island & mcdonald islands|heard island and mcdonald islands",
    "HN": "hnd|honduras",
    "HR": "hrv|croatia|kroatien|croatie|croacia|croazia|kroatië|chorwacja|hrvatska",
    "HT": "hti|haiti",
    "HU": "hun|hungary|ungarn|hongrie|hungría|ungheria|hongarije|węgry|magyarország",
    "ID": "idn|indonesia|indonesien|indonésie|indonezja",
    "IE": "irl|ireland|irland|irlande|irlanda|ierland|irlandia|éire|republic of ireland",
    "IL": "isr|israel|israele|izrael",
    "IM": "imn|isle of man",
    "IN": "ind|india|indien|inde|indie|bharat|república da índia",
    "IO": "iot|british indian ocean territory",
    "IQ": "irq|iraq|irak",
    "IR": "irn|iran|islamic republic of iran",
    "IS": "isl|iceland|ísland|islande|islandia|islanda|ijsland",
    "IT": "ita|italy|italia|italien|italie|włochy|repubblica italiana",
    "JE": "jey|jersey",
    "JM": "jam|jamaica|jamaika|jamaïque",
    "JO": "jor|jordan|jordanien|jordanie|jordania",
    "JP": "jpn|japan|japon|japão|giappone|japonia|nippon|日本",
    "KE": "ken|kenya|kenia",
    "KG": "kgz|kyrgyzstan|kirgisistan|kirgistan",
    "KH": "khm|cambodia|kambodscha|cambodge|camboya|kambodża",
    "KI": "kir|kiribati",
    "KM": "com|comoros",
    "KN": "kna|st kitts & nevis|st kitts and nevis|saint kitts & nevis",
    "KP": "prk|north korea|nordkorea|corée du nord|corea del norte",
    "KR": (
        "kor|south korea|korea|republic of korea|südkorea|corée du sud|corea del sur|coreia do sul|corea del sud|"
        "zuid-korea|korea południowa|대한민국"
    ),
    "KW": "kwt|kuwait|koeweit|kuwejt",
    "KY": "cym|cayman islands",
    "KZ": "kaz|kazakhstan|kasachstan|kazajistán|kazachstan",
    "LA": "lao|laos",
    "LB": "lbn|lebanon|libanon|liban|líbano",
    "LC": "lca|st lucia|saint lucia",
    "LI": "lie|liechtenstein",
    "LK": "lka|sri lanka",
    "LR": "lbr|liberia",
    "LS": "lso|lesotho",
    "LT": "ltu|lithuania|litauen|lituanie|lituania|litouwen|litwa|lietuva",
    "LU": "lux|luxembourg|luxemburg|luxemburgo|lussemburgo|luksemburg|lëtzebuerg",
    "LV": "lva|latvia|lettland|lettonie|letonia|lettonia|letland|łotwa|latvija",
    "LY": "lby|libya|libyen|libye|libia",
    "MA": "mar|morocco|marokko|maroc|marruecos|marrocos|marocco|maroko",
    "MC": "mco|monaco",
    "MD": "mda|moldova|moldau|republik moldau|moldavie|moldavia|republic of moldova|mołdawia",
    "ME": "mne|montenegro|crna gora|czarnogóra",
    "MF": "maf|saint martin|saint-martin",
    "MG": "mdg|madagascar|madagaskar",
    "MH": "mhl|marshall islands",
    "MK": (
        "mkd|north macedonia|macedonia|nordmazedonien|mazedonien|macédoine du nord|macedonia del norte|"
        "severna makedonija|macedonia północna"
    ),
    "ML": "mli|mali",
    "MM": "mmr|myanmar|burma",
    "MN": "mng|mongolia|mongolei|mongolie",
    "MO": "mac|macau|macao",
    "MP": "mnp|northern mariana islands",
    "MQ": "mtq|martinique",
    "MR": "mrt|mauritania",
    "MS": "msr|montserrat",
    "MT": "mlt|malta|malte",
    "MU": "mus|mauritius",
    "MV": "mdv|maldives",
    "MW": "mwi|malawi",
    "MX": "mex|mexico|mexiko|mexique|messico|meksyk",
    "MY": "mys|malaysia|malaisie|malasia|malesia|maleisië|malezja",
    "MZ": "moz|mozambique|mosambik|moçambique",
    "NA": "nam|namibia|namibie",
    "NC": "ncl|new caledonia",
    "NE": "ner|niger",
    "NF": "nfk|norfolk island",
    "NG": "nga|nigeria",
    "NI": "nic|nicaragua",
    "NL": (
        "nld|netherlands|the netherlands|niederlande|holland|nederland|países bajos|pays-bas|pays bas|"
        "paesi bassi|países baixos|holandia|niderlandy|holanda|olanda"
    ),
    "NO": "nor|norway|norge|noreg|norwegen|norvège|noruega|norvegia|noorwegen|norwegia",
    "NP": "npl|nepal",
    "NR": "nru|nauru",
    "NU": "niu|niue",
    "NZ": (
        "nzl|new zealand|neuseeland|nouvelle-zélande|nueva zelanda|nova zelândia|nuova zelanda|nieuw-zeeland|"
        "nowa zelandia|aotearoa"
    ),
    "OM": "omn|oman",
    "PA": "pan|panama",
    "PE": "per|peru|pérou",
    "PF": "pyf|french polynesia",
    "PG": "png|papua new guinea",
    "PH": "phl|philippines|philippinen|filipinas|filippine|filipijnen|filipiny|the philippines",
    "PK": "pak|pakistan|paquistão",
    "PL": "pol|poland|polska|polen|pologne|polonia|rzeczpospolita polska",
    "PM": "spm|st pierre & miquelon|st pierre and miquelon|saint pierre & miquelon",
    "PN": "pcn|pitcairn",
    "PR": "pri|puerto rico",
    "PS": "pse|palestine|palästina|palestina|palestinian territories",
    "PT": "prt|portugal|portogallo|portugalia",
    "PW": "plw|palau",
    "PY": "pry|paraguay",
    "QA": "qat|qatar|katar",
    "RE": "reu|réunion",
    "RO": "rou|romania|rumänien|roumanie|rumania|romênia|roemenië|rumunia",
    "RS": "srb|serbia|serbien|serbie|sérvia|servië|srbija",
    "RU": "rus|russia|russian federation|russland|russie|rusia|rusland|rosja|россия",
    "RW": "rwa|rwanda",
    "SA": (
        "sau|saudi arabia|saudi-arabien|arabie saoudite|arabia saudí|arábia saudita|saoedi-arabië|arabia saudyjska|ksa"
    ),
    "SB": "slb|solomon islands",
    "SC": "syc|seychelles",
    "SD": "sdn|sudan",
    "SE": "swe|sweden|sverige|schweden|suède|suecia|svezia|zweden|szwecja",
    "SG": "sgp|singapore|singapur|singapour",
    "SH": "shn|st helena|saint helena",
    "SI": "svn|slovenia|slowenien|slovénie|eslovenia|slovenija|słowenia",
    "SJ": "sjm|svalbard & jan mayen|svalbard and jan mayen",
    "SK": "svk|slovakia|slowakei|slovaquie|eslovaquia|slovacchia|slowakije|słowacja|slovensko|slovak republic",
    "SL": "sle|sierra leone",
    "SM": "smr|san marino",
    "SN": "sen|senegal",
    "SO": "som|somalia",
    "SR": "sur|suriname",
    "SS": "ssd|south sudan",
    "ST": "stp|são tomé and príncipe|sao tome & principe",
    "SV": "slv|el salvador",
    "SX": "sxm|sint maarten",
    "SY": "syr|syria|syrien|syrie|siria",
    "SZ": "swz|eswatini|swaziland",
    "TC": "tca|turks & caicos is|turks and caicos is",
    "TD": "tcd|chad",
    "TF": "atf|french southern territories",
    "TG": "tgo|togo",
    "TH": "tha|thailand|thaïlande|tailandia|thailandia|tajlandia",
    "TJ": "tjk|tajikistan",
    "TK": "tkl|tokelau",
    "TL": "tls|east timor",
    "TM": "tkm|turkmenistan",
    "TN": "tun|tunisia|tunesien|tunisie|túnez|tunesië|tunezja",
    "TO": "ton|tonga",
    "TR": "tur|turkey|türkiye|türkei|turquie|turquía|turchia|turkije|turcja",
    "TT": "tto|trinidad & tobago|trinidad and tobago",
    "TV": "tuv|tuvalu",
    "TW": "twn|taiwan|republic of china|chinese taipei",
    "TZ": "tza|tanzania|tansania|tanzanie",
    "UA": "ukr|ukraine|ukrajina|ucrania|ucraina|oekraïne|ukraina|україна",
    "UG": "uga|uganda",
    "UM": "umi|us minor outlying islands",
    "US": (
        "usa|united states|u.s.|u.s.a.|united states of america|the united states|america|amerika|"
        "vereinigte staaten|vereinigte staaten von amerika|états-unis|etats unis|estados unidos|ee.uu.|eeuu|"
        "ee. uu.|eua|stati uniti|verenigde staten|stany zjednoczone|stati uniti d'america|"
        "estados unidos de américa"
    ),
    "UY": "ury|uruguay",
    "UZ": "uzb|uzbekistan|usbekistan|ouzbékistan",
    "VA": "vat|vatican city|vatican|holy see|vatikan|vatikanstadt",
    "VC": "vct|st vincent|saint vincent",
    "VE": "ven|venezuela|bolivarian republic of venezuela",
    "VG": "vgb|british virgin islands",
    "VI": "vir|us virgin islands|u.s. virgin islands",
    "VN": "vnm|vietnam|viet nam",
    "VU": "vut|vanuatu",
    "WF": "wlf|wallis & futuna|wallis and futuna",
    "WS": "wsm|samoa",
    "XK": "xkx|kosovo|kosova",
    "YE": "yem|yemen",
    "YT": "myt|mayotte",
    "ZA": (
        "zaf|south africa|südafrika|afrique du sud|sudáfrica|áfrica do sul|zuid-afrika|republika południowej afryki|rsa"
    ),
    "ZM": "zmb|zambia|sambia|zambie",
    "ZW": "zwe|zimbabwe|simbabwe",
}

_CODES = {fold(code): code for code in _NAMES}
_CODES.update((fold(name), code) for code, names in _NAMES.items() for name in names.split("|"))
_ARTICLE = re.compile(r"^(the|die|la|le|les|los|las|de) ")
_OUTER = " .,;()"


def country_code(text: str) -> str | None:
    """Return the ISO code that a text names, None for one that is not known.

    Case, accents and outer punctuation do not matter, nor does an article in front.
    """
    wanted = fold(text)
    for form in (wanted, wanted.strip(_OUTER), _ARTICLE.sub("", wanted.strip(_OUTER), count=1)):
        if (code := _CODES.get(form)) is not None:
            return code
    return None
