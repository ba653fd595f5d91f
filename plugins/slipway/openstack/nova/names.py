"""Names of the cloud's things become ids before anything is made; an error says what there is instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openstack.connection import Connection

from slipway.flow.image import Image
from slipway.flow.nova.spec import Nova, ServerVolume
from slipway.openstack.choosing import listed, one
from slipway.openstack.designate import recordsets
from slipway.openstack.errors import OpenstackError
from slipway.openstack.nova.errors import NovaConflictError, told
from slipway.openstack.octavia import pools
from slipway.openstack.services import offers, services

GIB = 1 << 30
Resolved = dict[str, Any]


def resolve(cloud: Connection, nova: Nova, image: Image, tag: str) -> Resolved:
    """Return the fields of :class:`slipway.flow.nova.plan.NovaPlan` that the cloud knows.

    :param tag: of the deployment.
    :raises OpenstackError: when a name is not there, is that of several, or belongs to others.
    """
    with told("what servers need"):
        flavor = one("flavor", nova.flavor, cloud.compute.flavors())
        have = list(cloud.network.networks(is_router_external=False))
        networks = [one("networks", name, have) for name in nova.networks]
        groups: list[Any] = []
        if nova.security_groups:
            project = cloud.current_project_id
            known = list(cloud.network.security_groups(project_id=project))
            groups = [one("security_groups", name, known) for name in nova.security_groups]
        if nova.key_pair:
            one("key_pair", nova.key_pair, cloud.compute.keypairs())
        if nova.floating_ips:
            _addresses(cloud, nova.floating_ips)
        volumes = _volumes(cloud, nova)
        pool = pools.resolve(cloud, nova.load_balancer) if nova.load_balancer else None
        dns = recordsets.resolve(cloud, nova.dns, tag) if nova.dns else None
    _check_fits(_disk_of(cloud, image), nova, flavor)
    return {
        "flavor": str(flavor.id),
        "networks": tuple(str(network.id) for network in networks),
        "label": str(networks[0].name),
        "security_groups": tuple(str(group.id) for group in groups),
        "pool": pool,
        "dns": dns,
        **volumes,
    }


def _volumes(cloud: Connection, nova: Nova) -> Resolved:
    field = "root_volume" if nova.root_volume else "volumes"
    wanted = [*nova.volumes, *([nova.root_volume] if nova.root_volume else [])]
    if wanted and not offers(services(cloud), "block-storage"):
        raise OpenstackError(
            f"vm.nova.{field}: the cloud has no Cinder (volume service). Remove this field, or use a flavor "
            "with a larger or an ephemeral disk."
        )
    known = list(cloud.block_storage.types()) if any(volume.type for volume in wanted) else []

    def of_its_type(field: str, volume: ServerVolume) -> ServerVolume:
        if volume.type is None:
            return volume
        return volume.model_copy(update={"type": str(one(f"{field}.type", volume.type, known).id)})

    return {
        "root_volume": of_its_type("root_volume", nova.root_volume) if nova.root_volume else None,
        "volumes": tuple(of_its_type("volumes", volume) for volume in nova.volumes),
    }


def _addresses(cloud: Connection, wanted: Iterable[str]) -> None:
    known = {str(one.floating_ip_address) for one in cloud.network.ips(project_id=cloud.current_project_id)}
    for address in wanted:
        if address not in known:
            raise OpenstackError(
                f"vm.nova.floating_ips: {address} is not an address of the project. It has: "
                f"{listed(known)}. Create one with `openstack floating ip create NETWORK`."
            )


def _disk_of(cloud: Connection, image: Image) -> int:
    """Return how many GiB the disk has that the image unfolds to."""
    try:
        with told(f"image {image.glance}"):
            found = cloud.image.get_image(str(image.glance))
    except NovaConflictError:
        raise OpenstackError(
            f"Glance has no image {image.glance} any more. Start `vm_image` for this commit to build it "
            "again."
        ) from None
    if found.status != "active":
        raise OpenstackError(
            f"image {image.glance} is {found.status} in Glance: no server can be created from it."
        )
    return max(found.min_disk or 0, -(-(found.virtual_size or found.size or 0) // GIB))


def _check_fits(needs: int, nova: Nova, flavor: Any) -> None:
    if nova.root_volume and nova.root_volume.size_gib < needs:
        raise OpenstackError(
            f"vm.nova.root_volume: {nova.root_volume.size_gib} GiB are too small for the image, which is a "
            f"disk of {needs} GiB. Set size_gib to at least {needs}."
        )
    # A flavor without a disk gives the image as much as it has.
    if not nova.root_volume and flavor.disk and flavor.disk < needs:
        raise OpenstackError(
            f"vm.nova.flavor: {flavor.name} has a disk of {flavor.disk} GiB, but the image needs {needs} "
            "GiB. Use a larger flavor, or root_volume, or make the image smaller (Packer's builder qemu "
            "makes 40 GiB unless the template says skip_resize_disk or disk_size)."
        )
