"""Reads a GitHub delivery without I/O: headers and bytes in, a verdict out.

The order matters: nothing of a body is parsed before its signature is known to be good.
GitHub's side: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from slipway.flow.apps import Apps
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.webhook.headers import claimed, refuse, refuse_unread
from slipway.webhook.payload import PayloadError, parse, text
from slipway.webhook.signature import is_signed
from slipway.webhook.verdict import Accepted, Delivery, Ignored, Pong, Refused, Verdict

_NO_COMMIT = re.compile(r"0{40}(0{24})?")


def receive(
    headers: Mapping[str, str], body: bytes, apps: Apps | SlipwayError, secrets: Sequence[str], now: datetime
) -> Verdict:
    """Decide about one delivery.

    :param headers: by lower-case name.
    :param body: the bytes as they came, at most :data:`slipway.webhook.headers.MAX_BYTES`.
    :param apps: the allow-list, or why it could not be read: reported to a genuine sender only.
    :param secrets: any of them may have signed it, so that a secret can be changed without a gap.
    :param now: when it came.
    """
    delivery = claimed(headers)
    if refusal := refuse_unread(headers) or _refuse_stranger(headers, body, secrets):
        return refusal
    try:
        payload = parse(headers.get("content-type", ""), body)
    except PayloadError as error:
        return Refused(400, f"malformed body: {error}", delivery)
    delivery = replace(
        delivery,
        payload=payload,
        action=text(payload, "action", 64),
        repository=text(payload, "repository.full_name"),
        ref=text(payload, "ref", 600),
    )
    if delivery.event == "ping":
        return Pong(delivery)
    if isinstance(apps, SlipwayError):
        return Refused(503, f"not stored; send it again when this is repaired: {apps}", delivery)
    return _judge(delivery, apps, now)


def _refuse_stranger(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Refused | None:
    if not secrets:
        return refuse(
            headers,
            503,
            "no webhook secret is configured: set the extra field webhook_secrets of connection "
            "slipway_github, or SLIPWAY_WEBHOOK_SECRET in the API server's environment",
        )
    if not is_signed(body, headers["x-hub-signature-256"], secrets):
        return refuse(
            headers,
            401,
            "signature wrong: these bytes were not signed with any of Slipway's secrets. Set the same "
            "secret here and in GitHub",
        )
    return None


def _judge(delivery: Delivery, apps: Apps, now: datetime) -> Verdict:
    if delivery.event != "push" and delivery.event not in apps.events:
        wanted = ", ".join(("push", *apps.events))
        return Ignored(
            delivery, f"event {delivery.event} is not wanted (wanted: {wanted}; see `events` in {apps.file})"
        )
    if not delivery.repository:
        return Refused(
            400, f"malformed body: a {delivery.event} event without repository.full_name", delivery
        )
    name = apps.name_of(delivery.repository)
    if name is None:
        return Refused(
            403,
            f"repository {delivery.repository} may not build: it is not in {apps.file}. Add it there",
            delivery,
        )
    delivery = replace(delivery, repository=name)
    return _judge_push(delivery, apps, now) if delivery.event == "push" else Accepted(delivery)


def _judge_push(delivery: Delivery, apps: Apps, now: datetime) -> Verdict:
    after, ref = text(delivery.payload, "after"), delivery.ref
    if delivery.payload.get("deleted") is True or _NO_COMMIT.fullmatch(after):
        return Ignored(delivery, f"{ref} was deleted")
    try:
        push = PushEvent(
            repository=delivery.repository,
            ref=ref,
            commit=_commit(delivery, after),
            pusher=text(delivery.payload, "pusher.name"),
            delivery=delivery.id,
            at=now,
        )
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}" for one in error.errors())
        return Refused(400, f"malformed body: {told}", delivery)
    delivery = replace(delivery, commit=push.commit)
    app = apps.get(push.repository)
    if app.environment_for(push.ref) is None:
        taken = ", ".join(pattern for one in app.environments.values() for pattern in one.refs)
        return Ignored(delivery, f"no environment takes {push.ref} (in {apps.file} they take: {taken})")
    return Accepted(delivery, push)


def _commit(delivery: Delivery, after: str) -> str:
    """Return the commit that was pushed: for an annotated tag ``after`` names the tag's own object."""
    of_tag = text(delivery.payload, "head_commit.id") if delivery.ref.startswith("refs/tags/") else ""
    return of_tag or after
