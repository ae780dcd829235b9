"""Reading ahead: the next answer is fetched while the last one is worked on. No thread but the fetching one is in it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")


def ahead(pages: Iterator[_T]) -> Iterator[_T]:
    """Yield the same, the next one fetched in a thread while this one is worked on."""
    with ThreadPoolExecutor(1, "fetch") as pool:
        coming = pool.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield page
