"""Words for how far something is, in one of five names."""

import re

_STATUSES = (
    (
        "in_progress",
        (
            r"in[ _-]?progress|in arbeit|ongoing|started|partial(?:ly)?|wip|\d\d? ?% (?:complete|done)"
            r"|进行中|進行中|🔄|🚧"
        ),
    ),
    (
        "pending",
        (
            r"pending|planned|planning|not[ _-]started|to[ _-]?do|open|offen|geplant|proposed|draft|ready"
            r"|未开始|待办|未着手|⏳"
        ),
    ),
    (
        "completed",
        r"completed?|done|finished|implemented|abgeschlossen|erledigt|fertig|resolved|verified|已完成|完成|完了|✅|✔|☑",
    ),
    ("cancelled", r"cancell?ed|abandoned|obsolete|skipped|wontfix|abgebrochen|deprecated|已取消|中止"),
    ("blocked", r"blocked|on hold|paused|waiting|blockiert|已阻塞|保留中|⏸"),
)
_LENGTH = 300
_NOT_DONE = re.compile(r"\b(?:not|in|never|un)[ -]?(?:yet )?(?:completed?|done|finished|implemented)\b", re.I)
_PATTERNS = tuple((name, re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I)) for name, words in _STATUSES)


def read_status(text: str) -> str | None:
    """``pending``, ``in_progress``, ``completed``, ``cancelled`` or ``blocked``: the first name in the text.

    >>> read_status("✅ COMPLETED"), read_status("not started"), read_status("Core")
    ('completed', 'pending', None)
    """
    text = text[:_LENGTH]
    if _NOT_DONE.search(text):
        return "pending"
    found = ((match.start(), name) for name, pattern in _PATTERNS if (match := pattern.search(text)))
    return min(found, default=(0, None))[1]
