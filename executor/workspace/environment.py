"""The environment of a started process: an allow-list, so that no secret of ours reaches it unasked."""

import os
import re
from collections.abc import Mapping, Sequence

STATE_VARIABLE = "ROADMARK_STATE"
MIGRATION_VARIABLE = "ROADMARK_MIGRATION"
NOWHERE = "/nonexistent"
_PASSED = re.compile(r"PATH|LANG|LANGUAGE|LC_[A-Z]+|TZ")
_FIXED = {
    "TERM": "dumb",
    "CI": "1",
    "NO_COLOR": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": NOWHERE,
}


def build_environment(
    source: Mapping[str, str], pass_through: Sequence[str], own: Mapping[str, str]
) -> dict[str, str]:
    """What a process gets: PATH and language of `source`, the names passed through, and `own` over all.

    HOME is a folder that does not exist unless `own` names one.
    """
    passed = {
        name: value for name, value in source.items() if _PASSED.fullmatch(name) or name in pass_through
    }
    return {"PATH": os.defpath, **passed, **_FIXED, **own}
