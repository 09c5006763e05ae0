"""Statements that are built once: building one costs more than SQLite needs to carry it out."""

from functools import cache
from typing import Any

import sqlalchemy as sa


@cache
def select_by(table: sa.Table, *columns: str) -> sa.Select[Any]:
    """The rows whose columns are as the parameters `its_<column>` say."""
    return sa.select(table).where(*_conditions(table, columns))


@cache
def update_by(table: sa.Table, *columns: str) -> sa.Update:
    """A change of the rows whose columns are as `its_<column>` says, to the other parameters."""
    return sa.update(table).where(*_conditions(table, columns))


@cache
def insert_into(table: sa.Table) -> sa.Insert:
    """A new row, or several, from the parameters."""
    return sa.insert(table)


def _conditions(table: sa.Table, columns: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(f"its_{name}", type_=table.c[name].type) for name in columns]
