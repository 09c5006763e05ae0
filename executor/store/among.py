"""A condition of a compiled statement: whether a column is one of the strings of a parameter.

Core writes `IN` anew for each number of strings; here the list is one parameter, JSON or an array.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

_STRINGS = sa.JSON().with_variant(postgresql.ARRAY(sa.String), "postgresql")


class Among(sa.ColumnElement[bool]):
    """Whether a column is one of the strings of the parameter."""

    inherit_cache = False
    type = sa.Boolean()
    _is_implicitly_boolean = True

    def __init__(self, column: sa.ColumnElement[str], parameter: str) -> None:
        self.column = column
        self.strings = sa.bindparam(parameter, type_=_STRINGS)


@compiles(Among)
def _among_in_sqlite(among: Among, compiler: SQLCompiler, **named: Any) -> str:
    listed = sa.func.json_each(among.strings).table_valued("value")
    return str(compiler.process(among.column.in_(sa.select(listed.c.value)), **named))


@compiles(Among, "postgresql")
def _among_in_postgresql(among: Among, compiler: SQLCompiler, **named: Any) -> str:
    return str(compiler.process(among.column == sa.any_(among.strings), **named))
