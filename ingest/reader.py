"""The door of this room: the bytes of a file in, a Spec with its problems out."""

from dataclasses import replace
from pathlib import PurePath

from roadmark.ingest.formats import roadmap
from roadmark.ingest.markdown import read_document
from roadmark.ingest.problems import Problem, in_reading_order
from roadmark.ingest.source import DEFAULT_LIMITS, Limits, check_limits, read_source
from roadmark.ingest.spec import Spec


def read_spec(path: PurePath, content: bytes, limits: Limits = DEFAULT_LIMITS) -> Spec:
    """What a file says. Never raises on what stands in it: a broken file is a Spec with problems.

    ``path`` is only a name (formats look at it); nothing is read from disk.
    """
    name = path.as_posix()
    refused = check_limits(content, limits)
    if refused is not None:
        return _refused(name, refused)
    source, source_problems = read_source(content)
    document = read_document(name, source)
    spec = roadmap.read(document)
    problems = in_reading_order((*source_problems, *spec.problems))
    return replace(spec, description=source.description, problems=problems)


def _refused(name: str, refused: Problem) -> Spec:
    title = name.rsplit("/", 1)[-1]
    return Spec(path=name, format="unknown", title=title, text="", problems=(refused,))
