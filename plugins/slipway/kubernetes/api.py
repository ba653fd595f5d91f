"""Requests to a cluster's API: sent again when that may help, and refusals reported with their cure.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from slipway.flow.kubernetes.objects import Json
from slipway.kubernetes.errors import SHOWN, ClusterError, TransientClusterError


@dataclass(frozen=True)
class Api:
    """One login's way to one cluster.

    :param client: of ``kubernetes_asyncio``.
    :param connection: name of the connection of Airflow's, for errors.
    :param role: what the login needs, for errors.
    :param seconds: how long an answer may take.
    """

    client: Any
    connection: str
    role: str
    seconds: float = 30

    @property
    def host(self) -> str:
        """The API's address."""
        return str(self.client.configuration.host)

    @retry(
        retry=retry_if_exception_type(TransientClusterError),
        stop=stop_after_attempt(4),
        wait=wait_random_exponential(multiplier=0.3, max=5),
        reraise=True,
    )
    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | list[Json] | None = None,
        content_type: str = "application/json",
        *,
        proxied: bool = False,
    ) -> tuple[int, bytes]:
        """Return status and body; every request may be sent again.

        :param proxied: a Service answers, through the cluster: what it says is no refusal of the cluster's.
        :raises ClusterError: when the login is not known, or may not do it.
        :raises TransientClusterError: when the cluster does not answer, or not now.
        """
        try:
            response = await self.client.call_api(
                f"{path}?{urlencode(query)}" if query else path,
                method,
                header_params={"Accept": "application/json, */*", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=self.seconds,
            )
            answer: bytes = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientClusterError(
                f"the cluster does not answer: {error or type(error).__name__}"
            ) from error
        status: int = response.status
        if status == 401:
            raise ClusterError(
                f"the cluster refuses the login of connection {self.connection}. Renew it there."
            )
        if proxied:
            return status, answer
        if status == 403:
            raise ClusterError(
                f"the cluster forbids it: {message(answer)}. Give the login of connection "
                f"{self.connection} the role in include/recipes/kubernetes/{self.role}."
            )
        if status == 429 or status >= 500:
            raise TransientClusterError(f"the cluster answers {status}: {message(answer)}")
        return status, answer


def message(answer: bytes) -> str:
    """Return what a refusal says, shortened."""
    try:
        found = json.loads(answer).get("message")
    except (ValueError, AttributeError):
        found = None
    return str(found or answer.decode(errors="replace"))[:SHOWN]
