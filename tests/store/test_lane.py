"""The writer lane: what it answers is on the disk, and one caller's failure is that caller's alone."""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store.lane import LaneClosed, Transaction
from roadmark.executor.store.statements import insert_into
from roadmark.executor.store.store import Store
from roadmark.executor.store.tables import hook_receipts

from .conftest import OpenStore


def _record(kind: str):
    def work(transaction: Transaction) -> str:
        transaction.record(Event(kind=kind))
        return kind

    return work


def test_what_was_answered_is_there_after_the_database_is_opened_again(open_store: OpenStore) -> None:
    first = open_store()
    assert first.write(_record("one.kept")) == "one.kept"
    first.close()
    second = open_store()
    assert [entry.kind for entry in second.journal_after(0, 10)] == ["one.kept"]


def test_a_failing_caller_undoes_only_its_own_part(store: Store) -> None:
    gate = threading.Event()

    def hold(transaction: Transaction) -> None:
        gate.wait(60)

    def fail(transaction: Transaction) -> None:
        transaction.record(Event(kind="never.kept"))
        raise ValueError("this caller's own trouble")

    held = store.submit(hold)
    futures = [store.submit(_record("first.kept")), store.submit(fail), store.submit(_record("last.kept"))]
    gate.set()
    held.result()
    assert futures[0].result() == "first.kept"
    with pytest.raises(ValueError, match="own trouble"):
        futures[1].result()
    assert futures[2].result() == "last.kept"
    assert [entry.kind for entry in store.journal_after(0, 10)] == ["first.kept", "last.kept"]


def test_a_statement_that_fails_later_fails_the_caller_whose_it_was(store: Store) -> None:
    gate = threading.Event()
    row = {"source": "a", "key": "b", "answer": {}, "at": SystemClock().now()}

    def receive(transaction: Transaction) -> None:
        insert_into(hook_receipts).queue(transaction.connection, row)
        transaction.record(Event(kind="was.received"))

    held = store.submit(lambda transaction: gate.wait(60))
    futures = [store.submit(work) for work in (receive, receive, _record("last.kept"))]
    gate.set()
    held.result(), futures[0].result()
    with pytest.raises(Exception, match=r"(?i)unique"):
        futures[1].result()
    assert futures[2].result() == "last.kept"
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.write(receive)
    assert [entry.kind for entry in store.journal_after(0, 10)] == ["was.received", "last.kept"]


def test_a_failure_that_somebody_keeps_holds_up_no_other_writer(open_store: OpenStore) -> None:
    def fail(transaction: Transaction) -> None:
        raise ValueError("kept, with all that it knows")

    first, second = open_store(), open_store()
    first.write(_record("something.before"))
    with pytest.raises(ValueError, match="kept") as kept:
        first.write(fail)
    for number in range(3):
        second.write(_record(f"by.second.{number}"))
        first.write(_record(f"by.first.{number}"))
    assert "kept" in str(kept.value)
    assert len(first.journal_after(0, 10)) == 7


def test_callers_that_wait_together_are_committed_in_their_order(store: Store) -> None:
    futures = [store.submit(_record(f"event.{number}")) for number in range(300)]
    assert [future.result() for future in futures] == [f"event.{number}" for number in range(300)]
    kinds = [entry.kind for entry in store.journal_after(0, 1000)]
    assert kinds == [f"event.{number}" for number in range(300)]


def _together(store: Store, abouts: dict[str, str], failing: str = "") -> list[str]:
    """What happens in one batch of orders, by name, about what each of them is."""
    happened: list[str] = []
    inside, gate = threading.Event(), threading.Event()

    def order(name: str) -> Callable[[Transaction], Callable[[], None]]:
        def work() -> None:
            happened.append(f"{name} works")
            if name == failing:
                raise ValueError(name)

        def ask(transaction: Transaction) -> Callable[[], None]:
            happened.append(f"{name} asks")
            return work

        return ask

    def hold(transaction: Transaction) -> None:
        inside.set()
        gate.wait(60)

    held = store.submit(hold)
    assert inside.wait(60)
    futures = [store.submit_asking(order(name), about) for name, about in abouts.items()]
    gate.set()
    held.result()
    for name, future in zip(abouts, futures, strict=True):
        if name == failing:
            with pytest.raises(ValueError, match=name):
                future.result()
        else:
            future.result()
    return happened


def test_everybody_of_a_batch_asks_before_anybody_works(store: Store) -> None:
    happened = _together(store, {"a": "one", "b": "two", "c": "three"})
    assert happened == ["a asks", "b asks", "c asks", "a works", "b works", "c works"]


def test_what_an_order_may_change_is_asked_for_behind_it(store: Store) -> None:
    happened = _together(store, {"a": "one", "b": "one", "c": "two"})
    assert happened == ["a asks", "c asks", "a works", "b asks", "b works", "c works"]
    happened = _together(store, {"a": "one", "b": "", "c": "two"})
    assert happened == ["a asks", "a works", "b asks", "b works", "c asks", "c works"]


def test_a_batch_in_which_one_fails_is_done_again_in_turn(store: Store) -> None:
    happened = _together(store, {"a": "one", "b": "two", "c": "three"}, failing="b")
    assert happened[-6:] == ["a asks", "a works", "b asks", "b works", "c asks", "c works"]


def test_what_is_committed_together_has_one_moment_behind_the_orders(store: Store) -> None:
    ordered_at: list[datetime] = []
    inside, gate = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> datetime:
        inside.set()
        gate.wait(60)
        return transaction.now

    def tell(transaction: Transaction) -> datetime:
        return transaction.now

    held = store.submit(hold)
    assert inside.wait(60)
    told = []
    for _ in range(3):
        ordered_at.append(SystemClock().now())
        told.append(store.submit(tell))
    gate.set()
    moments = {promise.result() for promise in told}
    assert len(moments) == 1
    assert held.result() < max(ordered_at) <= moments.pop()


def test_observers_hear_of_what_is_committed_and_cannot_break_it(store: Store) -> None:
    heard: list[str] = []

    def broken(entries: object) -> None:
        raise RuntimeError("an observer's bug")

    store.bus.subscribe(broken)
    store.bus.subscribe(lambda entries: heard.extend(entry.kind for entry in entries))
    store.write(_record("something.happened"))
    store.close()
    assert heard == ["something.happened"]


def test_a_closed_lane_takes_no_orders(store: Store) -> None:
    store.close()
    with pytest.raises(LaneClosed):
        store.write(_record("too.late"))


def test_a_commit_that_fails_is_told_to_every_caller(store: Store) -> None:
    def clash(transaction: Transaction) -> None:
        for statement in (
            "CREATE TEMP TABLE known (n INTEGER PRIMARY KEY)",
            "CREATE TEMP TABLE named (n INTEGER REFERENCES known (n) DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO named VALUES (1)",
        ):
            transaction.connection.exec_driver_sql(statement)

    with pytest.raises(sa.exc.IntegrityError):
        store.write(clash)
    assert store.write(_record("still.works")) == "still.works"
