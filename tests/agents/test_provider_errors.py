"""Trouble with a provider is told apart, and an agent that writes about it is left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.provider_errors import classify, retry_at
from roadmark.executor.verdict import TurnEnd

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "end"),
    [
        ({"type": "error", "status": 429}, TurnEnd.RATE_LIMITED),
        ({"error": {"code": "429"}}, TurnEnd.RATE_LIMITED),
        ({"error": {"type": "rate_limit_error", "message": "slow down"}}, TurnEnd.RATE_LIMITED),
        ({"type": "result", "is_error": True, "api_error_status": 401}, TurnEnd.AUTH),
        ({"error": {"type": "authentication_error"}}, TurnEnd.AUTH),
        ({"status": 529}, TurnEnd.PROVIDER_ERROR),
        ({"error": [{"name": "overloaded_error"}]}, TurnEnd.PROVIDER_ERROR),
        ({"code": "ECONNRESET"}, TurnEnd.CONNECTION_LOST),
        ({"code": "context_length_exceeded"}, TurnEnd.CONTEXT_FULL),
        ({"code": "model_not_found"}, TurnEnd.CONFIGURATION),
        ({"message": "You exceeded your current quota limit"}, TurnEnd.RATE_LIMITED),
        ({"message": "Please log in first"}, TurnEnd.AUTH),
        ({"message": "it broke"}, None),
        ({"status": True, "code": 12}, None),
    ],
)
def test_codes_and_names_of_an_event_come_first(event: dict[str, Any], end: TurnEnd | None) -> None:
    assert classify(0, event, "") is end


def test_a_code_in_an_event_outweighs_its_text() -> None:
    assert classify(1, {"status": 503, "message": "rate limit"}, "401 unauthorized") is TurnEnd.PROVIDER_ERROR


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Error: 429 Too Many Requests", TurnEnd.RATE_LIMITED),
        ("You hit the limit, resets at 11pm", TurnEnd.RATE_LIMITED),
        ("HTTP 401 Unauthorized", TurnEnd.AUTH),
        ("You are not logged in", TurnEnd.AUTH),
        ("Incorrect API key provided", TurnEnd.AUTH),
        ("error: unknown option '--yolo'", TurnEnd.CONFIGURATION),
        ("prompt is too long: 210000 tokens", TurnEnd.CONTEXT_FULL),
        ("503 Service Unavailable", TurnEnd.PROVIDER_ERROR),
        ("read ECONNRESET", TurnEnd.CONNECTION_LOST),
        ("TypeError: fetch failed", TurnEnd.CONNECTION_LOST),
        ("Traceback (most recent call last)", None),
        ("", None),
    ],
)
def test_the_last_words_of_a_failed_process_are_read(text: str, end: TurnEnd | None) -> None:
    assert classify(1, None, f"working\n{text}\n") is end


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("API Error: 401 invalid x-api-key", TurnEnd.AUTH),
        ("litellm.AuthenticationError: bad key", TurnEnd.AUTH),
        ("litellm.RateLimitError: slow", TurnEnd.RATE_LIMITED),
        ("Claude AI usage limit reached|1790000000", TurnEnd.RATE_LIMITED),
        ("You've hit your usage limit.", TurnEnd.RATE_LIMITED),
    ],
)
def test_an_agent_that_ends_with_status_0_on_an_error_is_found_out(text: str, end: TurnEnd) -> None:
    assert classify(0, None, text) is end


@pytest.mark.parametrize(
    "text",
    [
        "I implemented rate limiting; clients get 429 when they exceed the limit.",
        "The login page now answers 401 when nobody is signed in.",
        "Added a test for ECONNRESET and for 503 Service Unavailable.\nDone.",
        "429 is sent with Retry-After\n" + "line\n" * 6,
        "Renamed 'not logged in' to 'signed out'.",
    ],
)
def test_an_agent_that_writes_about_errors_is_no_error(text: str) -> None:
    assert classify(0, None, text) is None


def test_a_program_that_is_missing_is_configuration() -> None:
    assert classify(127, None, "sh: nothing") is TurnEnd.CONFIGURATION


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("Retry-After: 30", 30),
        ("Please try again in 20s.", 20),
        ("try again in 1h 30m", 5400),
        ("resets in 2 hours", 7200),
        ("retry in 1500ms", 1.5),
        ("limit reached|1772370000", 3600),
        ("resets at 3pm (UTC)", 3 * 3600),
        ("resets 11:30am (UTC)", 23.5 * 3600),
        ("resets at 14:15 (UTC)", 2.25 * 3600),
        ("resets at 1pm (Europe/Berlin)", 24 * 3600),
    ],
)
def test_the_end_of_a_rate_limit_is_read(text: str, after_s: float) -> None:
    assert retry_at(text, NOW) == NOW + timedelta(seconds=after_s)


@pytest.mark.parametrize(
    "text", ["", "later", "resets at 7", "resets at 27:00 (UTC)", "try again in 400 days"]
)
def test_a_time_that_is_not_told_is_not_made_up(text: str) -> None:
    assert retry_at(text, NOW) is None


def test_an_unknown_zone_is_read_as_the_machines_own() -> None:
    assert retry_at("resets at 3pm (Nowhere/City)", NOW) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.none() | st.integers(0, 255), st.none() | st.dictionaries(st.text(max_size=8), json_values), st.text()
)
def test_nothing_an_agent_prints_raises(code: int | None, event: dict[str, Any] | None, text: str) -> None:
    assert classify(code, event, text) in (None, *TurnEnd)
    found = retry_at(text, NOW)
    assert found is None or found >= NOW


@pytest.mark.parametrize(
    "unit", ["resets ", "1h ", "retry after 1 ", "429", "try again in 1h1h1h1h1h ", "|1"]
)
def test_hostile_output_is_read_quickly(unit: str) -> None:
    text = unit * 200_000
    assert classify(0, {"message": text}, text) in (None, *TurnEnd)
    retry_at(text, NOW)
