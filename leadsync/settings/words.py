"""The words in braces of messages, checked before anybody is told `{persn} is overdue`."""

import re
from collections.abc import Iterator, Sequence

from leadsync.settings.problems import allowed, did_you_mean

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def wrong_words(text: str, known: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is wrong with a message's braces, each with hints."""
    for found in _BRACES.finditer(text):
        word = found[1]
        if found[0] in ("{{", "}}") or word in known:
            continue
        if word is None:
            yield f"a single {found[0]} stands in the text", (f"fix: write {found[0] * 2} to print one",)
        else:
            yield f"{{{word}}} is not a word that can be filled in", (did_you_mean(word, known), allowed(known))
