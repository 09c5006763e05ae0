"""Notifications by Apprise as endpoints: a migration waits, has failed or is done; with a link to act."""

import importlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.model import JournalEntry, Wait
from roadmark.executor.outbox import Outcome
from roadmark.executor.outside import NotifySettings
from roadmark.executor.reply_links import ReplyLinks
from roadmark.executor.states import Status
from roadmark.executor.store.outbox import Delivery
from roadmark.executor.tracker import MigrationTracker
from roadmark.web import words
from roadmark.web.hooks.webhook import TESTED

PREFIX = "notify:"
"""Begins the names of these endpoints in the outbox."""

_LONGEST = 1000
_STATES: Mapping[str, str] = {
    Status.WAITING: "waiting",
    Status.FAILED: "failed",
    Status.BLOCKED: "failed",
    Status.QUARANTINED: "failed",
    Status.COMPLETED: "finished",
}


class Notification:
    """Tells one person, or one room, by whatever Apprise knows."""

    def __init__(
        self,
        settings: NotifySettings,
        tracker: MigrationTracker,
        links: ReplyLinks,
        *,
        address: str,
        library: ModuleType,
    ) -> None:
        """`address` is where people reach the pages; `library` is Apprise."""
        self._settings, self._tracker, self._links = settings, tracker, links
        self._address, self._library = address, library

    @property
    def name(self) -> str:
        """The name in the outbox."""
        return PREFIX + self._settings.name

    def message(self, entry: JournalEntry) -> str | None:
        """What happened. The words, and the link with its key, are made when it is sent, and not kept."""
        if entry.kind == TESTED and entry.detail.get("endpoint") == self.name:
            return json.dumps({"state": "test"})
        state = _state_of(entry)
        if state not in self._settings.on:
            return None
        facts = {"state": state, "migration_id": entry.migration_id, "reason": entry.detail.get("reason")}
        return json.dumps(facts, ensure_ascii=False)

    def send(self, delivery: Delivery) -> Outcome:
        """One try. A question that is no longer open needs nobody, and counts as delivered."""
        began_s = time.monotonic()
        try:
            written = self._written(json.loads(delivery.payload))
            error = self._notify(*written) if written else None
        except ConfigurationWrong as wrong:
            error = str(wrong)
        return Outcome(status=None, error=error, took_ms=round((time.monotonic() - began_s) * 1000))

    def _notify(self, title: str, body: str) -> str | None:
        """What went wrong, if anything did."""
        apprise = self._library.Apprise()
        urls = self._settings.url.read(os.environ).split()
        if not all(apprise.add(url) for url in urls):
            return f"one of the URLs of [[notify]] {self._settings.name} is none that Apprise knows"
        if apprise.notify(title=title, body=body, body_format=self._library.NotifyFormat.TEXT):
            return None
        return "Apprise could not deliver it; the service's log has what it said"

    def _written(self, facts: dict[str, Any]) -> tuple[str, str] | None:
        """Title and text; None where nobody needs to hear it any more."""
        if facts["state"] == "test":
            return "Roadmark: a test", f"Messages reach you. {self._address}/"
        view = self._tracker.migration(facts["migration_id"])
        title = _shown(self._tracker.fleet_row(view.migration.task_id).task.title)
        page = f"{self._address}/tasks/{view.migration.task_id}"
        if facts["state"] == "waiting":
            return self._question(title, view.wait, page) if view.wait else None
        if facts["state"] == "finished":
            return f"Done: {title}", f"Every phase has landed.\n{page}"
        return f"Needs you: {title}", f"{_short(facts['reason'] or 'It goes no further.')}\n{page}"

    def _question(self, title: str, wait: Wait, page: str) -> tuple[str, str]:
        person = self._settings.person
        link = f"{self._address}/reply/{self._links.make(wait, person)}" if person else f"{page}#reply"
        lines = [_short(wait.prompt), f"Reply with: {', '.join(wait.keywords)}", link]
        return f"Your reply, please: {title}", "\n".join([*lines, f"Code: {wait.id[:8]}"])


def notification_endpoints(
    settings: Settings, tracker: MigrationTracker, links: ReplyLinks
) -> Sequence[Notification]:
    """The notifications of a configuration. Raises: ConfigurationWrong where Apprise is missing."""
    if not settings.notify:
        return []
    library = _library()
    return [
        Notification(one, tracker, links, address=settings.address(), library=library)
        for one in settings.notify
    ]


def _library() -> ModuleType:
    """Apprise, which is an extra, and slow to import."""
    try:
        return importlib.import_module("apprise")
    except ImportError as error:
        raise ConfigurationWrong("[[notify]]", "needs Apprise: pip install 'roadmark[notify]'") from error


def _state_of(entry: JournalEntry) -> str | None:
    """What a person hears of; a reminder is heard like the question itself."""
    if entry.kind == "wait.reminded":
        return "waiting"
    return _STATES.get(entry.to_status or "") if entry.kind == "migration.moved" else None


def _shown(text: str) -> str:
    return str(words.visible(text))


def _short(text: str) -> str:
    shown = _shown(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} ..."
