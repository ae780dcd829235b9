"""A secret that does not show itself: it never appears in a repr, a log line, an error or a file."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A password, key or token. `reveal()` is called only where it goes onto the wire."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __str__(self) -> str:
        return "***"
