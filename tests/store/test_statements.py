"""Statements that are compiled once give what Core gives."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import pytest
import sqlalchemy as sa
from roadmark.executor.store.database import open_writer, queueing
from roadmark.executor.store.statements import Command, Query, insert_all, insert_into, select_by, update_by
from roadmark.executor.store.tables import UtcTime
from roadmark.executor.store.urls import url_of

TABLE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("colour", sa.Text, nullable=False),
    sa.Column("names", sa.JSON, nullable=False),
    sa.Column("is_new", sa.Boolean, nullable=False),
    sa.Column("at", UtcTime),
    sa.Column("weight", sa.Float),
    sa.Column("left_out", sa.Text),
)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED, BLUE = "red", "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    id: int
    at: datetime | None
    colour: Colour
    names: tuple[str, ...]
    is_new: bool
    weight: float | None = None


BY_ID = Query(Thing, select_by(TABLE, "id"))
ALL = Query(Thing, sa.select(TABLE).order_by(TABLE.c.id))
NEW_ONES = Query(Thing, select_by(TABLE, "colour").where(TABLE.c.is_new, TABLE.c.id < 3))


@pytest.fixture
def connection(tmp_path: Path, database_url: str):  # type: ignore[no-untyped-def]
    engine = open_writer(url_of(tmp_path, database_url))
    with engine.begin() as connection:
        TABLE.create(connection)
        yield connection
    engine.dispose()


def row(number: int, **others: object) -> dict[str, object]:
    plain = {"id": number, "colour": "red", "names": ["a", "b"], "is_new": True, "at": NOON}
    return plain | others


def test_values_come_back_with_the_types_of_column_and_field(connection: sa.Connection) -> None:
    insert_into(TABLE).run(connection, row(1, weight=1.5))
    thing = BY_ID.first(connection, its_id=1)
    assert thing == Thing(id=1, at=NOON, colour=Colour.RED, names=("a", "b"), is_new=True, weight=1.5)
    assert type(thing.colour) is Colour
    assert thing.is_new is True


def test_core_reads_what_a_command_wrote(connection: sa.Connection) -> None:
    insert_into(TABLE).run(connection, row(1, at=NOON.astimezone(timezone(timedelta(hours=9)))))
    (found,) = connection.execute(sa.select(TABLE))
    assert (found.at, found.names, found.is_new) == (NOON, ["a", "b"], True)


def test_a_query_reads_what_core_wrote(connection: sa.Connection) -> None:
    connection.execute(sa.insert(TABLE), [row(2), row(1, at=None)])
    assert [(thing.id, thing.at) for thing in ALL.all(connection)] == [(1, None), (2, NOON)]


def test_conditions_of_the_statement_itself_hold_too(connection: sa.Connection) -> None:
    insert_all(connection, TABLE, [row(1), row(2, is_new=False), row(3), row(4, colour="blue")])
    assert [thing.id for thing in NEW_ONES.all(connection, its_colour="red")] == [1]


def test_nothing_found_is_none(connection: sa.Connection) -> None:
    assert BY_ID.first(connection, its_id=1) is None
    assert ALL.all(connection) == []


def test_an_update_sets_what_is_named_and_tells_how_many_rows_it_met(connection: sa.Connection) -> None:
    insert_all(connection, TABLE, [row(1), row(2)])
    by_id = update_by(TABLE, "id")
    assert by_id.run(connection, {"colour": "blue", "its_id": 1}) == 1
    assert by_id.run(connection, {"names": [], "is_new": False, "its_id": 2}) == 1
    assert by_id.run(connection, {"colour": "blue", "its_id": 9}) == 0
    seen = [(thing.colour, thing.names, thing.is_new) for thing in ALL.all(connection)]
    assert seen == [("blue", ("a", "b"), True), ("red", (), False)]


def test_a_delete_is_a_command(connection: sa.Connection) -> None:
    insert_all(connection, TABLE, [row(1), row(2)])
    command = Command(sa.delete(TABLE).where(TABLE.c.id == sa.bindparam("its_id")))
    assert command.run(connection, {"its_id": 1}) == 1
    assert [thing.id for thing in ALL.all(connection)] == [2]


def test_a_naive_time_is_refused(connection: sa.Connection) -> None:
    with pytest.raises(ValueError, match="naive time"):
        insert_into(TABLE).run(connection, row(1, at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the case


def test_many_of_nothing_is_nothing(connection: sa.Connection) -> None:
    insert_all(connection, TABLE, [])
    assert ALL.all(connection) == []


@pytest.mark.parametrize("many", [1, 3])
def test_rows_that_are_written_together_are_as_those_written_one_by_one(
    connection: sa.Connection, many: int
) -> None:
    odd = {"names": ["a\0b", 'q"\\u0000', "é漢"], "at": NOON.astimezone(timezone(timedelta(hours=-7)))}
    for values in (odd, {"weight": 1e300}, {"weight": float("inf")}, {"names": [], "at": None}):
        connection.execute(sa.delete(TABLE))
        insert_all(connection, TABLE, [row(number, **values) for number in range(many)])
        together = ALL.all(connection)
        connection.execute(sa.delete(TABLE))
        for number in range(many):
            insert_into(TABLE).run(connection, row(number, **values))
        assert together == ALL.all(connection)
        assert len(together) == many


def test_a_naive_time_is_refused_among_many(connection: sa.Connection) -> None:
    with pytest.raises(ValueError, match="naive time"):
        insert_all(connection, TABLE, [row(1), row(2, at=datetime(2026, 1, 1))])  # noqa: DTZ001 - the case


def test_what_was_asked_for_can_be_waited_for_later(connection: sa.Connection) -> None:
    with queueing(connection):
        insert_into(TABLE).queue(connection, row(1))
        first = BY_ID.ask(connection, its_id=1)
        insert_all(connection, TABLE, [row(2), row(3)])
        every = ALL.ask_all(connection)
        update_by(TABLE, "id").queue(connection, {"colour": "blue", "its_id": 3})
        assert [thing.id for thing in every()] == [1, 2, 3]
        assert first() == BY_ID.first(connection, its_id=1)
        assert [thing.colour for thing in ALL.all(connection)] == ["red", "red", "blue"]


def test_more_can_be_queued_than_both_ends_hold(connection: sa.Connection) -> None:
    long = "x" * 1_000_000
    with queueing(connection):
        insert_into(TABLE).queue(connection, row(1, names=[long]))
        asked = [BY_ID.ask(connection, its_id=1) for _ in range(20)]
        for number in range(2, 22):
            insert_into(TABLE).queue(connection, row(number, names=[long]))
        assert [answer().names for answer in asked] == [(long,)] * 20
        assert [len(thing.names[0]) for thing in ALL.all(connection)] == [len(long)] * 21


def test_a_statement_that_failed_in_the_queue_is_known_the_next_time(
    tmp_path: Path, database_url: str
) -> None:
    engine = open_writer(url_of(tmp_path, database_url))
    with engine.connect() as connection, queueing(connection):
        for _ in range(2):
            begun = connection.begin()
            with pytest.raises(Exception, match="things"):
                ALL.all(connection)
            begun.rollback()
        begun = connection.begin()
        TABLE.create(connection)
        insert_into(TABLE).queue(connection, row(1))
        with pytest.raises(Exception, match=r"(?i)unique"):
            insert_into(TABLE).run(connection, row(1))
        begun.rollback()
        with connection.begin():
            TABLE.create(connection)
            insert_into(TABLE).queue(connection, row(1))
        with connection.begin():
            assert update_by(TABLE, "id").run(connection, {"colour": "blue", "its_id": 1}) == 1
            assert update_by(TABLE, "id").run(connection, {"colour": "blue", "its_id": 2}) == 0
    with engine.begin() as connection:
        assert [thing.colour for thing in ALL.all(connection)] == ["blue"]
    engine.dispose()


def test_a_value_is_never_taken_for_sql(connection: sa.Connection) -> None:
    hostile = "red'; DROP TABLE things; --"
    connection.execute(sa.insert(TABLE), row(1, names=[hostile]))
    assert NEW_ONES.all(connection, its_colour=hostile) == []
    assert [thing.names for thing in ALL.all(connection)] == [(hostile,)]
