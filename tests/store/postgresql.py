"""A PostgreSQL server of the tests' own: in a temporary folder, reached by a socket in it, by nobody else."""

import itertools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

_INSTALLED = "/usr/lib/postgresql"


def find_programs() -> Path | None:
    """The folder with initdb and pg_ctl, of the newest version where there are several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path(_INSTALLED).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass
class Server:
    """A running server. `stop` and `start` are for tests of what a failure of it does."""

    programs: Path
    folder: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def url(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://roadmark@/{database}?host={self.folder}"

    def make_database(self) -> str:
        """The URL of a new and empty database."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            quick = " STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE {name}{quick}")
        return self.url(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, mode: str) -> None:
        """Stop it: `fast`, or `immediate` as a crash does."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def make(self) -> None:
        """Make its files. Where the server can, it sorts as readers do, so that our order is no accident."""
        plain = (
            "-D",
            "data",
            "-U",
            "roadmark",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        )
        shown = subprocess.run(
            [self.programs / "initdb", "--version"], capture_output=True, text=True, check=True
        )
        version = int((re.findall(r"\d+", shown.stdout) or ["0"])[0])
        sorting = ("--locale-provider=icu", "--icu-locale=en") if version >= 15 else ()
        self._run("initdb", *plain, *sorting)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program of the server as somebody who is not root, which it refuses to be."""
        ended = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **_as_somebody(),
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{program}: {ended.stderr}")


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A new server, gone with all its data at the end."""
    with tempfile.TemporaryDirectory(prefix="roadmark-pg-") as made:
        folder = Path(made)
        if os.geteuid() == 0:
            os.chown(folder, _somebody().pw_uid, _somebody().pw_gid)
        server = Server(programs, folder)
        server.make()
        server.start()
        try:
            with _stopped_with_us(folder, programs):
                yield server
        finally:
            server.stop("immediate")


@contextmanager
def _stopped_with_us(folder: Path, programs: Path) -> Iterator[None]:
    """A process that ends the server where the tests are killed: then their end of its pipe closes."""
    watching = 'read -r end || { "$0" -D data -m immediate stop; rm -rf "$PWD"; }'
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        ["sh", "-c", watching, programs / "pg_ctl"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=nowhere,
        stderr=nowhere,
        start_new_session=True,
        **_as_somebody(),
    ) as watcher:
        try:
            yield
        finally:
            watcher.communicate(b"over\n")


def _as_somebody() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    return {"user": _somebody().pw_uid, "group": _somebody().pw_gid, "extra_groups": []}


def _somebody() -> pwd.struct_passwd:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")
