"""People's and companies' names, as data: fourteen countries with given names, surnames, towns, legal forms and the ways in which
people misspell the country. Every table is a tuple, so that a seed always draws the same person. Job titles are in `titles.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Culture:
    """A country as the world sees it: who lives there, how companies are called, and how its name is typed by hand."""

    code: str
    language: str
    country: str
    dirty: tuple[str, ...]
    zone: str
    dial: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    towns: tuple[tuple[str, str, str], ...]
    """Town, state or region, postal code."""
    forms: tuple[str, ...]
    weight: int
    """How many of a hundred people come from here."""


_GERMAN_FIRST = (
    "Anna", "Björn", "Christian", "Daniela", "Eva", "Felix", "Gisela", "Hans-Peter", "Ingrid", "Jörg", "Katrin", "Lukas",
    "Matthias", "Nadine", "Oliver", "Petra", "Ralf", "Sabine", "Thomas", "Ulrike", "Volker", "Wiebke",
)  # fmt: skip
_GERMAN_LAST = (
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Schäfer", "Köhler", "Bäcker", "von der Heide", "Groß",
    "Krüger", "Vogt", "Jäger", "Brandt", "Lorenz", "Engel", "Pohl", "Sauer", "Meyer-Landrut",
)  # fmt: skip
_FRENCH_FIRST = (
    "Amélie", "Benoît", "Camille", "Denis", "Élodie", "François", "Geneviève", "Hugues", "Inès", "Jean-Luc", "Karine",
    "Laurent", "Mathilde", "Noémie", "Olivier", "Pascal", "Quentin", "Romane", "Sébastien", "Thérèse",
)  # fmt: skip
_FRENCH_LAST = (
    "Martin", "Bernard", "Dubois", "Lefèvre", "Moreau", "Girard", "d'Alembert", "Roux", "Fournier", "Mercier", "Blanchet",
    "Guérin", "Faure", "Rousseau", "Chevalier", "Gautier", "Perrin", "Marchand", "Lemaître", "Picard",
)  # fmt: skip
_ENGLISH_FIRST = (
    "Alice", "Brandon", "Caroline", "Derek", "Emma", "Frank", "Grace", "Harold", "Isla", "James", "Kelly", "Leo", "Megan",
    "Nathan", "Olivia", "Patrick", "Quinn", "Rachel", "Steven", "Tamara", "Victor", "Wendy",
)  # fmt: skip
_ENGLISH_LAST = (
    "Smith", "Johnson", "O'Brien", "Taylor", "Anderson", "Walker", "McCarthy", "Robinson", "Clarke", "Bennett", "Hughes",
    "Foster", "Murphy", "Carter", "Reid", "Sullivan", "Parker", "Brooks", "Hayes", "Whitfield-Jones",
)  # fmt: skip
_SPANISH_FIRST = (
    "Alejandro", "Beatriz", "Carlos", "Dolores", "Elena", "Fernando", "Guadalupe", "Hernán", "Inés", "Javier", "Lucía",
    "María José", "Nicolás", "Óscar", "Pilar", "Raúl", "Sofía", "Teresa", "Vicente", "Ximena",
)  # fmt: skip
_SPANISH_LAST = (
    "García", "Rodríguez", "López", "Martínez Ruiz", "Sánchez", "Pérez", "Gómez", "Núñez", "Ibáñez", "Romero", "Vázquez",
    "de la Torre", "Molina", "Ortega", "Castro", "Muñoz", "Peña", "Fuentes", "Rivas", "Cordero",
)  # fmt: skip
_PORTUGUESE_FIRST = (
    "Ana Paula", "Bruno", "Catarina", "Duarte", "Eduarda", "Fábio", "Gonçalo", "Helena", "João", "Letícia", "Mariana",
    "Nuno", "Otávio", "Patrícia", "Rafael", "Simão", "Tatiana", "Vasco",
)  # fmt: skip
_PORTUGUESE_LAST = (
    "Silva", "Santos", "Ferreira", "Oliveira", "Conceição", "Pereira", "Gonçalves", "Araújo", "Carvalho", "Magalhães",
    "Ribeiro", "Simões", "Teixeira", "Nóbrega", "Barbosa", "dos Reis", "Moura", "Assunção",
)  # fmt: skip
_ITALIAN_FIRST = (
    "Alessandro", "Bianca", "Carlo", "Donatella", "Enrico", "Francesca", "Giulia", "Ilaria", "Lorenzo", "Marco", "Niccolò",
    "Ornella", "Paolo", "Raffaella", "Silvia", "Tommaso", "Umberto", "Valentina",
)  # fmt: skip
_ITALIAN_LAST = (
    "Rossi", "Bianchi", "Ferrari", "Esposito", "D'Angelo", "Ricci", "Marino", "Greco", "Gallo", "Conti", "Lombardi",
    "Moretti", "Barbieri", "Fontana", "Rinaldi", "Caruso", "De Luca", "Longo",
)  # fmt: skip
_DUTCH_FIRST = (
    "Anouk", "Bram", "Carlijn", "Daan", "Els", "Floris", "Gerrit", "Hanneke", "Ivo", "Joost", "Kees", "Lotte", "Maaike",
    "Niels", "Pieter", "Roos", "Sander", "Tineke",
)  # fmt: skip
_DUTCH_LAST = (
    "de Jong", "Jansen", "van den Berg", "Bakker", "Visser", "van der Meer", "Smit", "de Boer", "Mulder", "Vermeulen",
    "Hoekstra", "Kuipers", "van Dijk", "Brouwer", "Postma", "Dekker", "'t Hart", "Scholten",
)  # fmt: skip
_POLISH_FIRST = (
    "Agnieszka", "Bartosz", "Celina", "Dawid", "Ewa", "Filip", "Grażyna", "Hubert", "Iwona", "Jakub", "Katarzyna", "Łukasz",
    "Małgorzata", "Norbert", "Oliwia", "Paweł", "Rafał", "Żaneta",
)  # fmt: skip
_POLISH_LAST = (
    "Nowak", "Kowalska", "Wiśniewski", "Wójcik", "Kamińska", "Zieliński", "Szymańska", "Woźniak", "Dąbrowski", "Kozłowska",
    "Jankowski", "Mazur", "Krawczyk", "Piotrowska", "Grabowski", "Pawłowska", "Król", "Wróbel",
)  # fmt: skip

CULTURES: tuple[Culture, ...] = (
    Culture("DE", "de", "Germany", ("Deutschland", "GER", "germany ", "DE", "BRD", "Alemania"), "Europe/Berlin", "+49",
            _GERMAN_FIRST, _GERMAN_LAST,
            (("München", "Bayern", "80331"), ("Stuttgart", "Baden-Württemberg", "70173"), ("Nürnberg", "Bayern", "90402"),
             ("Berlin", "Berlin", "10117"), ("Hamburg", "Hamburg", "20095"), ("Leipzig", "Sachsen", "04109"),
             ("Köln", "Nordrhein-Westfalen", "50667")),
            ("GmbH", "AG", "GmbH & Co. KG", "KG", "e.K.", "UG (haftungsbeschränkt)"), 24),
    Culture("AT", "de", "Austria", ("Österreich", "AT", "Oesterreich"), "Europe/Vienna", "+43", _GERMAN_FIRST, _GERMAN_LAST,
            (("Wien", "Wien", "1010"), ("Graz", "Steiermark", "8010"), ("Linz", "Oberösterreich", "4020")),
            ("GmbH", "Ges.m.b.H.", "AG"), 5),
    Culture("CH", "de", "Switzerland", ("Schweiz", "Suisse", "CH", "Svizzera"), "Europe/Zurich", "+41", _GERMAN_FIRST, _GERMAN_LAST,
            (("Zürich", "Zürich", "8001"), ("Basel", "Basel-Stadt", "4001"), ("Genève", "Genève", "1201")),
            ("AG", "GmbH", "SA"), 5),
    Culture("FR", "fr", "France", ("FRANCE", "Frankreich", "FR", "Francia"), "Europe/Paris", "+33", _FRENCH_FIRST, _FRENCH_LAST,
            (("Paris", "Île-de-France", "75002"), ("Lyon", "Auvergne-Rhône-Alpes", "69003"), ("Nantes", "Pays de la Loire", "44000")),
            ("SAS", "S.A.", "SARL", "SASU"), 9),
    Culture("ES", "es", "Spain", ("España", "ES", "Espana"), "Europe/Madrid", "+34", _SPANISH_FIRST, _SPANISH_LAST,
            (("Madrid", "Madrid", "28013"), ("Barcelona", "Cataluña", "08002"), ("Bilbao", "País Vasco", "48001")),
            ("S.L.", "S.A.", "S.L.U."), 7),
    Culture("IT", "it", "Italy", ("Italia", "IT", "ITALY"), "Europe/Rome", "+39", _ITALIAN_FIRST, _ITALIAN_LAST,
            (("Milano", "Lombardia", "20121"), ("Torino", "Piemonte", "10121"), ("Bologna", "Emilia-Romagna", "40121")),
            ("S.p.A.", "S.r.l.", "S.a.s."), 6),
    Culture("NL", "nl", "Netherlands", ("Nederland", "Holland", "NL", "The Netherlands"), "Europe/Amsterdam", "+31",
            _DUTCH_FIRST, _DUTCH_LAST,
            (("Amsterdam", "Noord-Holland", "1012 AB"), ("Rotterdam", "Zuid-Holland", "3011 AA"), ("Utrecht", "Utrecht", "3511 BN")),
            ("B.V.", "N.V.", "V.O.F."), 6),
    Culture("PL", "pl", "Poland", ("Polska", "PL", "polska"), "Europe/Warsaw", "+48", _POLISH_FIRST, _POLISH_LAST,
            (("Warszawa", "mazowieckie", "00-001"), ("Kraków", "małopolskie", "30-001"), ("Gdańsk", "pomorskie", "80-001")),
            ("Sp. z o.o.", "S.A.", "sp. j."), 6),
    Culture("PT", "pt", "Portugal", ("PT", "portugal"), "Europe/Lisbon", "+351", _PORTUGUESE_FIRST, _PORTUGUESE_LAST,
            (("Lisboa", "Lisboa", "1100-148"), ("Porto", "Porto", "4000-069")), ("Lda.", "S.A.", "Unipessoal Lda."), 3),
    Culture("BR", "pt", "Brazil", ("Brasil", "BR"), "America/Sao_Paulo", "+55", _PORTUGUESE_FIRST, _PORTUGUESE_LAST,
            (("São Paulo", "SP", "01310-100"), ("Curitiba", "PR", "80010-000")), ("Ltda.", "S.A.", "ME"), 4),
    Culture("GB", "en", "United Kingdom", ("UK", "UK", "England", "Great Britain", "U.K.", "GB"), "Europe/London", "+44",
            _ENGLISH_FIRST, _ENGLISH_LAST,
            (("London", "", "EC1A 1BB"), ("Manchester", "", "M1 1AE"), ("Edinburgh", "Scotland", "EH1 1YZ")),
            ("Ltd", "plc", "LLP", "Limited"), 9),
    Culture("US", "en", "United States", ("USA", "U.S.A.", "US", "United States of America", "Amerika"), "America/New_York", "+1",
            (*_ENGLISH_FIRST, "Priya", "Wei", "Aisha", "Kenji"), (*_ENGLISH_LAST, "Patel", "Chen", "Ramirez", "Nguyen"),
            (("New York", "NY", "10001"), ("Chicago", "IL", "60601"), ("Atlanta", "GA", "30301"), ("Denver", "CO", "80202"),
             ("San Jose", "CA", "95110")),
            ("Inc.", "LLC", "Corp.", "Co.", "L.P."), 13),
    Culture("MX", "es", "Mexico", ("México", "MX"), "America/Mexico_City", "+52", _SPANISH_FIRST, _SPANISH_LAST,
            (("Ciudad de México", "CDMX", "06000"), ("Monterrey", "NL", "64000")), ("S.A. de C.V.", "S. de R.L."), 2),
    Culture("IN", "en", "India", ("Bharat", "IN", "INDIA"), "Asia/Kolkata", "+91",
            ("Aarav", "Deepika", "Ishaan", "Kavya", "Lakshmi", "Manoj", "Neha", "Rohit", "Sanjay", "Vidya"),
            ("Sharma", "Iyer", "Reddy", "Banerjee", "Mehta", "Nair", "Singh", "Krishnan", "Joshi", "Kapoor"),
            (("Mumbai", "Maharashtra", "400001"), ("Bengaluru", "Karnataka", "560001")), ("Pvt. Ltd.", "Limited"), 1),
)  # fmt: skip

COMPANY_STEMS: tuple[str, ...] = (
    "Alster", "Borealis", "Cobalt", "Delfin", "Elbe", "Falken", "Granit", "Helios", "Isar", "Juno", "Kestrel", "Lumen",
    "Meridian", "Nordwind", "Orion", "Pegasus", "Quarz", "Rhenus", "Saturn", "Taurus", "Umbra", "Vektor", "Wiesen", "Xenon",
    "Ypsilon", "Zephyr", "Atlas", "Basalt", "Corvus", "Draco",
)  # fmt: skip

COMPANY_TRADES: tuple[tuple[str, str], ...] = (
    ("Logistik", "Transportation"), ("Transport", "Transportation"), ("Maschinenbau", "Manufacturing"), ("Steel", "Manufacturing"),
    ("Foods", "Manufacturing"), ("Textil", "Manufacturing"), ("Retail", "Retail"), ("Moda", "Retail"), ("Markets", "Retail"),
    ("Software", "Technology"), ("Systems", "Technology"), ("Pharma", "Healthcare"), ("Clinics", "Healthcare"),
    ("Energie", "Energy"), ("Bank", "Finance"), ("Consulting", "Consulting"), ("Verlag", "Media"), ("Bau", "Construction"),
)  # fmt: skip
"""What a company does, and the industry that the CRM files it under."""

FREE_MAIL: tuple[str, ...] = (
    "mail.example",
    "mail.example",
    "mail.example",
    "gmail.com",
    "gmx.de",
    "web.de",
    "outlook.com",
    "wp.pl",
)
SHARED_MAILBOXES: tuple[str, ...] = ("info", "office", "sales", "contact", "kontakt")
JUNK_COMPANIES: tuple[str, ...] = ("n/a", "-", "private", "privat", "keine", "[not provided]")

_FOLD = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "á": "a", "à": "a", "â": "a", "ã": "a", "é": "e", "è": "e", "ê": "e", "ë": "e",
        "í": "i", "î": "i", "ó": "o", "ò": "o", "ô": "o", "õ": "o", "ú": "u", "ç": "c", "ñ": "n", "ł": "l", "ż": "z", "ź": "z",
        "ą": "a", "ę": "e", "ś": "s", "ć": "c", "ń": "n", "'": "", " ": "-", ".": "", "&": "", "(": "", ")": "",
    }
)  # fmt: skip


def mailable(text: str) -> str:
    """Return a name as people spell it in an e-mail address: lower case, without accents, blanks as hyphens."""
    return text.lower().translate(_FOLD).strip("-")
