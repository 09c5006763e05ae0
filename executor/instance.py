"""One service a state directory: a lock that dies with its holder, and the holder's name beside it."""

import fcntl
import json
import os
import socket
import uuid
from pathlib import Path
from types import TracebackType

from roadmark.executor.errors import StateDirInUse

LOCK = "service.lock"
IDENTITY = "identity"


class InstanceLock:
    """Held from `take` until `release`, or until the process dies."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._descriptor: int | None = None

    def take(self, what: str) -> None:
        """Take the lock as `what`, for example the address that is served. Raises: StateDirInUse."""
        descriptor = os.open(self._state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            raise StateDirInUse(self._state_dir, holder) from None
        os.ftruncate(descriptor, 0)
        name = {"pid": os.getpid(), "host": socket.gethostname(), "what": what}
        os.pwrite(descriptor, json.dumps(name).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "InstanceLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def owner_of(state_dir: Path) -> str:
    """What the leases of a service on this state directory name as their owner, also after a restart.

    A copy of the directory on another host is another owner.
    """
    path = state_dir / IDENTITY
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(uuid.uuid4().hex[:12])
        os.replace(draft, path)
    return f"{socket.gethostname()}:{path.read_text()}"


def _read_holder(descriptor: int) -> str:
    try:
        name = json.loads(os.pread(descriptor, 4096, 0))
        return f"{name['what']} (process {name['pid']} on {name['host']})"
    except (ValueError, KeyError, TypeError):
        return "another Roadmark that has not given its name yet"
