"""What a migration may do: the spec's wishes, capped by the operator's settings (safety rule R1)."""

from collections.abc import Mapping, Sequence
from typing import Any

from roadmark.executor.config import DEFAULT_KEYWORDS, LEVELS, Settings
from roadmark.executor.errors import HookUnknown
from roadmark.executor.model import Policy, Task
from roadmark.executor.workspace.branch_names import check_branch_name

DEFAULT_TIMEOUT_S = 14_400
DEFAULT_CONFIRMATION_ATTEMPTS = 3


def policy_for(task: Task, settings: Settings) -> Policy:
    """The policy that a migration of this task is pinned to. Raises: BranchNameRefused, HookUnknown."""
    context = task.context
    branch = _branch(task)
    if branch is not None:
        check_branch_name(branch, settings.protected_branches)
    return Policy(
        automation_level=_more_cautious(task.automation_level, settings.automation_level),
        confirmation_required=task.confirmation_required,
        keywords=tuple(context.get("confirmation_keywords") or DEFAULT_KEYWORDS),
        fallback_detection=bool(context.get("fallback_detection", True)),
        max_attempts=max(1, min(task.max_attempts, settings.max_attempts)),
        max_confirmation_attempts=max(
            1, _whole(context, "max_confirmation_attempts", DEFAULT_CONFIRMATION_ATTEMPTS)
        ),
        timeout_s=max(1, min(_whole(context, "timeout_seconds", DEFAULT_TIMEOUT_S), settings.timeout_s)),
        wait_s=settings.wait_s,
        retry_delay_s=settings.retry_delay_s,
        new_chat_required=task.new_chat_required,
        on_failure=settings.on_failure,
        branch=branch,
        hooks=_approved(context.get("hooks") or (), settings),
        host_label=str(context["host_label"]) if context.get("host_label") else None,
    )


def may_be_here(policy: Policy, settings: Settings) -> bool:
    """Whether this host may carry it out."""
    return policy.host_label is None or policy.host_label in settings.host_labels


def hooks_of(policy: Policy, phase: int) -> tuple[str, ...]:
    """The hooks of a phase in the order in which the spec names them."""
    named = (name.rpartition(":") for name in policy.hooks)
    return tuple(name for of, _, name in named if of in ("", str(phase)))


def asks_before_start(policy: Policy) -> bool:
    """Whether a person confirms the start of the whole."""
    return policy.automation_level == "semi_auto" and policy.confirmation_required


def asks_before_phase(policy: Policy) -> bool:
    """Whether a person confirms the beginning of each phase."""
    return policy.automation_level in ("manual", "assisted")


def _more_cautious(wanted: str, ceiling: str) -> str:
    levels = [level for level in (wanted, ceiling) if level in LEVELS]
    return min(levels, key=LEVELS.index) if levels else "semi_auto"


def _branch(task: Task) -> str | None:
    if not task.git_branch_required:
        return None
    named = task.context.get("git_branch_name")
    return str(named) if named else f"roadmark/{task.id[:8]}"


def _approved(wanted: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """The hooks that the spec names. Raises: HookUnknown for one that is not configured."""
    for name in (wish.rpartition(":")[2] for wish in wanted):
        if name not in settings.hooks:
            raise HookUnknown(name, sorted(settings.hooks))
    return tuple(wanted)


def _whole(context: Mapping[str, Any], name: str, default: int) -> int:
    value = context.get(name)
    return (
        int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        else default
    )
