"""Reads a GitHub delivery without I/O: headers and bytes in, a verdict out.

The order matters: nothing of a body is parsed before its signature is known to be good.
GitHub's side: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from slipway.flow.apps import Apps
from slipway.flow.push import PushEvent
from slipway.flow.record import SlipwayError
from slipway.flow.ref_order import Reported
from slipway.flow.ref_patterns import is_temporary
from slipway.flow.repositories import identify
from slipway.webhook import candidates
from slipway.webhook.authentication import authenticate
from slipway.webhook.candidates import Signer
from slipway.webhook.headers import claimed, refuse_unread
from slipway.webhook.payload import PayloadError, number, parse, pick, text
from slipway.webhook.secret import KnownSecrets
from slipway.webhook.verdict import Accepted, Delivery, Ignored, Pong, Refused, Verdict

_NO_COMMIT = re.compile(r"0{40}(0{24})?")
_SECONDS = 2**36
"""Far beyond any time of a push, and within what a date can be."""
_OBJECT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def receive(
    headers: Mapping[str, str], body: bytes, apps: Apps | SlipwayError, secrets: KnownSecrets, now: datetime
) -> Verdict:
    """Decide about one delivery.

    :param headers: by lower-case name.
    :param body: the bytes as they came, at most :data:`slipway.webhook.headers.MAX_BYTES`.
    :param apps: the allow-list, or why it could not be read: reported to a genuine sender only.
    :param secrets: of :func:`slipway.webhook.candidates.sources`. Any of them may have signed it, so that a
        secret can be changed without a gap; the repository must then be one that the secret opens.
    :param now: when it came.
    """
    delivery = claimed(headers)
    if refusal := refuse_unread(headers):
        return refusal
    signers = authenticate(headers, body, apps, secrets, now)
    if isinstance(signers, Refused):
        return signers
    try:
        payload = parse(headers.get("content-type", ""), body)
    except PayloadError as error:
        return Refused(400, f"malformed body: {error}", delivery)
    delivery = replace(
        delivery,
        payload=payload,
        action=text(payload, "action", 64),
        repository=text(payload, "repository.full_name"),
        repository_id=number(payload, "repository.id"),
        ref=text(payload, "ref", 600),
    )
    warning = candidates.warn_of_end(signers, now)
    if delivery.event == "ping":
        return _warned(Pong(delivery), warning)
    if isinstance(apps, SlipwayError):
        return Refused(503, f"not stored; send it again when this is repaired: {apps}", delivery)
    return _warned(_of_its_repository(delivery, signers, apps, now), warning)


def _warned(verdict: Verdict, warning: str) -> Verdict:
    if warning and isinstance(verdict, Accepted | Pong):
        return replace(verdict, warnings=(*verdict.warnings, warning))
    return verdict


def _of_its_repository(delivery: Delivery, signers: list[Signer], apps: Apps, now: datetime) -> Verdict:
    """Decide about a genuine delivery by the repository that it is about."""
    who = identify(
        apps.applications,
        delivery.repository,
        delivery.repository_id,
        apps.file,
        # Other events start nothing, and a build of Jenkins does not know the id.
        needs_id=delivery.event == "push",
    )
    repository = who.name or delivery.repository
    if repository and (other := candidates.refuse_other(signers, apps, repository)):
        return Refused(403, other, delivery)
    if who.refusal:
        return Refused(403, who.refusal, delivery)
    return _warned(_judge(delivery, who.name, apps, now), who.warning)


def _judge(delivery: Delivery, name: str, apps: Apps, now: datetime) -> Verdict:
    if delivery.event != "push" and delivery.event not in apps.events:
        wanted = ", ".join(("push", *apps.events))
        return Ignored(
            delivery, f"event {delivery.event} is not wanted (wanted: {wanted}; see `events` in {apps.file})"
        )
    if not delivery.repository:
        return Refused(
            400, f"malformed body: a {delivery.event} event without repository.full_name", delivery
        )
    if not name:
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
    reported = Reported(
        push=push,
        source="webhook",
        before=before if _OBJECT.fullmatch(before := text(delivery.payload, "before")) else "",
        pushed_at=_pushed_at(delivery.payload),
    )
    app = apps.get(push.repository)
    if app.environment_for(push.ref) is None:
        taken = ", ".join(pattern for one in app.environments.values() for pattern in one.refs)
        queue = "; a merge queue's branch has to be named" if is_temporary(push.ref) else ""
        return Ignored(
            delivery, f"no environment takes {push.ref} (in {apps.file} they take: {taken}{queue})"
        )
    return Accepted(delivery, reported)


def _pushed_at(payload: Mapping[str, Any]) -> datetime | None:
    """Return when the code registry took the push: seconds since the epoch, in events of a push."""
    value = pick(payload, "repository.pushed_at")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _SECONDS:
        return None
    return datetime.fromtimestamp(value, UTC)


def _commit(delivery: Delivery, after: str) -> str:
    """Return the commit that was pushed: for an annotated tag ``after`` names the tag's own object."""
    of_tag = text(delivery.payload, "head_commit.id") if delivery.ref.startswith("refs/tags/") else ""
    return of_tag or after
