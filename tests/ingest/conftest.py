"""The files that the tests of this room read: our own example, and the real seed where it is at hand."""

import os
from pathlib import Path, PurePosixPath

import pytest
from roadmark.ingest.reader import read_spec
from roadmark.ingest.spec import Spec

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def example_bytes() -> bytes:
    """The bytes of the example spec that ships with the project."""
    return (ROOT / "specs" / "health-endpoint.md").read_bytes()


@pytest.fixture(scope="session")
def example(example_bytes: bytes) -> Spec:
    """The example spec, read."""
    return read_spec(PurePosixPath("specs/health-endpoint.md"), example_bytes)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real specs; tests that need it are skipped where it is not at hand."""
    folder = os.environ.get("ROADMARK_CORPUS")
    if not folder:
        pytest.skip("ROADMARK_CORPUS names no corpus of real specs")
    return Path(folder)


@pytest.fixture(scope="session")
def seed_bytes(corpus: Path) -> bytes:
    """The bytes of the seed spec, which lies beside the corpus."""
    return (corpus.parent / "seed" / "migration-infrastructure-implementation.md").read_bytes()
