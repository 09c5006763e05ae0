"""What the pages bring along."""

import gzip

from roadmark.web.pages import STATIC

MOST_SCRIPT_BYTES = 25_000


def test_the_scripts_of_a_live_page_are_small() -> None:
    scripts = [path for path in STATIC.glob("*.js") if path.name != "swagger.js"]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in scripts}
    assert sizes.keys() == {"htmx.js", "roadmark.js"}
    assert sum(sizes.values()) <= MOST_SCRIPT_BYTES, sizes
