"""The templates as data: pages, prompts and blank specs, and where they lie."""

from pathlib import Path

_HERE = Path(__file__).parent


def pages_folder() -> Path:
    """The folder of the HTML pages."""
    return _HERE / "pages"


def prompts_folder() -> Path:
    """The folder of what agents are told."""
    return _HERE / "prompt"
