"""What holds for every test: random tests have no time limit of their own and print what they failed on."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from .store.postgresql import Server, find_programs, running_server

settings.register_profile("roadmark", deadline=None, print_blob=True)
settings.load_profile("roadmark")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL server for this process, started where a test asks for it first."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: neither initdb on the PATH nor /usr/lib/postgresql")
    with running_server(programs) as server:
        yield server


@pytest.fixture
def named_database(request: pytest.FixtureRequest) -> str:
    """The database a test's settings name: with ROADMARK_TESTS_ON=postgresql a new one, else none."""
    if os.environ.get("ROADMARK_TESTS_ON") != "postgresql":
        return ""
    server: Server = request.getfixturevalue("postgresql_server")
    return server.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """What the settings name as the database: nothing for a file of SQLite, or a new one of PostgreSQL."""
    if request.param == "sqlite":
        return ""
    server: Server = request.getfixturevalue("postgresql_server")
    return server.make_database()
