"""Why a query is refused, with the service's own error code and the place in the text."""


class QueryRefused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def at(soql: str, position: int, code: str, message: str) -> QueryRefused:
    """A refusal that points at its place, in the form the service uses."""
    row = soql.count("\n", 0, position) + 1
    column = position - (soql.rfind("\n", 0, position) + 1) + 1
    pointer = " " * (column - 1) + "^"
    return QueryRefused(code, f"\n{soql}\n{pointer}\nERROR at Row:{row}:Column:{column}\n{message}")


def malformed(message: str) -> QueryRefused:
    return QueryRefused("MALFORMED_QUERY", message)
