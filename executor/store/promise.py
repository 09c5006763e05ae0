"""What a caller of the writer lane waits for: the answer to an order, or its failure."""

import threading
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Promise(Generic[Result]):
    """Kept or broken once, by the lane, and read by any number of threads.

    A lock alone: a Future wakes up those who wait while it holds the lock that they need next, and puts them
    to sleep a second time. Every step of every migration waits here.
    """

    __slots__ = ("_error", "_open", "_result")

    def __init__(self) -> None:
        self._open = threading.Lock()
        self._open.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def keep(self, result: Result) -> None:
        """Give those who wait what they wait for."""
        self._result = result
        self._open.release()

    def fail(self, error: BaseException) -> None:
        """Raise the error where somebody waits."""
        self._error = error
        self._open.release()

    def result(self, timeout_s: float = -1.0) -> Result:
        """Wait for the answer, without end unless `timeout_s` says so.

        Raises: what the order raised; TimeoutError.
        """
        if not self._open.acquire(timeout=timeout_s):
            raise TimeoutError(f"no answer within {timeout_s:g} s")
        self._open.release()
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[no-any-return]
