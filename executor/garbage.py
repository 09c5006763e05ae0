"""Python's search for garbage in circles, which stops every thread: what a service starts with is left out.

That is nearly all there is, and none of it becomes garbage while the service works.

Source: docs.python.org, gc.freeze; docs/decisions/0022.
"""

import gc


def spare_what_is_there() -> None:
    """Search only what is made from now on."""
    gc.freeze()


def search_everything() -> None:
    """Search everything again: what was spared may be garbage now."""
    gc.unfreeze()
