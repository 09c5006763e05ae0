"""Once for each message: whoever sends it again gets the first answer, and nothing is done again."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from roadmark.executor.errors import NoOpenWait, ReplyUnclear
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.receipts import Receipt, ReceiptRepository
from roadmark.executor.store.store import Store
from roadmark.web.problems import Refused, of_error

KEPT_FOR = timedelta(days=3)
"""Longer than any message is believed, so that none can be played again."""

_STALE_AFTER = timedelta(minutes=1)

Json = dict[str, Any]


def once(store: Store, source: str, message_id: str, act: Callable[[], Json]) -> Json:
    """The answer of `act`, which is called for the first message with this id only.

    A refusal is an answer: whoever is refused and sends it again is refused again, and nothing is counted
    twice. Raises: Refused.
    """
    key = hashlib.sha256(message_id.encode()).hexdigest()
    receipt = Receipt(source, key, None, store.clock.now())
    known = store.write(lambda transaction: _claim(transaction, receipt))
    if known is not None:
        if known.answer is None:
            raise Refused("in-flight", "this very message is being acted on; send it again in a minute")
        return _given(known.answer)
    try:
        answer = _tried(act)
    except BaseException:
        store.write(lambda transaction: ReceiptRepository(transaction.connection).drop(receipt))
        raise
    store.write(lambda transaction: ReceiptRepository(transaction.connection).finish(receipt, answer))
    return _given(answer)


def _tried(act: Callable[[], Json]) -> Json:
    try:
        return {"told": act()}
    except (Refused, NoOpenWait, ReplyUnclear) as error:
        problem = error.problem if isinstance(error, Refused) else of_error(error)
        return {"refused": problem.kind.slug, "detail": problem.detail, "extra": dict(problem.extra)}


def _given(answer: Json) -> Json:
    if "refused" in answer:
        raise Refused(answer["refused"], answer["detail"], **answer["extra"])
    told: Json = answer["told"]
    return told


def _claim(transaction: Transaction, receipt: Receipt) -> Receipt | None:
    receipts = ReceiptRepository(transaction.connection)
    receipts.forget_before(receipt.at - KEPT_FOR)
    return receipts.claim(receipt, receipt.at - _STALE_AFTER)
