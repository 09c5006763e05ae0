"""The text of a skeleton: a file that says of itself that nothing is implemented in it."""

import json
import unicodedata
from pathlib import PurePosixPath

_HASH = """py pyi sh bash zsh yaml yml toml rb pl r tf cfg conf env properties dockerfile makefile gitignore
ps1 nix mk"""
_SLASHES = """js jsx mjs cjs ts tsx mts cts java kt kts scala c h cc cpp hpp cs go rs swift dart proto scss
less groovy gradle"""
_STARRED = "css"
_DASHES = "sql lua hs elm"
_MARKUP = "html htm md markdown mdx svg vue xml svelte"
_BINARY = """png jpg jpeg gif webp ico pdf zip gz tar jar exe dll so dylib woff woff2 ttf otf mp3 mp4 mov db
sqlite xlsx docx pptx class pyc wasm bin"""
_MOST_PURPOSE = 300

_COMMENTS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_HASH.split(), ("# ", "")),
    **dict.fromkeys(_SLASHES.split(), ("// ", "")),
    **dict.fromkeys(_STARRED.split(), ("/* ", " */")),
    **dict.fromkeys(_DASHES.split(), ("-- ", "")),
    **dict.fromkeys(_MARKUP.split(), ("<!-- ", " -->")),
    **dict.fromkeys(["ini", "asm", "lisp", "clj"], ("; ", "")),
    **dict.fromkeys(["tex", "erl"], ("% ", "")),
}


def can_hold_words(path: str) -> bool:
    """Whether a file of this kind can hold a sentence at all; an image or an archive cannot."""
    return _kind(path) not in _BINARY.split()


def skeleton(path: str, purpose: str, origin: str) -> str:
    """The skeleton for a path: one or two comment lines in the file's own syntax.

    Args:
        path: Where it will stand; its ending decides the syntax.
        purpose: What the spec wants the file for; may be empty. Hostile text is made harmless.
        origin: The spec's title and the phase, for the reader.

    >>> print(skeleton("a.py", "the parser", "Setup, phase 1"), end="")
    # Skeleton made by Roadmark's scaffold agent for "the parser".
    # Nothing is implemented here. Spec: Setup, phase 1.
    """
    wanted = f' for "{one_line(purpose)}"' if one_line(purpose) else ""
    lines = [
        f"Skeleton made by Roadmark's scaffold agent{wanted}.",
        f"Nothing is implemented here. Spec: {one_line(origin)}.",
    ]
    return _written(_kind(path), lines)


def _written(kind: str, lines: list[str]) -> str:
    if kind in ("json", "jsonc", "json5", "webmanifest"):
        return json.dumps({"_skeleton": " ".join(lines)}, indent=2, ensure_ascii=False) + "\n"
    if kind in ("jsonl", "ndjson"):
        return json.dumps({"_skeleton": " ".join(lines)}, ensure_ascii=False) + "\n"
    before, after = _COMMENTS.get(kind, ("", ""))
    text = "".join(f"{before}{line}{after}\n" for line in lines)
    if kind == "php":
        return "<?php\n" + "".join(f"// {line}\n" for line in lines)
    if kind in ("xml", "svg"):
        return text + ("<skeleton/>\n" if kind == "xml" else '<svg xmlns="http://www.w3.org/2000/svg"/>\n')
    return text


def _kind(path: str) -> str:
    """The ending without its dot, or the name itself where there is none (Makefile, .gitignore)."""
    pure = PurePosixPath(path)
    return (pure.suffix or pure.name).lstrip(".").casefold()


def one_line(text: str) -> str:
    """Hostile text as one short line that can close no comment and holds no control characters."""
    squeezed = " ".join(
        "".join(
            c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") or c.isspace() else "" for c in text
        ).split()
    )
    for mark, harmless in (("*/", "* /"), ("--", "- -"), ("?>", "? >"), ('"', "'"), ("\\", "/"), ("<", "(")):
        squeezed = squeezed.replace(mark, harmless)
    return squeezed[:_MOST_PURPOSE]
