"""A spec as the JSON object that ``roadmark parse --format jsonl`` prints.

Source: section 7 of the ingest design; other programs rely on these names.
"""

from collections.abc import Mapping

from roadmark.ingest.spec import Checkbox, Entry, FileChange, Phase, Risk, Spec


def as_dict(spec: Spec) -> dict[str, object]:
    """The machine's view of a spec: plain dicts, lists, texts and numbers."""
    return {
        "file": spec.path,
        "format": spec.format,
        "title": spec.title,
        "type": spec.type,
        "priority": spec.priority,
        "category": spec.category,
        "status": spec.status,
        "estimated_hours": _number(spec.estimated_hours),
        "dependencies": list(spec.dependencies),
        "phases": [_phase(phase) for phase in spec.phases],
        "items": [_box(box) for box in spec.items],
        "files": {
            "create": [_file(change) for change in spec.files.create],
            "modify": [_file(change) for change in spec.files.modify],
            "delete": [_file(change) for change in spec.files.delete],
            "move": [_file(change) for change in spec.files.move],
        },
        "risks": [_risk(risk) for risk in spec.risks],
        "success_criteria": _texts(spec.success_criteria),
        "success_indicators": _texts(spec.success_indicators),
        "automation": _automation(spec),
        "context": plain_value(spec.context.values),
        "metadata": plain_value(spec.metadata),
        "role": spec.role,
        "is_spec": spec.is_spec,
        "can_execute": spec.can_execute,
        "problems": [
            {
                "code": found.code,
                "severity": str(found.severity),
                "line": found.line,
                "column": found.column,
                "message": found.message,
                "hint": found.hint,
            }
            for found in spec.problems
        ],
    }


def plain_value(value: object) -> object:
    """Mappings and sequences made plain dicts and lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain_value(part) for part in value]
    return value


def _number(hours: float | None) -> float | int | None:
    """Whole hours without a decimal point."""
    return int(hours) if hours is not None and hours == int(hours) else hours


def _texts(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.text for entry in entries]


def _phase(phase: Phase) -> dict[str, object]:
    return {
        "number": phase.number,
        "name": phase.name,
        "hours": _number(phase.hours),
        "status": phase.status,
        "line": phase.line,
        "items": [
            {
                "text": box.text,
                "mark": box.mark,
                "optional": box.optional,
                "line": box.line,
                "depth": box.depth,
            }
            for box in phase.items
        ],
    }


def _box(box: Checkbox) -> dict[str, object]:
    found: dict[str, object] = {"line": box.line, "mark": box.mark, "section": box.section, "key": box.key}
    if box.optional:
        found["optional"] = True
    return found


def _file(change: FileChange) -> dict[str, object]:
    found: dict[str, object] = {"path": change.path, "purpose": change.purpose, "line": change.line}
    if change.target is not None:
        found["target"] = change.target
    return found


def _risk(risk: Risk) -> dict[str, object]:
    return {"level": risk.level, "text": risk.text, "mitigation": risk.mitigation, "line": risk.line}


def _automation(spec: Spec) -> dict[str, object]:
    automation = spec.automation
    return {
        "automation_level": automation.automation_level,
        "confirmation_required": automation.confirmation_required,
        "max_attempts": automation.max_attempts,
        "git_branch_required": automation.git_branch_required,
        "new_chat_required": automation.new_chat_required,
    }
