"""How fast specs are read: files and megabytes a second, and peak memory.

usage: python benchmarks/ingest.py FOLDER [--every N]

Reads every Markdown file below FOLDER with `read_spec`, and parses the same files with markdown-it-py's
gfm-like preset and the task list plugin, one after the other in one run, both twice; the second round counts.
The comparison needs `pip install linkify-it-py mdit-py-plugins` and is left out without them.
"""

import argparse
import importlib
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from markdown_it import MarkdownIt
from roadmark.ingest.reader import read_spec

Files = list[tuple[PurePosixPath, bytes]]


def main() -> None:
    """Prints one line a reader, and the share of CPU time that ours takes of the other's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every Nth file")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.rglob("*.md"))[:: arguments.every]
    files: Files = [
        (PurePosixPath(path.relative_to(arguments.folder).as_posix()), path.read_bytes()) for path in paths
    ]
    ours = _measure("roadmark read_spec", files, read_spec)
    parse = _reference()
    if parse is None:
        print("markdown-it gfm-like with task lists: linkify-it-py or mdit-py-plugins is not installed")
        return
    theirs = _measure("markdown-it gfm-like with task lists", files, lambda _, content: parse(_text(content)))
    print(f"share of CPU: {ours / theirs:.2f}")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _reference() -> Callable[[str], object] | None:
    try:
        plugin = importlib.import_module("mdit_py_plugins.tasklists").tasklists_plugin
        importlib.import_module("linkify_it")
    except ImportError:
        return None
    return MarkdownIt("gfm-like").use(plugin).render


def _measure(name: str, files: Files, read: Callable[[PurePosixPath, bytes], object]) -> float:
    """CPU seconds of the second round; prints what they mean."""
    seconds = 0.0
    for _ in range(2):
        started = time.process_time()
        for path, content in files:
            read(path, content)
        seconds = time.process_time() - started
    size_mb = sum(len(content) for _, content in files) / 1e6
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1024**2
    )
    speed = f"{len(files) / seconds:.0f} files/s, {size_mb / seconds:.2f} MB/s"
    print(f"{name}: {speed}, peak {peak_mb:.0f} MB so far")
    return seconds


if __name__ == "__main__":
    main()
