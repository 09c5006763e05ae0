"""The answer to a button in Slack: to the address that came with it, looked at like a webhook's."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from roadmark.executor.outside import Network
from roadmark.web.hooks.addresses import AddressRefused, check_url
from roadmark.web.hooks.sending import NoAnswer, post

log = logging.getLogger(__name__)


def tell_slack(address: str, message: Mapping[str, Any], allow: Sequence[Network]) -> None:
    """Say it once; it is a courtesy, and whoever misses it finds the outcome on the page."""
    try:
        body = json.dumps(message, ensure_ascii=False).encode()
        answer = post(check_url(address, allow), {"Content-Type": "application/json"}, body)
    except (AddressRefused, NoAnswer, OSError) as error:
        log.warning("Slack could not be answered: %s", error)
        return
    if answer.status >= 300:
        log.warning("Slack did not take the answer: %d", answer.status)
