"""Which secrets are tried on a delivery, before a byte of it is parsed, and which repositories they open.

GitHub's headers claim for which repository or organization a hook was made. The claim only leaves secrets
out: a false one opens nothing, because the secret that fits must be the one of the repository in the body.
https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.webhook_sources import INSTALLATION, SecretSource
from slipway.webhook.secret import KnownSecrets, WebhookSecret
from slipway.webhook.signature import matches

MOST_HASHED = 128 * 1024 * 1024
"""Bytes that are hashed for one delivery, some tenths of a second: five secrets for the largest body."""
_TARGET = "x-github-hook-installation-target-type"
_TARGET_ID = "x-github-hook-installation-target-id"


class TooManySecretsError(SlipwayError):
    """So many secrets may have signed a body of this size that they are not all tried."""


@dataclass(frozen=True)
class Signer:
    """A secret that signed a delivery."""

    source: SecretSource
    secret: WebhookSecret


def sources(headers: Mapping[str, str], apps: Apps | SlipwayError) -> tuple[SecretSource, ...]:
    """Return where the secrets are that may have signed a delivery.

    :param headers: by lower-case name.
    """
    if isinstance(apps, SlipwayError):
        return (INSTALLATION,)
    kind, number = headers.get(_TARGET, ""), headers.get(_TARGET_ID, "")
    if kind == "repository" and number.isascii() and number.isdigit() and len(number) < 20:
        for name, application in apps.applications.items():
            if application.id == int(number):
                return (apps.secret_source(name),)
    scopes = [scope for scope in apps.webhook_secrets if kind != "organization" or scope.endswith("/*")]
    return tuple(dict.fromkeys((*(apps.webhook_secrets[scope] for scope in scopes), INSTALLATION)))


def signers(body: bytes, signature: str, known: KnownSecrets) -> list[Signer]:
    """Return the secrets that made ``signature``: all are tried, whichever fits.

    :raises TooManySecretsError: when that would be more than :data:`MOST_HASHED`.
    """
    tried = [Signer(source, secret) for source, secrets in known.items() for secret in secrets or ()]
    if len(tried) > 1 and len(tried) * len(body) > MOST_HASHED:
        raise TooManySecretsError(
            f"the body of {len(body)} bytes is too large to try every webhook secret on it. Give the "
            "repository its `id` in apps.yaml: the headers of its own webhook then say which secret it is"
        )
    fits = matches(body, signature, [one.secret.word for one in tried])
    return [one for one, fit in zip(tried, fits, strict=True) if fit]


def refuse_ended(found: list[Signer], now: datetime) -> str:
    """Return why none of the secrets that signed is good any more, with the cure; "" when one is."""
    if not all(one.secret.is_over(now) for one in found):
        return ""
    ended = found[0]
    return (
        f"the webhook secret that signed this ended at {ended.secret.until:%Y-%m-%d %H:%M} UTC "
        f"({ended.source}). Add a new one there, and set it in the sender's webhook"
    )


def warn_of_end(found: list[Signer], now: datetime) -> str:
    """Return until when the secret that signed is good, when that is soon; "" otherwise."""
    ends = [one.secret.until for one in found if not one.secret.is_over(now)]
    last = None if None in ends else max((one for one in ends if one), default=None)
    soon = last is not None and WebhookSecret("", last).ends_soon(now)
    if not soon:
        return ""
    return (
        f"the webhook secret that signed this ends at {last:%Y-%m-%d %H:%M} UTC ({found[0].source}): add a "
        "new one there, and set it in the sender's webhook before"
    )


def refuse_other(found: list[Signer], apps: Apps, repository: str) -> str:
    """Return why the secrets that signed do not open ``repository``; "" when one does.

    It says nothing of whether Slipway knows the repository.

    :param repository: as ``apps.yaml`` spells it, or as the delivery does.
    """
    if apps.secret_source(repository) in {one.source for one in found}:
        return ""
    return (
        f"the webhook secret that signed this is not the one of repository {repository}: a repository is "
        "opened only by its own secret, its owner's when it has none, or else the installation's "
        f"(`webhook_secrets` in {apps.file}). Set that one in its webhook"
    )
