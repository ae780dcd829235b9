"""Job titles by language and seniority, as data, in the forms in which people type them: gendered, accented, abbreviated.
How a title is understood belongs to the scoring rules; here they only have to be believable.
"""

TITLES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "c_level": ("CEO", "Chief Operating Officer", "CFO", "Owner", "Managing Director", "Founder & CEO", "CIO"),
        "vp": ("Vice President Operations", "VP Supply Chain", "SVP Sales", "VP of Marketing"),
        "director": ("Director of Logistics", "Head of Procurement", "IT Director", "Head of Marketing"),
        "manager": (
            "Operations Manager",
            "Warehouse Mgr",
            "Marketing Manager",
            "Purchasing Manager",
            "Fleet Supervisor",
        ),
        "specialist": (
            "Business Analyst",
            "Systems Engineer",
            "Account Manager",
            "Supply Chain Consultant",
            "Project Manager",
        ),
        "junior": ("Intern", "Student", "Marketing Trainee", "Assistant to the CEO"),
    },
    "de": {
        "c_level": ("Geschäftsführer", "Geschäftsführerin", "Vorstand Finanzen", "Inhaberin", "Prokurist"),
        "vp": ("Bereichsleiter Logistik", "Bereichsleiterin Vertrieb"),
        "director": ("Leiter Einkauf", "Leiterin Produktion", "Vertriebsleiter", "IT-Leitung", "Marketingleiterin"),
        "manager": ("Teamleiter Lager", "Abteilungsleiterin Personal", "Gruppenleiter Versand", "Marketing-Manager"),
        "specialist": ("Sachbearbeiter Einkauf", "Referentin Kommunikation", "Projektleiter", "Wirtschaftsingenieurin"),
        "junior": ("Praktikant", "Werkstudentin Marketing", "Auszubildender", "Assistentin der Geschäftsführung"),
    },
    "fr": {
        "c_level": ("Directeur Général", "Directrice générale", "PDG", "Gérante", "Fondateur"),
        "vp": ("Vice-président opérations", "Directrice exécutive"),
        "director": ("Directeur logistique", "Directrice des achats", "Directeur informatique"),
        "manager": ("Responsable marketing", "Chef de service transport", "Responsable des achats"),
        "specialist": ("Chargée de communication", "Ingénieur systèmes", "Chef de projet"),
        "junior": ("Stagiaire", "Étudiante", "Apprenti logisticien"),
    },
    "es": {
        "c_level": ("Director General", "Consejero Delegado", "Propietaria", "Presidente"),
        "vp": ("Vicepresidenta de Operaciones", "Vicepresidente Comercial"),
        "director": ("Director de Logística", "Directora de Compras", "Jefe de Área"),
        "manager": ("Gerente de Marketing", "Jefa de Almacén", "Responsable de TI", "Encargado de flota"),
        "specialist": ("Especialista en compras", "Técnico de sistemas", "Ingeniera de procesos"),
        "junior": ("Becario", "Estudiante", "Asistente administrativa"),
    },
    "pt": {
        "c_level": ("Diretor Geral", "Sócia", "Presidente", "Proprietário"),
        "vp": ("Vice-presidente de Operações",),
        "director": ("Diretora de Logística", "Diretor Comercial"),
        "manager": ("Gerente de Marketing", "Coordenadora de Compras", "Gerente de TI"),
        "specialist": ("Analista de sistemas", "Engenheira de produção", "Técnico de informática"),
        "junior": ("Estagiária", "Assistente administrativo"),
    },
    "it": {
        "c_level": ("Amministratore Delegato", "Direttrice Generale", "Titolare"),
        "vp": ("Vicepresidente Operations",),
        "director": ("Direttore Acquisti", "Direttrice Logistica"),
        "manager": ("Responsabile Marketing", "Capo magazzino", "Responsabile IT"),
        "specialist": ("Addetta acquisti", "Ingegnere di produzione", "Impiegato commerciale"),
        "junior": ("Stagista", "Tirocinante", "Assistente di direzione"),
    },
    "nl": {
        "c_level": ("Algemeen directeur", "Eigenaar", "Bestuurder"),
        "vp": ("Vicevoorzitter",),
        "director": ("Directeur Logistiek", "Hoofd Inkoop"),
        "manager": ("Teamleider magazijn", "Manager ICT", "Afdelingshoofd verkoop"),
        "specialist": ("Medewerker inkoop", "Adviseur supply chain"),
        "junior": ("Stagiaire marketing", "Assistente"),
    },
    "pl": {
        "c_level": ("Prezes zarządu", "Właścicielka", "Dyrektor generalny", "Członek zarządu"),
        "vp": ("Wiceprezes",),
        "director": ("Dyrektor logistyki", "Dyrektor ds. zakupów"),
        "manager": ("Kierownik magazynu", "Kierowniczka sprzedaży", "Menedżer IT"),
        "specialist": ("Specjalistka ds. zakupów", "Inżynier produkcji", "Analityk"),
        "junior": ("Stażysta", "Asystentka zarządu", "Praktykantka"),
    },
}

SENIORITIES: tuple[tuple[str, int], ...] = (
    ("c_level", 10), ("vp", 8), ("director", 20), ("manager", 30), ("specialist", 24), ("junior", 8),
)  # fmt: skip
"""How many of a hundred people hold each rank."""

JUNK_TITLES: tuple[str, ...] = ("-", "n/a", "Looking for work", "Job seeker", "arbeitssuchend", "Mr.", "Ninja", "x")
