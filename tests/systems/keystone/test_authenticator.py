"""What is cached, what is asked, and what a flood does to Keystone."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace

import pytest

from slipway.openstack.keystone.validation import TokenValidation
from slipway.tokenreview.authenticator import (
    AWAY,
    BUSY,
    FLOOD,
    STRANGE,
    UNKNOWN,
    Authenticator,
    Rules,
)
from tests.systems.keystone.stand_in import Clock, Keystone, authenticator, document, token

ALICE = token("alice")
RULES = Rules()


async def test_a_good_token_is_asked_about_once_in_its_time() -> None:
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, clock):
        for _ in range(3):
            who = (await auth.authenticate(ALICE)).identity
            assert who
            assert (who.username, who.uid) == ("alice@Default", "id-alice")
        assert len(keystone.asked) == 1
        clock.now += RULES.good_seconds
        assert (await auth.authenticate(ALICE)).identity
        assert len(keystone.asked) == 2


async def test_a_revoked_token_is_out_when_its_time_is_over() -> None:
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, clock):
        assert (await auth.authenticate(ALICE)).identity
        keystone.known.clear()
        clock.now += RULES.good_seconds
        assert (await auth.authenticate(ALICE)).reason == UNKNOWN


def test_a_revocation_is_seen_within_a_minute() -> None:
    """Ours, the API server's webhook cache (10 s in the lab) and its own (10 s)."""
    assert RULES.good_seconds + 10 + 10 <= 60


async def test_a_token_is_believed_no_longer_than_it_lives() -> None:
    keystone = Keystone({ALICE: document("alice", seconds=5)})
    with authenticator(keystone) as (auth, clock):
        assert (await auth.authenticate(ALICE)).identity
        keystone.known.clear()
        clock.now += 5
        assert (await auth.authenticate(ALICE)).reason == UNKNOWN


async def test_a_token_that_is_over_is_refused_whatever_keystone_says() -> None:
    keystone = Keystone({ALICE: document("alice", seconds=-1)})
    with authenticator(keystone) as (auth, _):
        assert (await auth.authenticate(ALICE)).reason == UNKNOWN


async def test_a_bad_token_is_refused_unasked_for_a_while() -> None:
    keystone = Keystone()
    with authenticator(keystone) as (auth, clock):
        for _ in range(100):
            assert (await auth.authenticate(ALICE)).reason == UNKNOWN
        assert len(keystone.asked) == 1
        clock.now += RULES.bad_seconds
        await auth.authenticate(ALICE)
        assert len(keystone.asked) == 2


@pytest.mark.parametrize(
    "text",
    [
        *("x", "0" * 32, "gAAAAA", "gAAAAA" + "a" * 60 + "\n", "gAAAAA" + "a" * 60 + "é", "a.b.c"),
        *("gAAAAA" + "a" * 9000, "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.e30." + "a" * 5000),
    ],
)
async def test_what_is_no_token_is_refused_unasked(text: str) -> None:
    keystone = Keystone()
    with authenticator(keystone) as (auth, _):
        assert (await auth.authenticate(text)).reason == STRANGE
    assert keystone.asked == []


async def test_the_same_token_ten_times_at_once_is_one_question() -> None:
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, _):
        verdicts = await asyncio.gather(*(auth.authenticate(ALICE) for _ in range(10)))
    assert all(verdict.identity for verdict in verdicts)
    assert len(keystone.asked) == 1


async def test_an_asker_that_hangs_up_does_not_spoil_it_for_the_others() -> None:
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, _):
        first = asyncio.create_task(auth.authenticate(ALICE))
        second = asyncio.create_task(auth.authenticate(ALICE))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).identity


