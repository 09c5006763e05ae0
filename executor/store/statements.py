"""Statements that are compiled once and then handed to the driver, with the types of their columns.

SQLAlchemy Core says what a statement is and how values are bound and read. Carrying it out through Core takes
several times as long as SQLite does, and every step of a migration pays for it. Source: docs/decisions/0011.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Generic, TypeVar, cast

import sqlalchemy as sa
from roadmark.executor.store import database
from roadmark.executor.store.rows import Convert, converters
from sqlalchemy.sql.compiler import SQLCompiler

Value = TypeVar("Value")
Parameters = Mapping[str, Any]


@cache
def select_by(table: sa.Table, *columns: str) -> sa.Select[Any]:
    """The rows whose columns are as the parameters `its_<column>` say."""
    return sa.select(table).where(*_conditions(table, columns))


class Query(Generic[Value]):
    """A SELECT of one table, its rows given as values of a dataclass whose fields are columns."""

    def __init__(self, kind: type[Value], statement: sa.Select[Any]) -> None:
        (table,) = statement.get_final_froms()
        self._joined = Joined([(kind, cast(sa.Table, table))], statement)

    def all(self, connection: sa.Connection, **parameters: Any) -> list[Value]:
        """Every row."""
        return self.ask_all(connection, **parameters)()

    def ask_all(self, connection: sa.Connection, **parameters: Any) -> "Answer[list[Value]]":
        """Ask for every row, to be waited for later."""
        answer = self._joined.ask_all(connection, **parameters)
        return lambda: [value for (value,) in answer()]

    def first(self, connection: sa.Connection, **parameters: Any) -> Value | None:
        """The first row, where there is one."""
        return self.ask(connection, **parameters)()

    def ask(self, connection: sa.Connection, **parameters: Any) -> "Answer[Value | None]":
        """Ask for the first row, to be waited for later."""
        answer = self._joined.ask(connection, **parameters)
        return lambda: (answer() or (None,))[0]


Answer = Callable[[], Value]
"""Waits for what was asked for."""


class Joined:
    """A SELECT of joined tables, each row a value a table: None where an outer join found nothing."""

    def __init__(self, kinds: Sequence[tuple[type, sa.Table]], statement: sa.Select[Any]) -> None:
        """`kinds`: what each table's columns become; its first field is a column that is never null."""
        self._makers = [_Maker(kind, table) for kind, table in kinds]
        self._statement = statement.with_only_columns(
            *[column for maker in self._makers for column in maker.columns]
        )
        self._plans: dict[str, tuple[_Plan, list[_Conversions]]] = {}

    def ask_all(self, connection: sa.Connection, **parameters: Any) -> Answer[list[tuple[Any, ...]]]:
        """Ask for every row, to be waited for later."""
        plan, conversions = self._plan(connection.dialect)
        cursor = plan.queue(connection, parameters)
        return lambda: [self._values(row, conversions) for row in cursor.fetchall()]

    def first(self, connection: sa.Connection, **parameters: Any) -> tuple[Any, ...] | None:
        """The first row, where there is one."""
        return self.ask(connection, **parameters)()

    def ask(self, connection: sa.Connection, **parameters: Any) -> Answer[tuple[Any, ...] | None]:
        """Ask for the first row, to be waited for later."""
        plan, conversions = self._plan(connection.dialect)
        cursor = plan.queue(connection, parameters)
        return lambda: self._values(row, conversions) if (row := cursor.fetchone()) is not None else None

    def _values(self, row: Sequence[Any], conversions: "list[_Conversions]") -> tuple[Any, ...]:
        values, at = [], 0
        for maker, needed in zip(self._makers, conversions, strict=True):
            end = at + len(maker.columns)
            values.append(maker.made(row[at:end], needed))
            at = end
        return tuple(values)

    def _plan(self, dialect: sa.Dialect) -> "tuple[_Plan, list[_Conversions]]":
        if dialect.name not in self._plans:
            conversions = [maker.conversions(dialect) for maker in self._makers]
            self._plans[dialect.name] = _plan(self._statement, dialect), conversions
        return self._plans[dialect.name]


_Conversions = list[tuple[int, Convert]]
"""Which of a table's columns need what before they are fields."""


