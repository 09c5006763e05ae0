"""Swagger UI, where the extra `docs` is installed: its two files, found without importing their package."""

import importlib.util
from functools import cache
from pathlib import Path

PACKAGE = "flask_swagger_ui"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css")


@cache
def swagger_folder() -> Path | None:
    """Where the files lie; None where the extra is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "dist"
    return folder if all((folder / name).is_file() for name in FILES) else None