async def test_a_flood_of_unknown_tokens_does_not_reach_keystone() -> None:
    keystone = Keystone()
    with authenticator(keystone) as (auth, clock):
        for second in range(10):
            clock.now += 1
            verdicts = await asyncio.gather(
                *(auth.authenticate(token(f"flood-{second}-{n}")) for n in range(1000))
            )
            assert {verdict.reason for verdict in verdicts} <= {UNKNOWN, FLOOD}
        # At first as many as may fail at once and are under way; then a few a second.
        first = RULES.failures_at_once + RULES.at_once
        assert len(keystone.asked) <= first + 9 * (RULES.failures_a_second + RULES.at_once)
        before = len(keystone.asked)
        for _ in range(10):
            clock.now += 1
            for n in range(100):
                await auth.authenticate(token(f"more-{clock.now}-{n}"))
        assert len(keystone.asked) - before <= 10 * RULES.failures_a_second + 1


async def test_a_flood_locks_out_nobody_who_is_logged_in() -> None:
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, clock):
        assert (await auth.authenticate(ALICE)).identity
        for n in range(200):
            await auth.authenticate(token(f"flood-{n}"))
        assert (await auth.authenticate(token("one more"))).reason == FLOOD
        clock.now += RULES.good_seconds - 1e-6
        for n in range(200):
            await auth.authenticate(token(f"again-{n}"))
        clock.now += 1e-6
        assert (await auth.authenticate(ALICE)).identity
        assert keystone.asked[-1] == ALICE


async def test_many_good_logins_at_once_are_no_flood() -> None:
    people = {token(f"user{n}"): document(f"user{n}") for n in range(300)}
    with authenticator(Keystone(people), replace(RULES, patience_seconds=60)) as (auth, _):
        verdicts = await asyncio.gather(*map(auth.authenticate, people))
    assert all(verdict.identity for verdict in verdicts)


async def test_keystone_away_cached_answers_serve_and_others_are_refused_at_once() -> None:
    keystone = Keystone({ALICE: document("alice"), token("bob"): document("bob")})
    with authenticator(keystone) as (auth, clock):
        assert (await auth.authenticate(ALICE)).identity
        keystone.status = 503
        assert (await auth.authenticate(token("bob"))).reason == AWAY
        for n in range(50):
            assert (await auth.authenticate(token(f"user{n}"))).reason == AWAY
        assert len(keystone.asked) == 2
        assert (await auth.authenticate(ALICE)).identity
        keystone.status = None
        clock.now += RULES.away_seconds
        assert (await auth.authenticate(token("bob"))).identity


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    auth = Authenticator(TokenValidation(f"http://127.0.0.1:{port}/v3").validate, clock=Clock())
    assert (await auth.authenticate(ALICE)).reason == AWAY


async def test_one_token_that_breaks_keystone_does_not_lock_out_others() -> None:
    keystone = Keystone({ALICE: document("alice")}, status=500)
    with authenticator(keystone) as (auth, _):
        assert (await auth.authenticate(token("poison"))).reason == AWAY
        keystone.status = None
        assert (await auth.authenticate(ALICE)).identity


async def test_an_answer_that_is_no_token_lets_nobody_in() -> None:
    with authenticator(Keystone({ALICE: {"token": {"user": {"id": "x"}}}})) as (auth, _):
        assert (await auth.authenticate(ALICE)).identity is None


async def test_more_than_can_be_asked_at_once_are_refused_not_kept_waiting() -> None:
    keystone = Keystone({ALICE: document("alice")}, go_on=threading.Event())
    assert keystone.go_on
    rules = replace(RULES, at_once=1, patience_seconds=0.2)
    with authenticator(keystone, rules) as (auth, _):
        first = asyncio.create_task(auth.authenticate(ALICE))
        assert await asyncio.to_thread(keystone.arrived.wait, 10)
        assert (await auth.authenticate(token("bob"))).reason == BUSY
        keystone.go_on.set()
        assert (await first).identity


async def test_no_token_is_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    keystone = Keystone({ALICE: document("alice")})
    with authenticator(keystone) as (auth, clock):
        await auth.authenticate(ALICE)
        for status in (500, 503, 403):
            keystone.status = status
            clock.now += 60
            await auth.authenticate(token(f"s{status}"))
    assert "answers 500" in caplog.text
    assert "gAAAAA" not in caplog.text
