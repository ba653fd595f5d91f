"""Is a delivery genuine? Decided by its bytes and its signature, before any of it is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.webhook import candidates
from slipway.webhook.candidates import Signer, TooManySecretsError
from slipway.webhook.headers import refuse
from slipway.webhook.secret import KnownSecrets
from slipway.webhook.verdict import Refused


def authenticate(
    headers: Mapping[str, str],
    body: bytes,
    apps: Apps | SlipwayError,
    secrets: KnownSecrets,
    now: datetime,
) -> list[Signer] | Refused:
    """Return the secrets that signed a delivery and are good, or why it is refused.

    :param headers: by lower-case name; :func:`slipway.webhook.headers.refuse_unread` checked their form.
    :param apps: the allow-list, or why it could not be read.
    :param secrets: of :func:`slipway.webhook.candidates.sources`.
    """
    if not any(secrets.values()) and None not in secrets.values():
        return refuse(
            headers,
            503,
            "no webhook secret is configured: set the extra field webhook_secrets of connection "
            "slipway_github, or SLIPWAY_WEBHOOK_SECRET in the API server's environment",
        )
    try:
        found = candidates.signers(body, headers["x-hub-signature-256"], secrets)
    except TooManySecretsError as error:
        return refuse(headers, 413, str(error))
    if not found and (isinstance(apps, SlipwayError) or None in secrets.values()):
        # It may be genuine: who changed a secret because of a 401 would be led astray.
        return refuse(
            headers,
            503,
            "not stored: Slipway cannot read all of its configuration now; its log says why. Send it again "
            "later",
        )
    if not found:
        return refuse(
            headers,
            401,
            "signature wrong: these bytes were not signed with any of Slipway's secrets. Set the same "
            "secret here and in GitHub",
        )
    if ended := candidates.refuse_ended(found, now):
        return refuse(headers, 401, ended)
    return [one for one in found if not one.secret.is_over(now)]
