"""What a webhook is sent: the payload of Standard Webhooks, or a message with buttons for Slack.

Source: the Standard Webhooks specification, section on payloads; Slack, Block Kit reference (lengths).
"""

import json
from dataclasses import dataclass
from typing import Any

from roadmark.executor.model import JournalEntry, Wait
from roadmark.web import views, words

_LONGEST_TEXT = 2900
_LONGEST_WORD = 75
_MOST_BUTTONS = 10


@dataclass(frozen=True, slots=True)
class About:
    """What an entry is about: the task's title, the address of its page, and the question if it is one."""

    title: str | None
    url: str | None
    wait: Wait | None


def standard(entry: JournalEntry, about: About) -> str:
    """The entry itself, with title and address."""
    data = {**views.event(entry), "title": about.title, "url": about.url}
    return _json({"type": entry.kind, "timestamp": views.stamp(entry.at), "data": data})


def slack(entry: JournalEntry, about: About) -> str:
    """A sentence; a question with a button for each word that confirms it. No text is read as markup."""
    headline = f"{about.title}: {words.told(entry)}" if about.title else words.told(entry)
    lines = [headline, about.wait.prompt] if about.wait else [headline]
    text = str(words.visible("\n".join(lines)))[:_LONGEST_TEXT]
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _plain(text)}]
    buttons = [*_answers(about.wait), *_page(about.url)]
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return _json({"text": escaped(text), "blocks": blocks})


def escaped(text: str) -> str:
    """Slack reads three characters as markup in the short form of a message."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _answers(wait: Wait | None) -> list[dict[str, Any]]:
    if wait is None:
        return []
    return [
        {
            "type": "button",
            "text": _plain(word[:_LONGEST_WORD]),
            "action_id": f"reply_{number}",
            "value": f"{wait.id[:8]} {word}",
        }
        for number, word in enumerate(wait.keywords[:_MOST_BUTTONS])
    ]


def _page(url: str | None) -> list[dict[str, Any]]:
    return [{"type": "button", "text": _plain("Open"), "action_id": "open", "url": url}] if url else []


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
