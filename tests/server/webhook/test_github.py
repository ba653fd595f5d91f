"""What is decided about a delivery, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from gidgethub.sansio import Event
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.apps import Apps
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import INSTALLATION
from slipway.webhook.github import receive
from slipway.webhook.secret import KnownSecrets, WebhookSecret
from slipway.webhook.signature import is_signed, is_signed_search, sign, sign_search
from slipway.webhook.verdict import Accepted, Ignored, Pong, Refused, Verdict
from tests.server.sender import APPS, COMMIT, KNOWN, SECRET, encode, encode_form, headers, push

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def decide(payload: object, event: str = "push", *, apps: Apps = APPS, **others: str | None) -> Verdict:
    body = encode(payload)
    return receive(headers(body, event, **others), body, apps, KNOWN, NOW)


def of_installation(*words: str) -> KnownSecrets:
    return {INSTALLATION: tuple(map(WebhookSecret, words))}


def refusal(verdict: Verdict) -> tuple[int, str]:
    assert isinstance(verdict, Refused)
    return verdict.status, verdict.reason


def ignored(verdict: Verdict) -> str:
    assert isinstance(verdict, Ignored)
    return verdict.reason


def accepted(verdict: Verdict) -> PushEvent:
    assert isinstance(verdict, Accepted)
    assert verdict.reported is not None
    return verdict.reported.push


def test_push_is_accepted() -> None:
    verdict = decide(push(), x_github_delivery="d-1")
    assert accepted(verdict) == PushEvent(
        repository="Octo/Hello",  # as apps.yaml spells it: one partition key, whatever the sender's case
        ref="refs/heads/main",
        commit=COMMIT,
        pusher="mona",
        delivery="d-1",
        at=NOW,
    )


def test_form_body_is_read_like_json() -> None:
    body = encode_form(push())
    form = headers(body, content_type="application/x-www-form-urlencoded")
    assert accepted(receive(form, body, APPS, KNOWN, NOW)).commit == COMMIT


def test_annotated_tag_is_built_at_its_commit() -> None:
    tag = push(ref="refs/tags/v1", after="b" * 40, head_commit={"id": COMMIT})
    assert accepted(decide(tag)).commit == COMMIT


def test_branch_is_built_at_what_it_points_to() -> None:
    assert accepted(decide(push(after="b" * 40, head_commit=None))).commit == "b" * 40


def test_ping() -> None:
    assert isinstance(decide({"zen": "Half measures are as bad as nothing at all."}, "ping"), Pong)


def test_kept_event_is_accepted_without_a_push() -> None:
    verdict = decide({"action": "completed", "repository": {"full_name": "octo/hello"}}, "workflow_run")
    assert isinstance(verdict, Accepted)
    assert (verdict.reported, verdict.delivery.action) == (None, "completed")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (push(after="0" * 40, deleted=True, head_commit=None), "refs/heads/main was deleted"),
        (push(after="0" * 64), "refs/heads/main was deleted"),
        (
            push(ref="refs/heads/other"),
            "no environment takes refs/heads/other (in apps.yaml they take: refs/",
        ),
    ],
)
def test_pushes_that_are_not_wanted(payload: dict[str, Any], reason: str) -> None:
    assert ignored(decide(payload)).startswith(reason)


def test_a_merge_queues_branch_is_not_wanted_unless_a_pattern_names_it() -> None:
    payload = push(ref="refs/heads/gh-readonly-queue/main/pr-1-abc")
    assert ignored(decide(payload, apps=taking("refs/heads/**"))).endswith(
        "they take: refs/heads/**; a merge queue's branch has to be named)"
    )
    named = taking("refs/heads/**", "refs/heads/gh-readonly-queue/**")
    assert isinstance(decide(payload, apps=named), Accepted)


def test_a_star_of_a_pattern_stays_inside_one_segment() -> None:
    apps = taking("refs/heads/release/*")
    assert isinstance(decide(push(ref="refs/heads/release/a"), apps=apps), Accepted)
    assert isinstance(decide(push(ref="refs/heads/release/a/b"), apps=apps), Ignored)


def taking(*refs: str) -> Apps:
    environments = {"production": {"refs": refs, "namespace": "demo"}}
    application = {"tenant": "demo", "environments": environments}
    return Apps.from_json({"version": 1, "applications": {"octo/hello": application}})


def test_events_that_are_not_wanted_whoever_sends_them() -> None:
    for repository in ("octo/hello", "octo/unknown"):
        reason = ignored(decide({"repository": {"full_name": repository}}, "star"))
        assert reason.startswith("event star is not wanted (wanted: push, workflow_run")


def test_repository_that_is_not_in_the_allow_list() -> None:
    status, reason = refusal(decide(push(repository={"full_name": "evil/hello"})))
    assert status == 403
    assert "evil/hello may not build: it is not in apps.yaml. Add it there" in reason


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        ("sha256=", "malformed"),
        ("sha1=" + "0" * 40, "malformed"),
        ("sha256=" + "A" * 64, "malformed"),
        ("sha256=" + "0" * 63 + "٣", "malformed"),
        ("sha256=" + "0" * 64 + "\n", "malformed"),
        ("ü", "malformed"),
        ("sha256=" + "0" * 64, "wrong"),
    ],
)
def test_signature_missing_or_wrong(signature: str | None, reason: str) -> None:
    verdict = decide(push(), x_hub_signature_256=signature)
    assert refusal(verdict)[0] == 401
    assert refusal(verdict)[1].split(":")[0] == f"signature {reason}"
    assert isinstance(verdict, Refused)
    assert (verdict.counted, verdict.signed) == (True, False)


def test_refusals_of_signed_deliveries_are_kept() -> None:
    for verdict in (decide(push(repository={"full_name": "evil/hello"})), decide([]), decide(push(after=1))):
        assert isinstance(verdict, Refused)
        assert not verdict.counted


def test_unsigned_delivery_is_known_by_the_webhook_that_it_claims() -> None:
    verdict = decide(
        push(),
        x_hub_signature_256="sha256=" + "0" * 64,
        x_github_hook_installation_target_type="repository",
        x_github_hook_installation_target_id="79929171",
    )
    assert isinstance(verdict, Refused)
    assert verdict.about == "repository 79929171"


def test_old_and_new_secret_are_good_while_one_is_changed() -> None:
    body = encode(push())
    for words in ((SECRET, "new"), ("new", SECRET)):
        assert accepted(receive(headers(body), body, APPS, of_installation(*words), NOW))
    assert refusal(receive(headers(body), body, APPS, of_installation("new"), NOW))[0] == 401


def test_without_a_secret_nothing_is_taken() -> None:
    body = encode(push())
    status, reason = refusal(receive(headers(body), body, APPS, of_installation(), NOW))
    assert status == 503
    assert "webhook_secrets" in reason


def test_stranger_does_not_learn_what_is_wrong_with_apps_yaml() -> None:
    body, broken = encode(push()), SlipwayError("/etc/apps.yaml:3: tenant: must be a name")
    assert refusal(receive(headers(body), body, broken, KNOWN, NOW))[1].endswith(str(broken))
    forged = headers(body, x_hub_signature_256="sha256=" + "0" * 64)
    strange = refusal(receive(forged, body, broken, KNOWN, NOW))
    assert strange[0] == 503  # its secret may be one that the file names
    assert "apps.yaml" not in strange[1]


def test_body_of_a_stranger_is_not_parsed() -> None:
    body = b"[" * 1_000_000
    forged = headers(body, x_hub_signature_256="sha256=" + "0" * 64)
    assert refusal(receive(forged, body, APPS, KNOWN, NOW))[0] == 401


@pytest.mark.parametrize("name", ["x_github_delivery", "x_github_event"])
@pytest.mark.parametrize("value", [None, "", "a b", "x" * 101, "a\nb", "../x"])
def test_headers_that_name_the_delivery(name: str, value: str | None) -> None:
    status, reason = refusal(decide(push(), **{name: value}))
    assert status == 400
    assert reason.lower().startswith(name.replace("_", "-"))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b"\xff"),
        ("application/json", b"[]"),
        ("application/json", b'"push"'),
        ("application/json", b'{"after": NaN}'),
        ("application/json", b'{"after": 1e400}'),
        ("application/json", b'{"a":' * 65 + b"1" + b"}" * 65),
        ("application/json", b"[" * 1_000_000),
        ("application/json", b'{"a": ' + b"9" * 5000 + b"}"),
        ("application/x-www-form-urlencoded", b"payload=%7B"),
        ("application/x-www-form-urlencoded", b"other=1"),
        ("application/x-www-form-urlencoded", b"payload=1&payload=2"),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1000)),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("text/plain", b"{}"),
        ("multipart/form-data", b"{}"),
        ("", b"{}"),
    ],
)
def test_malformed_body(content_type: str, body: bytes) -> None:
    made = headers(body, content_type=content_type)
    status, reason = refusal(receive(made, body, APPS, KNOWN, NOW))
    assert status == 400
    assert reason.startswith("malformed body: ")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ref": None}, "ref"),
        ({"ref": "refs/heads/a..b"}, "ref"),
        ({"ref": "refs/heads/" + "x" * 600}, "ref"),
        ({"after": "HEAD"}, "commit"),
        ({"after": 12}, "commit"),
        ({"repository": None}, "repository.full_name"),
        ({"repository": {"full_name": ["octo/hello"]}}, "repository.full_name"),
    ],
)
def test_push_whose_fields_are_malformed(fields: dict[str, Any], told: str) -> None:
    status, reason = refusal(decide(push(**fields)))
    assert status == 400
    assert told in reason


def test_name_of_the_pusher_is_shortened_and_storable() -> None:
    pusher = accepted(decide(push(pusher={"name": "\0\ud800" + "x" * 1000}))).pusher
    assert pusher == "x" * 255


BODY = encode(push())


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_byte_never_verifies(place: int, change: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= change
    verdict = receive(headers(BODY), bytes(changed), APPS, KNOWN, NOW)
    assert refusal(verdict)[0] == 401


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_what_is_signed_here_verifies_with_an_independent_reader(body: bytes, secret: str) -> None:
    event = Event.from_http(
        {
            "x-hub-signature-256": sign(b"{}", secret),
            "x-github-event": "push",
            "x-github-delivery": "1",
            "content-type": "application/json",
        },
        b"{}",
        secret=secret,
    )
    assert event.event == "push"
    assert is_signed(body, sign(body, secret), [secret])
    assert not is_signed(body, sign(body, secret), [secret + "x"])


def test_example_of_githubs_documentation() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, ["It's a Secret to Everybody"])


@given(st.binary(max_size=2000), st.sampled_from(["application/json", "application/x-www-form-urlencoded"]))
def test_any_signed_bytes_get_a_verdict(body: bytes, content_type: str) -> None:
    verdict = receive(headers(body, content_type=content_type), body, APPS, KNOWN, NOW)
    assert isinstance(verdict, Refused)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("ref", "after", "deleted", "repository", "pusher", "head_commit"), json_values
        ),
    )
)
def test_any_signed_push_gets_a_verdict(fields: dict[str, Any]) -> None:
    decide(push(**fields))


def test_signed_search_is_good_for_minutes_and_for_its_body() -> None:
    made = sign_search(b"{}", SECRET, 1_000_000)
    assert is_signed_search(b"{}", made, ["old", SECRET], 1_000_299)
    assert not is_signed_search(b"{}", made, [SECRET], 1_000_301)
    assert not is_signed_search(b"{ }", made, [SECRET], 1_000_000)
    assert not is_signed_search(b"{}", made, ["other"], 1_000_000)


@pytest.mark.parametrize(
    "signature", ["", ".", "x.y", "-1.0", "٣.0", "9" * 5000 + ".0", "1000000.", "1000000"]
)
def test_malformed_search_signature(signature: str) -> None:
    assert not is_signed_search(b"{}", signature, [SECRET], 1_000_000)


def test_signed_delivery_is_no_signed_search() -> None:
    body = b"{}"
    assert not is_signed_search(body, "1000000." + sign(body, SECRET)[7:], [SECRET], 1_000_000)
