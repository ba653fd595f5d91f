"""Names of the cloud's things become ids before anything is made; an error says what there is instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openstack.connection import Connection

from slipway.flow.image import Image
from slipway.flow.nova import Nova, ServerVolume
from slipway.openstack.errors import OpenstackError
from slipway.openstack.nova.errors import ConflictError, told
from slipway.openstack.services import offers, services

SHOWN = 30
Resolved = dict[str, Any]


def resolve(cloud: Connection, nova: Nova, image: Image) -> Resolved:
    """Return the fields of :class:`slipway.flow.servers.plan.ServersPlan` that the cloud knows.

    :raises OpenstackError: when a name is not there, or is that of several.
    """
    with told("what servers need"):
        flavor = _one("flavor", nova.flavor, cloud.compute.flavors(details=False))
        have = list(cloud.network.networks(is_router_external=False))
        networks = [_one("networks", name, have) for name in nova.networks]
        groups: list[Any] = []
        if nova.security_groups:
            project = cloud.current_project_id
            known = list(cloud.network.security_groups(project_id=project))
            groups = [_one("security_groups", name, known) for name in nova.security_groups]
        if nova.key_pair:
            _one("key_pair", nova.key_pair, cloud.compute.keypairs())
        if nova.floating_ips:
            _addresses(cloud, nova.floating_ips)
        volumes = _volumes(cloud, nova.volumes) if nova.volumes else ()
    _check_image(cloud, image)
    return {
        "flavor": str(flavor.id),
        "networks": tuple(str(network.id) for network in networks),
        "label": str(networks[0].name),
        "security_groups": tuple(str(group.id) for group in groups),
        "volumes": volumes,
    }


def _one(field: str, wanted: str, things: Iterable[Any]) -> Any:
    known = list(things)
    found = [one for one in known if one.id == wanted] or [one for one in known if one.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(str(one.id) for one in found))
        raise OpenstackError(f"vm.nova.{field}: {wanted!r} is the name of {len(found)}. Give the id: {ids}.")
    names = _listed(str(one.name) for one in known)
    raise OpenstackError(f"vm.nova.{field}: the cloud has no {wanted!r}. It has: {names}.")


def _volumes(cloud: Connection, wanted: Iterable[ServerVolume]) -> tuple[ServerVolume, ...]:
    if not offers(services(cloud), "block-storage"):
        raise OpenstackError(
            "vm.nova.volumes: the cloud has no Cinder, which keeps volumes. Leave them out, or take a flavor "
            "with a larger or an ephemeral disk."
        )
    known = list(cloud.block_storage.types()) if any(volume.type for volume in wanted) else []
    return tuple(
        volume.model_copy(update={"type": str(_one("volumes.type", volume.type, known).id)})
        if volume.type
        else volume
        for volume in wanted
    )


def _addresses(cloud: Connection, wanted: Iterable[str]) -> None:
    known = {str(one.floating_ip_address) for one in cloud.network.ips(project_id=cloud.current_project_id)}
    for address in wanted:
        if address not in known:
            raise OpenstackError(
                f"vm.nova.floating_ips: {address} is not an address of the project. It has: "
                f"{_listed(known)}. `openstack floating ip create NETWORK` makes one."
            )


def _check_image(cloud: Connection, image: Image) -> None:
    try:
        with told(f"image {image.glance}"):
            found = cloud.image.get_image(str(image.glance))
    except ConflictError:
        raise OpenstackError(
            f"Glance has no image {image.glance} any more. Start `vm_image` for this commit: it is built "
            "anew."
        ) from None
    if found.status != "active":
        raise OpenstackError(
            f"image {image.glance} is {found.status} in Glance: no server can be made of it."
        )


def _listed(names: Iterable[str]) -> str:
    known = sorted(set(names))
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return (", ".join(known[:SHOWN]) or "none") + more
