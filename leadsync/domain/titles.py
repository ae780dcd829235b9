"""Job titles in many languages, normalised to a seniority and functions. The longest entry found in a title wins.

Case, accents, umlauts (`ä` is also `ae`) and punctuation do not matter. An entry is found only as whole words.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from leadsync.domain.conditions import fold

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
_INITIALS = re.compile(r"(?<=\b\w)\.(?=\w\b)")  # C.E.O. is one word
_NO_WORD = re.compile(r"[\W_]+")

_WORD_STARTS = re.compile(r"^|[ \n]")

_Entries = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Titles:
    """The entries of scoring.yaml: seniority -> entries of all languages, function -> entries; `*` stands for any letters."""

    seniority: Mapping[str, tuple[str, ...]]
    function: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TitleMatch:
    """What a title says: a seniority, None when no entry is found in it, and every function, in the file's order."""

    seniority: str | None
    functions: tuple[str, ...]


NOTHING = TitleMatch(None, ())


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    """Titles made ready for the search: `levels[n]` is the seniority of the pattern's group n + 1."""

    seniority: re.Pattern[str]
    levels: tuple[str, ...]
    functions: tuple[tuple[str, re.Pattern[str]], ...]


def classify(titles: Titles, title: str | None) -> TitleMatch:
    """Return the seniority and the functions that a job title stands for.

    The longest entry found decides the seniority, so that `assistant to the ceo` is no ceo; of two as long as each other
    the one listed under the lower seniority, so that nobody is taken for a decision maker by mere chance.
    """
    if not title:
        return NOTHING
    return _classified(_index(tuple(titles.seniority.items()), tuple(titles.function.items())), title)


@lru_cache(maxsize=16384)
def _classified(index: _Index, title: str) -> TitleMatch:
    # Both spellings of a title, a line each: no entry runs over the end of a line.
    words = "\n".join(_spellings(title))
    # The pattern tries long entries first, so its groups are in order of precedence and the least one found wins.
    found = (index.seniority.match(words, start.end()) for start in _WORD_STARTS.finditer(words))
    first = min((match.lastindex for match in found if match and match.lastindex), default=None)
    functions = tuple(name for name, pattern in index.functions if pattern.search(words))
    return TitleMatch(None if first is None else index.levels[first - 1], functions)


@lru_cache(maxsize=8)
def _index(seniority: _Entries, function: _Entries) -> _Index:
    ranked = sorted(
        (_precedence(entry, rank), form, level)
        for rank, (level, entries) in enumerate(seniority)
        for entry in entries
        for form in _forms((entry,))
    )
    return _Index(
        seniority=re.compile(_any_of(f"({_pattern(form)})" for _, form, _ in ranked)),
        levels=tuple(level for _, _, level in ranked),
        functions=tuple(
            (name, re.compile(rf"\b{_any_of(_pattern(form) for form in _forms(entries))}"))
            for name, entries in function
        ),
    )


def _precedence(entry: str, rank: int) -> tuple[int, int]:
    return -len(_normal(entry, keep="*").replace("*", "")), -rank


def _any_of(patterns: Iterable[str]) -> str:
    # `(?!)` finds nothing, as a list without entries must.
    return rf"(?:{'|'.join(patterns) or '(?!)'})(?!\w)"


def _pattern(form: str) -> str:
    return r"\w*".join(re.escape(part) for part in form.split("*"))


def _forms(entries: Iterable[str]) -> list[str]:
    forms = {form for entry in entries for form in _spellings(entry, keep="*")}
    return sorted(form for form in forms if form.strip("* "))


def _spellings(text: str, keep: str = "") -> dict[str, None]:
    whole = unicodedata.normalize("NFC", text)
    return dict.fromkeys(_normal(spelling, keep) for spelling in (whole, whole.translate(_UMLAUTS)))


def _normal(text: str, keep: str) -> str:
    folded = _INITIALS.sub("", fold(text))
    parts = folded.split(keep) if keep else [folded]
    return keep.join(_NO_WORD.sub(" ", part) for part in parts).strip()
