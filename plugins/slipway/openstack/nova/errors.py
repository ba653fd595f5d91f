"""Errors of Nova, Neutron and the other services of servers, named by what the caller does next.

https://docs.openstack.org/api-ref/compute/ and https://docs.openstack.org/api-ref/network/v2/
"""

from __future__ import annotations

from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.translation import LOGIN, Translation

_LOGIN = f"{LOGIN}: does it still exist, has it not expired, and has it the role `member` in its project?"
_QUOTA = (
    "The project's quota is used up: delete unneeded servers, have the quota raised, or use a smaller "
    "flavor, batch or count."
)


class NovaConflictError(TransientOpenstackError):
    """The server is busy with another order, or just went away: look at it again."""


def _cure(status: int, said: str) -> str:
    if status == 413 or (status == 403 and ("quota" in said.lower() or "exceeded" in said.lower())):
        return _QUOTA
    return _LOGIN if status in (401, 403) else ""


NOVA = Translation(
    "OpenStack",
    _cure,
    others={404: NovaConflictError, 409: NovaConflictError},
    lacking="Check the connection's region.",
)
told, accepted = NOVA.told, NOVA.accepted
