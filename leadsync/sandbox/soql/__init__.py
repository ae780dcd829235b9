"""The part of SOQL that the box understands, over the rows of the store.

`parse` turns text into a `Query`, `run` answers it with rows and columns; how these are shown (nested JSON, CSV) is the
facade's business. Anything that is not understood is refused as the real service refuses bad syntax, never ignored.
"""

from leadsync.sandbox.soql.columns import Env
from leadsync.sandbox.soql.parser import parse
from leadsync.sandbox.soql.refusals import QueryRefused
from leadsync.sandbox.soql.run import Answer, run
from leadsync.sandbox.soql.syntax import Query

__all__ = ["Answer", "Env", "Query", "QueryRefused", "parse", "run"]
