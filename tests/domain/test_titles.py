"""Job titles in eight languages and more: seniority by the longest entry, functions by every entry."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from leadsync.domain.conditions import fold
from leadsync.domain.titles import NOTHING, TitleMatch, Titles, classify

LEVELS = ("c_level", "vp", "director", "manager", "specialist", "junior")

TITLES = Titles(
    seniority={
        "c_level": (
            "chief", "ceo", "cfo", "cio", "president", "owner", "managing director", "partner",
            "geschäftsführ*", "vorstand*", "inhaber*", "directeur général", "pdg", "président*",
            "director general", "consejero delegado", "diretor geral", "proprietári*", "amministratore delegato",
            "algemeen directeur", "eigenaar", "prezes*", "właściciel*", "dyrektor generaln*", "członek zarządu",
        ),
        "vp": ("vice president", "vp", "bereichsleit*", "vice président*", "vicepresident*", "vicepresidente", "wiceprezes*"),
        "director": (
            "director", "head of", "head", "direktor*", "leiter", "*leiter", "*leiterin", "directeur", "directrice",
            "directora", "diretor", "direttore", "hoofd", "dyrektor*",
        ),
        "manager": (
            "manager", "team lead", "chief of staff", "teamleiter", "abteilungsleiter*", "responsable", "chef d équipe",
            "gerente", "jefa", "coordenadora", "responsabile", "afdelingshoofd", "kierowniczka", "menedżer*",
        ),
        "specialist": ("engineer", "account manager", "project manager", "referent*", "projektleiter*", "ingénieur*", "técnic*",
                       "addett*", "medewerker", "specjalist*", "inżynier*"),
        "junior": ("intern", "assistant", "assistant to", "werkstudent*", "stagiaire", "becari*", "estagiári*", "tirocinant*",
                   "stagiair*", "asystent*"),
    },
    function={
        "marketing": ("marketing", "mercadeo", "brand"),
        "it": ("it", "cio", "informati*", "ict"),
        "finance": ("finance", "cfo", "księgow*"),
        "operations": ("operations", "logisti*", "supply chain"),
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("title", "seniority"),
    [
        ("Chief Executive Officer", "c_level"), ("Managing Director", "c_level"), ("Senior Vice-President Sales", "vp"),
        ("Head of Logistics", "director"), ("Marketing Manager", "manager"), ("Chief of Staff", "manager"),
        ("Key Account Manager", "specialist"), ("Assistant to the CEO", "junior"), ("Internal Auditor", None),
        ("Geschäftsführerin", "c_level"), ("GESCHÄFTSFÜHRENDER Gesellschafter", "c_level"), ("Geschaeftsfuehrer", "c_level"),
        ("Geschaftsfuhrer", "c_level"), ("Bereichsleiter Einkauf", "vp"), ("Vertriebsleiterin", "director"),
        ("IT-Leiter", "director"), ("Abteilungsleiterin", "manager"), ("Teamleiter", "manager"),
        ("Projektleiterin", "specialist"), ("Werkstudent (m/w/d)", "junior"),
        ("Président-Directeur Général", "c_level"), ("Vice Présidente", "vp"), ("Directrice commerciale", "director"),
        ("Chef d'équipe", "manager"), ("Chef d’équipe", "manager"), ("Ingénieure", "specialist"), ("Stagiaire", "junior"),
        ("Consejero Delegado", "c_level"), ("Vicepresidenta", "vp"), ("Directora de Marketing", "director"),
        ("Gerente de Marketing", "manager"), ("Técnica de laboratorio", "specialist"), ("Becaria", "junior"),
        ("Diretor Geral", "c_level"), ("Vice presidente", "vp"), ("Diretor de Operações", "director"),
        ("Coordenadora", "manager"), ("Estagiária", "junior"),
        ("Amministratore Delegato", "c_level"), ("Vicepresidente", "vp"), ("Direttore Vendite", "director"),
        ("Responsabile Acquisti", "manager"), ("Addetta alla logistica", "specialist"), ("Tirocinante", "junior"),
        ("Algemeen Directeur", "c_level"), ("Hoofd Inkoop", "director"), ("Afdelingshoofd", "manager"),
        ("Medewerker", "specialist"), ("Stagiair", "junior"),
        ("Prezeska", "c_level"), ("Członek Zarządu", "c_level"), ("Wlasciciel", "c_level"), ("Wiceprezes", "vp"),
        ("Dyrektorka", "director"), ("Kierowniczka", "manager"), ("Inżynier", "specialist"), ("Asystentka", "junior"),
        ("C.E.O.", "c_level"), ("V.P. Finance", "vp"), ("Owner/Manager", "manager"),
    ],
)  # fmt: skip
def test_a_title_says_how_senior_somebody_is(title: str, seniority: str | None) -> None:
    assert classify(TITLES, title).seniority == seniority


@pytest.mark.parametrize(
    ("title", "functions"),
    [
        ("CIO", ("it",)), ("I.T. Manager", ("it",)), ("Marketing & IT Director", ("marketing", "it")),
        ("Director of Supply-Chain", ("operations",)), ("Leiterin Logistik", ("operations",)),
        ("Główna Księgowa", ("finance",)), ("Recruiter", ()), ("Responsable informatique", ("it",)),
    ],
)  # fmt: skip
def test_every_function_in_a_title_is_found(title: str, functions: tuple[str, ...]) -> None:
    assert classify(TITLES, title).functions == functions


@pytest.mark.parametrize("title", [None, "", "  ", "---", "Botschafter"])
def test_a_title_without_an_entry_says_nothing(title: str | None) -> None:
    assert classify(TITLES, title) == NOTHING


def test_of_two_entries_as_long_as_each_other_the_lower_seniority_counts() -> None:
    assert classify(TITLES, "Partner Manager").seniority == "manager"


def test_lists_without_entries_find_nothing() -> None:
    empty = Titles(seniority={"vp": (), "junior": ("*", " - ")}, function={"it": ()})
    assert classify(empty, "VP IT * -") == NOTHING


def test_an_entry_written_with_plain_vowels_finds_umlauts() -> None:
    assert classify(Titles({"manager": ("fuehrungskraft",)}, {}), "Führungskraft").seniority == "manager"


def test_an_entry_never_spans_both_spellings_of_a_title() -> None:
    assert classify(Titles({"vp": ("vice präsident",)}, {}), "Präsident Vice").seniority is None


@cache
def shipped() -> Titles:
    """Return the titles of the sample that every new installation starts from."""
    file = Path(__file__).parents[2] / "mappings" / "scoring.yaml"
    titles = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["titles"]
    seniority = {
        level: tuple(e for entries in by.values() for e in entries) for level, by in titles["seniority"].items()
    }
    return Titles(seniority, {name: tuple(entries) for name, entries in titles["function"].items()})


@pytest.mark.parametrize(
    ("title", "seniority", "function"),
    [
        ("Chief Marketing Officer", "c_level", "marketing"), ("VP, Supply Chain", "vp", "operations"),
        ("Leiterin Einkauf", "director", "procurement"), ("Vertriebsleiter", "director", "sales"),
        ("Directrice des achats", "director", "procurement"), ("Gerente de Marketing", "manager", "marketing"),
        ("Jefa de Producción", "manager", None), ("Diretora Geral de Vendas", "c_level", "sales"),
        ("Responsabile Logistica", "manager", "operations"), ("Hoofd ICT", "director", "it"),
        ("Specjalistka ds. zakupów", "specialist", "procurement"), ("Werkstudentin Finanzen", "junior", "finance"),
    ],
)  # fmt: skip
def test_the_shipped_titles_are_at_home_in_eight_languages(title: str, seniority: str, function: str | None) -> None:
    found = classify(shipped(), title)
    assert found.seniority == seniority
    assert function is None or function in found.functions


ENTRIES = [(level, entry) for level, entries in TITLES.seniority.items() for entry in entries]
NOISE = st.lists(st.sampled_from(["Zürich", "ACME", "42", "&", "w Łodzi", "d'Été"]), max_size=3).map(" ".join)


@given(st.sampled_from(ENTRIES), NOISE, NOISE, st.sampled_from([str.upper, str.lower, str.title, fold]))
def test_an_entry_is_found_in_any_case_among_any_other_words(
    entry: tuple[str, str], before: str, after: str, respell: object
) -> None:
    assert callable(respell)
    level, text = entry
    title = f"{before} {respell(text.replace('*', ''))} {after}"
    seniority = classify(TITLES, title).seniority
    assert seniority is not None
    longest = max(
        (len(fold(other).replace("*", "")), LEVELS.index(name)) for name, other in ENTRIES if _is_in(other, title)
    )
    assert LEVELS.index(seniority) == longest[1]
    assert longest[0] >= len(fold(text).replace("*", "")) or level == seniority


def _is_in(entry: str, title: str) -> bool:
    """Find an entry by walking the words, independently of patterns."""
    wanted, words = fold(entry).split(), fold(title).replace("'", " ").split()
    return any(
        all(_fits(part, word) for part, word in zip(wanted, words[start:], strict=False))
        and start + len(wanted) <= len(words)
        for start in range(len(words))
    )


def _fits(part: str, word: str) -> bool:
    match part.startswith("*"), part.endswith("*"):
        case False, False:
            return word == part
        case False, True:
            return word.startswith(part[:-1])
        case _:
            return word.endswith(part[1:])


@given(st.text(max_size=40))
def test_any_text_has_an_answer(title: str) -> None:
    answer = classify(TITLES, title)
    assert isinstance(answer, TitleMatch)
    assert answer == classify(TITLES, f"  {title}\t")
