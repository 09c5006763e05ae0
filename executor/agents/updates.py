"""The updates of an Agent Client Protocol session as events.

Source: Agent Client Protocol, version 1 (session/update); `state_update` is version 2's.
"""

from collections.abc import Mapping
from typing import Any

from roadmark.executor.agents.base import (
    AgentEvent,
    Plan,
    TextDelta,
    Thought,
    ToolStart,
    ToolUpdate,
    TurnEnd,
    TurnEnded,
    Usage,
)
from roadmark.executor.workspace.terminal_text import clean_line

Json = Mapping[str, Any]
MOST_TITLE = 300
_MOST_ENTRIES = 100
_ENDS = {
    "end_turn": TurnEnd.COMPLETED,
    "refusal": TurnEnd.COMPLETED,
    "max_tokens": TurnEnd.CONTEXT_FULL,
    "max_turn_requests": TurnEnd.TIMEOUT,
    "cancelled": TurnEnd.CANCELLED,
}


def event_of(update: Json) -> AgentEvent | None:
    """The event that an update is; None for those that nobody needs and those that are unknown."""
    match update.get("sessionUpdate"):
        case "agent_message_chunk":
            return TextDelta(_content(update))
        case "agent_thought_chunk":
            return Thought(_content(update))
        case "tool_call":
            return ToolStart(_short(update.get("toolCallId")), _short(update.get("title")))
        case "tool_call_update":
            return ToolUpdate(
                _short(update.get("toolCallId")), _short(update.get("title")), _short(update.get("status"))
            )
        case "plan":
            return Plan(_entries(update.get("entries")))
        case "usage_update":
            return Usage(tokens_in=whole(update.get("used")), cost_usd=_cost(update.get("cost")))
        case "state_update" if update.get("state") == "idle":
            return ended(update)
        case _:
            return None


def ended(values: Json) -> TurnEnded:
    """The end of a turn by its stop reason; a reason that is not known is a plain end."""
    reason = values.get("stopReason")
    known = reason if isinstance(reason, str) else "end_turn"
    detail = "" if known == "end_turn" else f"the agent stopped: {_short(known)}"
    return TurnEnded(_ENDS.get(known, TurnEnd.COMPLETED), detail)


def usage_of(result: Json) -> Usage | None:
    """The usage that an answer to a prompt may carry."""
    usage = result.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(tokens_in=whole(usage.get("inputTokens")), tokens_out=whole(usage.get("outputTokens")))


def whole(value: object) -> int | None:
    """A count, where it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None


def _content(update: Json) -> str:
    """The text of a chunk; pictures and the like have none."""
    content = update.get("content")
    text = content.get("text") if isinstance(content, dict) and content.get("type") == "text" else ""
    return "\n".join(clean_line(line) for line in text.split("\n")) if isinstance(text, str) else ""


def _entries(entries: object) -> tuple[str, ...]:
    listed = entries[:_MOST_ENTRIES] if isinstance(entries, list) else []
    return tuple(
        f"{_short(e.get('status'))}: {_short(e.get('content'))}" for e in listed if isinstance(e, dict)
    )


def _cost(cost: object) -> float | None:
    if not isinstance(cost, dict) or cost.get("currency", "USD") != "USD":
        return None
    amount = cost.get("amount")
    return float(amount) if isinstance(amount, int | float) and not isinstance(amount, bool) else None


def _short(value: object) -> str:
    return clean_line(value[:MOST_TITLE].replace("\n", " ")) if isinstance(value, str) else ""
