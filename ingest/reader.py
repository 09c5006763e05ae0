"""The door of this room: the bytes of a file in, a Spec with its problems out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath

from roadmark.ingest.checks import check_boxes, check_spec
from roadmark.ingest.document import Document
from roadmark.ingest.fences import repair_fences
from roadmark.ingest.formats import backlog, checklist, kiro, openspec, roadmap, speckit, taskmaster
from roadmark.ingest.front_matter import FrontMatter, apply_front_matter, read_front_matter
from roadmark.ingest.hidden import check_hidden
from roadmark.ingest.markdown import read_document
from roadmark.ingest.problems import Problem, in_reading_order, problem
from roadmark.ingest.source import DEFAULT_LIMITS, Limits, SourceText, check_limits, read_source
from roadmark.ingest.spec import Spec


@dataclass(frozen=True, slots=True)
class _Format:
    recognises: Callable[[Document], float]
    read: Callable[[Document], Spec]


_FORMATS = (
    _Format(backlog.recognises, backlog.read),
    _Format(kiro.recognises, kiro.read),
    _Format(openspec.recognises, openspec.read),
    _Format(speckit.recognises, speckit.read),
    _Format(roadmap.recognises, roadmap.read),
    _Format(checklist.recognises, checklist.read),
)
_ENOUGH = 0.15
_SURE = 0.85


def read_spec(path: PurePath, content: bytes, limits: Limits = DEFAULT_LIMITS) -> Spec:
    """What a file says. Never raises on what stands in it: a broken file is a Spec with problems.

    ``path`` is only a name (formats look at it); nothing is read from disk.
    """
    name = path.as_posix()
    refused = check_limits(content, limits)
    if refused is not None:
        return _refused(name, refused)
    source, source_problems = read_source(content)
    if name.endswith(".json"):
        return _read_json(name, source, source_problems)
    body_lines, fence_problems = repair_fences(source.body_lines)
    front = read_front_matter(source.front_matter)
    document = read_document(name, replace(source, body_lines=body_lines), front.values)
    spec = _read(document, source, front)
    hidden_problems = check_hidden(source.lines)
    return _with_problems(spec, (*source_problems, *fence_problems, *hidden_problems))


def _read_json(name: str, source: SourceText, problems: tuple[Problem, ...]) -> Spec:
    """A tasks.json; what follows from one that has no tasks would only hide why it has none."""
    spec = taskmaster.read(name, source.text)
    if not spec.phases:
        return replace(spec, problems=in_reading_order((*problems, *spec.problems)))
    return _with_problems(spec, problems)


def refuse_spec(path: PurePath, said: str) -> Spec:
    """A file that met another limit than that of its size, as ``read_spec`` gives one that is too big."""
    return _refused(path.as_posix(), problem("E001", 1, said, hint="Split the spec into several files."))


def _refused(name: str, why: Problem) -> Spec:
    return Spec(path=name, format="unknown", title=name.rsplit("/", 1)[-1], text="", problems=(why,))


def _read(document: Document, source: SourceText, front: FrontMatter) -> Spec:
    chosen = _choose(document)
    if chosen is None:
        return _no_spec(document, source)
    spec = replace(chosen.read(document), description=source.description)
    return apply_front_matter(replace(spec, problems=(*spec.problems, *check_boxes(document))), front)


def _choose(document: Document) -> _Format | None:
    """The format that is surest of a document: the first that is quite sure, else the surest of all."""
    best, best_score = None, _ENOUGH
    for candidate in _FORMATS:
        score = candidate.recognises(document)
        if score >= _SURE:
            return candidate
        if score > best_score:
            best, best_score = candidate, score
    return best


def _no_spec(document: Document, source: SourceText) -> Spec:
    spec = checklist.read(document)
    if document.cut_line:
        return replace(spec, description=source.description, problems=tuple(check_boxes(document)))
    return replace(spec, format="document", is_spec=False, description=source.description, problems=())


def _with_problems(spec: Spec, problems: tuple[Problem, ...]) -> Spec:
    checks = tuple(check_spec(spec)) if spec.is_spec else ()
    return replace(spec, problems=in_reading_order((*problems, *spec.problems, *checks)))
