"""Whose a token is.

https://docs.openstack.org/api-ref/identity/v3/#validate-and-show-information-for-token

Keystone lets every token ask about itself, so no login is needed for it.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from slipway.openstack.errors import OpenstackError, TransientOpenstackError

TIMEOUT_SECONDS = 4.0
CONNECTIONS = 16


AWAY = (429, 502, 503, 504)
"""What a server, or what stands before it, answers when it cannot."""


class KeystoneAwayError(TransientOpenstackError):
    """Keystone does not answer, whatever it is asked."""


class TokenValidation:
    """One Keystone, asked directly: never through a proxy that the environment names."""

    def __init__(self, url: str, ca_certificate: str | None = None) -> None:
        """Make a client.

        :param url: Keystone's third API (``https://keystone.example.org/v3``).
        :param ca_certificate: path of the authorities' certificates; the system's own when None.
        """
        self._address = f"{url.rstrip('/')}/auth/tokens"
        secure = url.startswith("https:")
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=ca_certificate) if secure else False,
            timeout=TIMEOUT_SECONDS,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def validate(self, token: str) -> Any:
        """Return the token document, or None for a token that is not valid (any more).

        :raises KeystoneAwayError: when Keystone does not answer.
        :raises TransientOpenstackError: when it does not answer this as it should.
        :raises OpenstackError: when Keystone does not let a token ask about itself.
        """
        headers = {"X-Auth-Token": token, "X-Subject-Token": token, "Accept": "application/json"}
        try:
            answer = await self._client.get(self._address, params={"nocatalog": ""}, headers=headers)
        except httpx.HTTPError as error:
            raise KeystoneAwayError(
                f"Keystone does not answer at {self._address}: {error or type(error).__name__}"
            ) from None  # its request has the token in it
        if answer.status_code in (401, 404):
            return None
        if answer.status_code == 403:
            raise OpenstackError(
                "Keystone forbids a token to validate itself: its policy identity:validate_token must have "
                "rule:token_subject in it"
            )
        if answer.status_code in AWAY:
            raise KeystoneAwayError(f"Keystone answers {answer.status_code} to {self._address}")
        if answer.status_code != 200:
            raise TransientOpenstackError(f"Keystone answers {answer.status_code} to {self._address}")
        try:
            return answer.json()
        except ValueError:
            raise TransientOpenstackError(f"{self._address} did not answer with JSON") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
