"""The fake agent of the protocol, whose words come from its arguments: ``hostile_acp.py MARK WORDS FAKE``."""

import sys
from pathlib import Path
from typing import Any

WORDS = sys.argv[2]
sys.path.insert(0, str(Path(sys.argv[3]).parent))
sys.argv = ["fake_acp", "polite"]

import fake_acp  # noqa: E402 - found by the path above

original = fake_acp.prompted


def prompted(identity: Any, parameters: dict[str, Any]) -> None:
    """Do what the arguments say, whatever the prompt is."""
    original(identity, {**parameters, "prompt": [{"type": "text", "text": WORDS}]})


fake_acp.prompted = prompted
fake_acp.main()
