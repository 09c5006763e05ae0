"""/hooks/: where other programs bring replies. Open, because each message proves itself by its signature."""

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.outside import ReplySettings
from roadmark.web import bodies
from roadmark.web.hooks.answering import tell_slack
from roadmark.web.hooks.messages import escaped
from roadmark.web.hooks.receipts import once
from roadmark.web.hooks.replies import (
    Said,
    answer,
    person,
    read_slack,
    said_on_github,
    verify_github,
    verify_slack,
)
from roadmark.web.hooks.signing import SecretUnusable, SignatureWrong, verify
from roadmark.web.problems import Refused
from roadmark.web.routing import resource, service_of
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)

Json = dict[str, Any]
Told = TypeVar("Told")


async def reply(request: Request) -> Response:
    """POST /hooks/reply: signed after Standard Webhooks."""
    hook, body = _hook(request, "reply"), await request.body()
    message_id = _believed(hook, lambda secret: verify(secret, request.headers, body, _now_s(request)))
    data = (await bodies.read_json(request, bodies.SIGNED_REPLY))["data"]
    sender = data.get("from", "hook")
    actor = person(hook.users, sender) if hook.users else f"hook:{sender}"
    said = Said(sender, data["wait"], data["text"])
    return JSONResponse(await run_in_threadpool(_once, request, hook, message_id, said, actor))


async def slack(request: Request) -> Response:
    """POST /hooks/slack: `/roadmark CODE REPLY`, or a button with `CODE REPLY` as its value.

    What is refused is said to the sender alone: Slack shows nothing but a 200. What a button is answered with
    goes to the address that came with it, after ours, since Slack waits three seconds only.
    """
    hook, body = _hook(request, "slack"), await request.body()
    _believed(hook, lambda secret: verify_slack(secret, request.headers, body, _now_s(request)))
    try:
        given = read_slack(body)
    except Refused as error:
        return JSONResponse(_to_sender(error))
    message = await run_in_threadpool(_slack_answer, request, hook, body, given.said)
    if given.address is None:
        return JSONResponse(message)
    return Response(None, 200, background=BackgroundTask(tell_slack, given.address, message, hook.allow))


async def github(request: Request) -> Response:
    """POST /hooks/github: a comment with a line `/roadmark CODE REPLY`."""
    hook, body = _hook(request, "github"), await request.body()
    _believed(hook, lambda secret: verify_github(secret, request.headers, body))
    event = bodies.decode_json(body)
    if request.headers.get("x-github-event") != "issue_comment" or not isinstance(event, dict):
        return JSONResponse({"outcome": "ignored"})
    said = _believed(hook, lambda _: said_on_github(event, _now_s(request)))
    if said is None:
        return JSONResponse({"outcome": "ignored"})
    actor = person(hook.users, said.sender)
    message_id = str(event["comment"].get("node_id") or event["comment"].get("id"))
    return JSONResponse(await run_in_threadpool(_once, request, hook, message_id, said, actor))


ROUTES = [
    resource("/hooks/reply", post=reply),
    resource("/hooks/slack", post=slack),
    resource("/hooks/github", post=github),
]


def _hook(request: Request, name: str) -> ReplySettings:
    hook = service_of(request).settings.replies.get(name)
    if hook is None:
        raise Refused("not-found", f"[replies.{name}] is not configured")
    return hook


def _believed(hook: ReplySettings, check: Callable[[str], Told]) -> Told:
    """What the check gives for the hook's secret. Raises: Refused."""
    try:
        return check(hook.secret.read(os.environ))
    except SignatureWrong as error:
        raise Refused("unauthenticated", str(error)) from error
    except (ConfigurationWrong, SecretUnusable) as error:
        log.error("[replies.%s]: %s", hook.name, error)
        raise Refused("unavailable", f"the secret of [replies.{hook.name}] cannot be used") from error


def _once(request: Request, hook: ReplySettings, message_id: str, said: Said, actor: str) -> Json:
    service = service_of(request)
    via = "hook" if hook.name == "reply" else hook.name
    return once(service.store, hook.name, message_id, lambda: answer(service, said, actor, via))


def _slack_answer(request: Request, hook: ReplySettings, body: bytes, said: Said | None) -> Json:
    """What Slack shows: to everybody, or what is refused to the sender."""
    try:
        if said is None:
            raise Refused(
                "malformed", "say /roadmark CODE REPLY, with the code that the question was asked with"
            )
        actor = person(hook.users, said.sender)
        told = _once(request, hook, body.decode("utf-8", "replace"), said, actor)
    except Refused as error:
        return _to_sender(error)
    words = {"accepted": "Taken", "sent_back": "Sent back"}
    text = f"{words[told['outcome']]}: {said.text[:200]} ({actor})"
    return {"response_type": "in_channel", "replace_original": True, "text": escaped(text)}


def _to_sender(error: Refused) -> Json:
    text = f"{error.problem.kind.title}: {error.problem.detail}"
    return {"response_type": "ephemeral", "replace_original": False, "text": escaped(text)}


def _now_s(request: Request) -> float:
    return service_of(request).clock.now().timestamp()
