"""YAML front matter: a safe subset of YAML, and what it may override in a spec.

Strings stay strings (``no`` is not False), aliases and duplicate keys are errors, and depth and size are
limited before anything is built.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import yaml
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.schema.rules import complaint, properties_of
from roadmark.ingest.spec import Automation, ExecutionContext, Spec
from roadmark.ingest.status import read_status

SIZE_LIMIT = 65_536
DEPTH_LIMIT = 16
_KEYS_LOOKED_AT = 100
_PLAIN_KEYS = ("title", "type", "priority", "category", "estimated_hours")
_AUTOMATION_KEYS = (
    "automation_level",
    "confirmation_required",
    "max_attempts",
    "git_branch_required",
    "new_chat_required",
)
_NUMBER = re.compile(r"[-+]?\d{1,12}(?:\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter says, every scalar a text; ``lines`` are those of its keys in the file."""

    values: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class _RefusedError(ValueError):
    def __init__(self, message: str, node: yaml.Node | yaml.Event) -> None:
        super().__init__(message)
        self.line: int = node.start_mark.line if node.start_mark else 0
        self.column: int = node.start_mark.column if node.start_mark else 0


def read_front_matter(text: str | None) -> FrontMatter:
    """The front matter of a file, or one finding E401 that says why it cannot be read."""
    if text is None or not text.strip():
        return FrontMatter()
    if len(text) > SIZE_LIMIT:
        return _refused(f"longer than {SIZE_LIMIT:,} characters", 0, 0)
    try:
        return _read(text)
    except _RefusedError as error:
        return _refused(str(error), error.line, error.column)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _refused(error.problem or "not YAML", mark.line if mark else 0, mark.column if mark else 0)
    except (yaml.YAMLError, ValueError) as error:
        return _refused(str(error).split("\n", 1)[0], 0, 0)


def _refused(message: str, line: int, column: int) -> FrontMatter:
    hint = "Correct the YAML between the two --- lines; none of it was read."
    found = problem(
        "E401", line + 2, f"the front matter cannot be read: {message}", column=column + 1, hint=hint
    )
    return FrontMatter(problems=(found,))


def _read(text: str) -> FrontMatter:
    _check_events(text)
    node = yaml.compose(text, Loader=yaml.BaseLoader)
    if node is None:
        return FrontMatter()
    if not isinstance(node, yaml.MappingNode):
        raise _RefusedError("it is not a list of keys and values", node)
    values = _value(node)
    lines = {str(key.value): key.start_mark.line + 2 for key, _ in node.value}
    return FrontMatter(values if isinstance(values, dict) else {}, lines)


def _check_events(text: str) -> None:
    """Refuses aliases and deep nesting before any node is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError("aliases (*name) are not read", event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT:
            raise _RefusedError(f"nested deeper than {DEPTH_LIMIT} levels", event)


def _value(node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        made: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _RefusedError("a key is a list or a mapping", key)
            name = str(key.value)
            if name in made:
                raise _RefusedError(f'the key "{name}" stands twice', key)
            made[name] = _value(value)
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_value(part) for part in node.value]
    return str(node.value)


def apply_front_matter(spec: Spec, front: FrontMatter) -> Spec:
    """The spec with what its front matter overrides; findings for values that do not fit."""
    good, problems = _checked(front)
    changes: dict[str, object] = {key: good[key] for key in _PLAIN_KEYS if key in good}
    if "title" in good:
        changes["title_line"] = front.lines["title"]
    if "estimated_hours" in good:
        changes["estimated_hours_min"] = good["estimated_hours"]
    if "status" in good:
        changes["status"] = read_status(str(good["status"])) or spec.status
    if isinstance(good.get("dependencies"), list):
        changes["dependencies"] = tuple(good["dependencies"])  # type: ignore[arg-type]
    automation = {key: good[key] for key in _AUTOMATION_KEYS if key in good}
    return replace(
        spec,
        **changes,  # type: ignore[arg-type]
        automation=_automation(spec.automation, automation),
        context=_context(spec.context, good),
        front_matter=front.values,
        problems=(*spec.problems, *front.problems, *problems),
    )


def _automation(automation: Automation, values: Mapping[str, object]) -> Automation:
    return replace(automation, **values)  # type: ignore[arg-type]


def _context(context: ExecutionContext, good: Mapping[str, object]) -> ExecutionContext:
    known = properties_of("context")
    values = {key: good[key] for key in good if key in known and key not in _AUTOMATION_KEYS}
    if not values:
        return context
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return replace(context, **fields, values={**context.values, **values})  # type: ignore[arg-type]


def _checked(front: FrontMatter) -> tuple[dict[str, object], list[Problem]]:
    """The values that fit their rule, typed; a finding for each other known key, and for near misses."""
    rules = properties_of("front_matter")
    good: dict[str, object] = {}
    problems = list(_near_misses(front, tuple(rules)))
    for key, rule in rules.items():
        if key not in front.values or front.values[key] in ("", "null", "~"):
            continue
        value = _typed(front.values[key], rule)
        wanted = complaint(value, rule)
        if wanted is None:
            good[key] = value
        else:
            hint = f"It is {str(front.values[key])[:60]!r}."
            problems.append(
                problem("W402", front.lines[key], f"{key} must be {wanted}; passed over", hint=hint)
            )
    return good, problems


def _near_misses(front: FrontMatter, known: tuple[str, ...]) -> Iterator[Problem]:
    for key, line in list(front.lines.items())[:_KEYS_LOOKED_AT]:
        near = difflib.get_close_matches(key[:100].casefold().replace("-", "_"), known, n=1, cutoff=0.9)
        if near and key not in known:
            yield problem(
                "W403", line, f'unknown key "{key}" in the front matter (did you mean "{near[0]}"?)'
            )


def _typed(value: object, rule: Mapping[str, object]) -> object:
    """A YAML text as the type that its rule wants, where it can be read as one."""
    if isinstance(value, list):
        return value
    text = str(value).strip()
    kind = rule.get("type")
    if kind == "boolean":
        return {"true": True, "false": False, "yes": True, "no": False}.get(text.casefold(), text)
    if kind in {"integer", "number"} and _NUMBER.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    if kind == "array":
        return [text]
    return text.casefold() if "enum" in rule else text