class _Maker:
    """Makes values of a dataclass from the columns of one table."""

    def __init__(self, kind: type, table: sa.Table) -> None:
        self._kind = kind
        self._fields = converters(cast(Hashable, kind))
        self._names = [name for name, _ in self._fields]
        self.columns = [table.c[name] for name in self._names]

    def made(self, row: Sequence[Any], conversions: _Conversions) -> Any:
        if row[0] is None:
            return None
        values = list(row)
        for at, convert in conversions:
            if values[at] is not None:
                values[at] = convert(values[at])
        return self._kind(**dict(zip(self._names, values, strict=True)))

    def conversions(self, dialect: sa.Dialect) -> _Conversions:
        """The driver's value to the column's type, and that to the field's."""
        found = []
        for at, (column, (_, to_field)) in enumerate(zip(self.columns, self._fields, strict=True)):
            to_type = column.type.dialect_impl(dialect).result_processor(dialect, _DOUBLE)
            steps = [step for step in (to_type, to_field) if step is not None]
            found += [(at, _chained(steps))] if steps else []
        return found


class Command:
    """An INSERT, UPDATE or DELETE. Parameters are the columns to set, and `its_<column>` for conditions."""

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete) -> None:
        self._statement = statement
        self._plans: dict[tuple[str, tuple[str, ...]], _Plan] = {}

    def run(self, connection: sa.Connection, parameters: Parameters) -> int:
        """Carry it out; how many rows it met."""
        return int(self._plan(connection.dialect, parameters).queue(connection, parameters).rowcount)

    def queue(self, connection: sa.Connection, parameters: Parameters) -> None:
        """Carry it out; where it fails, a later statement of the transaction may be the one that says so."""
        self._plan(connection.dialect, parameters).queue(connection, parameters)

    def queue_many(self, connection: sa.Connection, rows: Sequence[Parameters]) -> None:
        """`queue` it for each row; all name the same columns."""
        self._plan(connection.dialect, rows[0]).queue_many(connection, rows)

    def _plan(self, dialect: sa.Dialect, parameters: Parameters) -> "_Plan":
        key = dialect.name, tuple(parameters)
        if key not in self._plans:
            columns = [name for name in parameters if not name.startswith(_ITS)]
            self._plans[key] = _plan(self._statement, dialect, columns)
        return self._plans[key]


@cache
def update_by(table: sa.Table, *columns: str) -> Command:
    """A change of the rows whose columns are as `its_<column>` says, to the other parameters."""
    return Command(sa.update(table).where(*_conditions(table, columns)))


@cache
def insert_into(table: sa.Table) -> Command:
    """A new row from the parameters."""
    return Command(sa.insert(table).inline())


def insert_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Parameters]) -> None:
    """New rows, queued; all name the same columns."""
    if rows and not database.insert_all(connection, table, rows):
        insert_into(table).queue_many(connection, rows)


_DOUBLE = 701
"""What PostgreSQL's driver calls a column of doubles; nobody asks for any other column's code."""

_ITS = "its_"
"""Begins the names of conditions: without it they could be taken for columns to set."""


def _conditions(table: sa.Table, columns: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(f"{_ITS}{name}", type_=table.c[name].type) for name in columns]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement as the driver takes it: its text, its parameters in order, and what some of them need."""

    text: str
    names: tuple[str, ...]
    values_of: Callable[[Parameters], Sequence[Any]]
    conversions: tuple[tuple[int, Convert], ...]
    constants: Parameters
    positional: bool

    def queue(self, connection: sa.Connection, values: Parameters) -> Any:
        """A cursor, which answers when rows are fetched, or their number is asked for."""
        cursor = database.queue_cursor(connection)
        cursor.execute(self.text, self._bound(values))
        return cursor

    def queue_many(self, connection: sa.Connection, rows: Sequence[Parameters]) -> None:
        database.queue_cursor(connection).executemany(self.text, [self._bound(row) for row in rows])

    def _bound(self, values: Parameters) -> Any:
        bound = list(self.values_of({**self.constants, **values} if self.constants else values))
        for at, convert in self.conversions:
            bound[at] = convert(bound[at])
        return bound if self.positional else dict(zip(self.names, bound, strict=True))


def _plan(statement: sa.ClauseElement, dialect: sa.Dialect, columns: Sequence[str] = ()) -> _Plan:
    compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what Core makes of every statement of this module
    positional = compiled.positiontup is not None
    names = tuple(compiled.positiontup or dict.fromkeys(compiled.bind_names.values()))
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    processors = [each.bind_processor(dialect) for each in types]
    return _Plan(
        str(compiled),
        names,
        itemgetter(*names) if len(names) > 1 else lambda values: [values[name] for name in names],
        tuple((at, convert) for at, convert in enumerate(processors) if convert is not None),
        {name: value for name, value in compiled.params.items() if value is not None},
        positional,
    )


def _chained(steps: Sequence[Convert]) -> Convert:
    if len(steps) == 1:
        return steps[0]
    first, second = steps
    return lambda value: second(first(value))
