"""Tokens into a `Query`, by descent. The grammar is a subset of the SOQL and SOSL Reference: parents, aggregates,
IN with a list or a subquery, LIKE, date literals, ORDER BY with NULLS, LIMIT, OFFSET, ALL ROWS."""

from functools import lru_cache

from leadsync.sandbox.soql.lexer import Token, as_date, as_datetime, tokens, unquote
from leadsync.sandbox.soql.literals import RELATIVE
from leadsync.sandbox.soql.refusals import QueryRefused, at
from leadsync.sandbox.soql.syntax import (
    All,
    AllFields,
    AnyOf,
    Call,
    Compare,
    Condition,
    In,
    Like,
    Literal_,
    Not,
    Operator,
    Order,
    Path,
    Query,
    Relative,
)  # fmt: skip

_FUNCTIONS = frozenset(("COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"))
_CLAUSES = frozenset(("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "ALL", "FOR", "WITH", "USING"))
_OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MAX_OFFSET = 2_000


@lru_cache(maxsize=512)
def parse(soql: str) -> Query:
    """The query that a text asks for; QueryRefused when it is not understood."""
    reader = _Reader(soql)
    query = reader.query()
    reader.expect_end()
    return query


class _Reader:
    def __init__(self, soql: str) -> None:
        self.soql = soql
        self.tokens = tokens(soql)
        self.place = 0
        self.names: set[str] = set()

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def refuse(self, message: str | None = None) -> QueryRefused:
        token = self.here
        return at(self.soql, token.at, "MALFORMED_QUERY", message or f"unexpected token: '{token.text}'")

    def take(self) -> Token:
        token = self.here
        self.place += 1
        return token

    def word(self) -> str | None:
        return self.here.text.upper() if self.here.kind == "word" else None

    def skip(self, *words: str) -> bool:
        """Step over these keywords if they come next."""
        found = [t.text.upper() for t in self.tokens[self.place : self.place + len(words)] if t.kind == "word"]
        if found != list(words):
            return False
        self.place += len(words)
        return True

    def mark(self, text: str) -> bool:
        if self.here.kind == "mark" and self.here.text == text:
            self.place += 1
            return True
        return False

    def need_mark(self, text: str) -> None:
        if not self.mark(text):
            raise self.refuse()

    def need_word(self) -> Token:
        if self.here.kind != "word":
            raise self.refuse()
        return self.take()

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise self.refuse()

    def query(self) -> Query:
        outer = self.names
        self.names = set()
        if not self.skip("SELECT"):
            raise self.refuse()
        select = [self.selected()]
        while self.mark(","):
            select.append(self.selected())
        if not self.skip("FROM"):
            raise self.refuse()
        source = self.need_word()
        self.names.add(source.text.lower())
        self.skip("AS")
        if self.here.kind == "word" and self.word() not in _CLAUSES:
            self.names.add(self.take().text.lower())
        select = [self.unaliased(item) for item in select]
        where = self.condition() if self.skip("WHERE") else None
        group_by: list[Path] = []
        if self.skip("GROUP", "BY"):
            group_by.append(self.path())
            while self.mark(","):
                group_by.append(self.path())
        having = self.condition(aggregates=True) if self.skip("HAVING") else None
        order_by: list[Order] = []
        if self.skip("ORDER", "BY"):
            order_by.append(self.order())
            while self.mark(","):
                order_by.append(self.order())
        limit = self.whole() if self.skip("LIMIT") else None
        offset = self.whole() if self.skip("OFFSET") else 0
        if offset > _MAX_OFFSET:
            raise QueryRefused("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_MAX_OFFSET}")
        all_rows = self.skip("ALL", "ROWS")
        self.skip("FOR", "VIEW")
        self.names = outer
        return Query(
            self.soql, source.text, source.at, tuple(select), where, tuple(group_by), having, tuple(order_by), limit,
            offset, all_rows,
        )  # fmt: skip

    def selected(self) -> Path | Call | AllFields:
        token = self.need_word()
        if self.mark("("):
            if token.text.upper() == "FIELDS":
                group = self.need_word().text.upper()
                self.need_mark(")")
                if group not in ("ALL", "STANDARD", "CUSTOM"):
                    raise self.refuse()
                return AllFields(group)
            call = self.call(token)
            alias = self.take().text if self.here.kind == "word" and self.word() != "FROM" else None
            return Call(call.function, call.path, alias)
        return Path(tuple(token.text.split(".")), token.at)

    def call(self, name: Token) -> Call:
        """The rest of an aggregate, after its opening parenthesis."""
        function = name.text.upper()
        if function not in _FUNCTIONS:
            raise at(self.soql, name.at, "MALFORMED_QUERY", f"unexpected token: '{name.text}'")
        path = None
        if not self.mark(")"):
            path = self.path()
            self.need_mark(")")
        elif function != "COUNT":
            raise self.refuse()
        return Call(function, path)

    def path(self) -> Path:
        token = self.need_word()
        return self.bare(Path(tuple(token.text.split(".")), token.at))

    def bare(self, path: Path) -> Path:
        """The path without the object's own name or alias in front."""
        if len(path.names) > 1 and path.names[0].lower() in self.names:
            return Path(path.names[1:], path.at)
        return path

    def unaliased(self, item: Path | Call | AllFields) -> Path | Call | AllFields:
        match item:
            case Path():
                return self.bare(item)
            case Call(path=Path() as path):
                return Call(item.function, self.bare(path), item.alias)
            case _:
                return item

    def target(self, *, aggregates: bool) -> Path | Call:
        token = self.need_word()
        if aggregates and self.mark("("):
            return self.call(token)
        return self.bare(Path(tuple(token.text.split(".")), token.at))

    def order(self) -> Order:
        target = self.target(aggregates=True)
        descending = self.skip("DESC")
        if not descending:
            self.skip("ASC")
        nulls_last = self.skip("NULLS", "LAST")
        if not nulls_last:
            self.skip("NULLS", "FIRST")
        return Order(target, descending, nulls_last)

    def whole(self) -> int:
        if self.here.kind != "number" or not self.here.text.isdigit():
            raise self.refuse()
        return int(self.take().text)

    def condition(self, *, aggregates: bool = False) -> Condition:
        """Terms joined by AND or by OR; mixing both without parentheses is an error, as on the service."""
        parts = [self.term(aggregates)]
        joint = self.word() if self.word() in ("AND", "OR") else None
        while joint and self.skip(joint):
            parts.append(self.term(aggregates))
        if joint and self.word() in ("AND", "OR"):
            raise self.refuse()
        if len(parts) == 1:
            return parts[0]
        return All(tuple(parts)) if joint == "AND" else AnyOf(tuple(parts))

    def term(self, aggregates: bool) -> Condition:
        if self.skip("NOT"):
            return Not(self.term(aggregates))
        if self.mark("("):
            inner = self.condition(aggregates=aggregates)
            self.need_mark(")")
            return inner
        target = self.target(aggregates=aggregates)
        if isinstance(target, Path):
            if self.skip("LIKE"):
                token = self.take()
                if token.kind != "text":
                    raise at(self.soql, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")
                return Like(target, unquote(token, self.soql, keep_wildcards=True))
            negated = self.skip("NOT", "IN")
            if negated or self.skip("IN"):
                return In(target, self.listed(), negated)
        operator = _OPERATORS.get(self.here.text) if self.here.kind == "mark" else None
        if operator is None:
            raise self.refuse()
        self.take()
        return Compare(target, operator, self.literal())

    def listed(self) -> tuple[Literal_, ...] | Query:
        self.need_mark("(")
        if self.word() == "SELECT":
            inner = self.query()
            self.need_mark(")")
            return inner
        values = [self.literal()]
        while self.mark(","):
            values.append(self.literal())
        self.need_mark(")")
        return tuple(values)

    def literal(self) -> Literal_:
        token = self.take()
        match token.kind:
            case "text":
                return unquote(token, self.soql)
            case "number":
                return float(token.text)
            case "datetime":
                return as_datetime(token, self.soql)
            case "date":
                return as_date(token, self.soql)
            case "word":
                return self.named(token)
        raise at(self.soql, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")

    def named(self, token: Token) -> Literal_:
        word = token.text.upper()
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if word == "NULL":
            return None
        name, _, count = word.partition(":")
        if name in RELATIVE and bool(count) == RELATIVE[name]:
            return Relative(name, int(count) if count else None)
        raise at(self.soql, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")
