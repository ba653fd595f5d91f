"""What protects the webhook from senders that it does not know: ``webhooks`` in ``apps.yaml``."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from slipway.flow.record import Record


def _is_network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        rule = (
            "must be a network, like 192.0.2.0/24 or 2001:db8::/32 (the bits behind the prefix are 0), "
            "or one address"
        )
        raise PydanticCustomError("rule", "{rule}", {"rule": rule}) from None


Network = Annotated[str, AfterValidator(_is_network)]


class Webhooks(Record):
    """Limits of the route that receives deliveries; each process of the API server counts for itself."""

    networks: tuple[Network, ...] = Field(default=(), max_length=1000)
    """Networks that deliveries may come from (CIDR); every one when it is empty."""
    unverified_mib: Annotated[int, Field(ge=64, le=65536)] = 64
    """How many MiB of bodies are read at the same time before their signatures are known to be right."""
    source_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 6000
    """Requests a minute from one address (one /64 of IPv6); more are answered 429."""
    repository_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    """Signed deliveries a minute of one event of one repository; more are answered 429."""
