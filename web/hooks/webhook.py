"""A webhook as an endpoint: which entries it hears of, what it is sent, and what its answer means.

Source: the Standard Webhooks specification: payload, headers, what statuses mean.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from roadmark.executor.clock import Clock
from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.model import JournalEntry, Wait
from roadmark.executor.outbox import Outcome
from roadmark.executor.outside import WebhookSettings
from roadmark.executor.secret_source import SecretSource
from roadmark.executor.store.outbox import Delivery
from roadmark.executor.tracker import MigrationTracker
from roadmark.web.hooks.addresses import AddressRefused, Resolve, check_url, resolve
from roadmark.web.hooks.messages import About, slack, standard
from roadmark.web.hooks.sending import DEADLINE_S, Answer, NoAnswer, post
from roadmark.web.hooks.signing import SecretUnusable, headers_for

TESTED = "webhook.tested"
"""The event that a test button records: the endpoint that it names hears of it, whatever it listens to."""

_GONE = 410
_WRITERS: Mapping[str, Callable[[JournalEntry, About], str]] = {"standard": standard, "slack": slack}


class Webhook:
    """Posts signed messages to one URL."""

    def __init__(
        self,
        settings: WebhookSettings,
        tracker: MigrationTracker,
        clock: Clock,
        *,
        address: str,
        resolving: Resolve = resolve,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """`address` is where people reach the pages."""
        self._settings, self._tracker, self._clock = settings, tracker, clock
        self._address, self._resolving, self._deadline_s = address, resolving, deadline_s

    @property
    def name(self) -> str:
        """The name in the configuration."""
        return self._settings.name

    def message(self, entry: JournalEntry) -> str | None:
        """The payload for an entry that this webhook listens to."""
        if entry.kind == TESTED:
            is_meant = entry.detail.get("endpoint") == self.name
        else:
            is_meant = listens(self._settings.events, entry.kind)
        return _WRITERS[self._settings.format](entry, self._about(entry)) if is_meant else None

    def send(self, delivery: Delivery) -> Outcome:
        """One try."""
        began_s = time.monotonic()
        try:
            answer = self._post(delivery)
        except (AddressRefused, NoAnswer, ConfigurationWrong, SecretUnusable, OSError) as error:
            return Outcome(status=None, error=str(error), took_ms=_since_ms(began_s))
        return _outcome(answer, _since_ms(began_s))

    def _post(self, delivery: Delivery) -> Answer:
        body = delivery.payload.encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Roadmark"}
        if self._settings.secret is not None:
            secrets = self._settings.secret.read(os.environ)
            headers |= headers_for(secrets, delivery.id, int(self._clock.now().timestamp()), body)
        target = check_url(_url(self._settings), self._settings.allow, self._resolving)
        return post(target, headers, body, self._deadline_s)

    def _about(self, entry: JournalEntry) -> About:
        if entry.task_id is None:
            return About(None, None, None)
        title = self._tracker.fleet_row(entry.task_id).task.title
        return About(title, f"{self._address}/tasks/{entry.task_id}", self._question(entry))

    def _question(self, entry: JournalEntry) -> Wait | None:
        """The question that the entry opened, if it is open still."""
        if entry.kind != "wait.opened" or entry.migration_id is None:
            return None
        wait = self._tracker.migration(entry.migration_id).wait
        return wait if wait is not None and wait.id == entry.detail.get("wait") else None


def webhook_endpoints(settings: Settings, tracker: MigrationTracker, clock: Clock) -> list[Webhook]:
    """The webhooks of a configuration."""
    return [Webhook(one, tracker, clock, address=settings.address()) for one in settings.webhooks]


def listens(patterns: Sequence[str], kind: str) -> bool:
    """Whether the last pattern that fits the kind lets it in; `!` in front of a pattern takes out."""
    heard = False
    for pattern in patterns:
        if fnmatchcase(kind, pattern.removeprefix("!")):
            heard = not pattern.startswith("!")
    return heard


def shown_url(settings: WebhookSettings) -> str:
    """Where it goes, without the path: that is often a secret itself."""
    if isinstance(settings.url, SecretSource):
        return f"what {settings.url.variable or settings.url.file} holds"
    parts = urlsplit(settings.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _url(settings: WebhookSettings) -> str:
    return settings.url.read(os.environ) if isinstance(settings.url, SecretSource) else settings.url


def _outcome(answer: Answer, took_ms: int) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(status=answer.status, error=None, took_ms=took_ms)
    said = "a redirect, which is not followed" if 300 <= answer.status < 400 else "not a success"
    return Outcome(
        status=answer.status,
        error=f"answered {answer.status}: {said}",
        took_ms=took_ms,
        retry_after_s=answer.retry_after_s,
        is_final=answer.status == _GONE,
    )


def _since_ms(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1000)
