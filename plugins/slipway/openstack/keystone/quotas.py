"""What each project may have of Nova: https://docs.openstack.org/api-ref/compute/#show-a-quota"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from openstack.connection import Connection

from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.translation import Translation

AT_ONCE = 8
_CURE = (
    "Nova shows quotas to the role admin in a project: give connection slipway_keystone a project with it, "
    "or remove `quotas` from tenancy.yaml"
)
_NOVA = Translation(
    "Nova",
    lambda status, _: _CURE if status == 403 else "",
    others={403: OpenstackError},
    refused=TransientOpenstackError,
)


def read_quotas(cloud: Connection, projects: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return ``cores`` and ``ram`` (MiB) by project id, without those that are unlimited: a call a project.

    :raises OpenstackError: when the login may not see them.
    :raises TransientOpenstackError: when Nova does not answer as it should.
    """

    def read(project: str) -> dict[str, int]:
        what = f"the quotas of project {project}"
        with _NOVA.told(what):
            answer = _NOVA.accepted(what, cloud.compute.get(f"/os-quota-sets/{project}"))
        found = answer.json()["quota_set"]
        return {name: found[name] for name in ("cores", "ram") if found[name] >= 0}

    wanted = list(projects)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(read, wanted), strict=True))
    except (KeyError, ValueError) as error:
        raise TransientOpenstackError(f"Nova's quotas cannot be read: {error}") from error
