"""Leftovers of Slipway's builds in the cloud: found by their marks, checked again, removed.

Everything that is looked for has a name that only builds give, or a property with the run; deployments and
finished images are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException

from slipway.flow.orphans import Trace, is_build_name
from slipway.flow.property_keys import CloudKey
from slipway.openstack.errors import TransientOpenstackError
from slipway.openstack.glance.glance import Glance
from slipway.openstack.services import offers, services
from slipway.openstack.translation import Translation

PLACE = "cloud"
HALF = ("queued", "saving", "importing", "uploading")
"""States of an image that has not all of its bytes."""
DELETING = "deleting"
# What is refused stays for the next run, too.
_told = Translation("OpenStack", refused=TransientOpenstackError).told


@dataclass(frozen=True)
class TraceKind:
    """One kind of thing.

    :param service: type in the cloud's catalogue.
    :param all: lists what might be Slipway's.
    :param get: returns one by its id; raises NotFoundException when it is gone.
    :param run: returns the run that its mark names, or "".
    :param is_ours: says whether it is what a build makes on its way.
    """

    name: str
    service: str
    all: Callable[[Connection], Iterable[Any]]
    get: Callable[[Connection, str], Any]
    delete: Callable[[Connection, str], object]
    run: Callable[[Any], str]
    is_ours: Callable[[Connection, Any], bool]


class CloudTraces:
    """The builds' things in one project."""

    name = PLACE

    def __init__(self, cloud: Connection) -> None:
        self._cloud = cloud

    def find(self) -> Iterator[Trace]:
        """Yield what builds left, servers before what they use.

        :raises TransientOpenstackError: when the cloud does not answer.
        """
        with _told("its catalogue"):
            known = services(self._cloud)
        for kind in KINDS.values():
            if not offers(known, kind.service):
                continue
            with _told(f"the list of {kind.name}s"):
                for thing in kind.all(self._cloud):
                    if kind.is_ours(self._cloud, thing):
                        yield _trace(kind, thing)

    def remove(self, trace: Trace) -> bool:
        """Remove a thing if it has not changed since it was found; says whether it is gone.

        :raises TransientOpenstackError: when the cloud does not remove it.
        """
        kind = KINDS[trace.kind]
        with _told(f"the removal of {trace.kind} {trace.name} ({trace.id})"):
            try:
                thing = kind.get(self._cloud, trace.id)
            except NotFoundException:
                return True
            if not kind.is_ours(self._cloud, thing) or _trace(kind, thing) != trace:
                return False
            kind.delete(self._cloud, trace.id)
        return True


def _trace(kind: TraceKind, thing: Any) -> Trace:
    made = datetime.fromisoformat(str(thing.created_at))
    return Trace(
        place=PLACE,
        kind=kind.name,
        id=str(thing.id),
        name=str(thing.name or ""),
        run=kind.run(thing),
        made=made if made.tzinfo else made.replace(tzinfo=UTC),
    )


def _has_build_name(_: Connection, thing: Any) -> bool:
    return is_build_name(str(thing.name or ""))


def _is_own_build_name(cloud: Connection, thing: Any) -> bool:
    return _has_build_name(cloud, thing) and thing.project_id == cloud.current_project_id


def _is_own_build_description(cloud: Connection, address: Any) -> bool:
    """Say whether a floating IP, which has no name, is described by one."""
    return is_build_name(address.description or "") and address.project_id == cloud.current_project_id


def _is_half_image(cloud: Connection, image: Any) -> bool:
    owner = image.owner_id or image.owner
    return image.status in HALF and bool(_of_properties(image)) and owner == cloud.current_project_id


def _of_metadata(thing: Any) -> str:
    return str((thing.metadata or {}).get(CloudKey.RUN, ""))


def _of_properties(image: Any) -> str:
    return str((image.properties or {}).get(CloudKey.RUN, ""))


def _of_tags(thing: Any) -> str:
    marks = (tag.partition("=") for tag in thing.tags or ())
    return next((run for name, _, run in marks if name == CloudKey.RUN), "")


def _key_pairs(cloud: Connection) -> Iterator[Any]:
    """Yield builds' key pairs; the list does not say when they were made."""
    for pair in cloud.compute.keypairs():
        if is_build_name(str(pair.name)):
            yield cloud.compute.get_keypair(pair.name)


def _images(cloud: Connection) -> Iterator[Any]:
    for status in HALF:
        yield from Glance(cloud).find_by({"status": status})


def _image(cloud: Connection, image: str) -> Any:
    if (found := Glance(cloud).find(image)) is None:
        raise NotFoundException(f"image {image}")
    return found


def _volumes(cloud: Connection) -> Iterator[Any]:
    return (volume for volume in cloud.block_storage.volumes() if volume.status != DELETING)


def _volume(cloud: Connection, volume: str) -> Any:
    found = cloud.block_storage.get_volume(volume)
    if found.status == DELETING:  # which Cinder does not take a second time
        raise NotFoundException(f"volume {volume}")
    return found


def _calls(
    proxy: str, name: str
) -> tuple[
    Callable[[Connection], Iterable[Any]],
    Callable[[Connection, str], Any],
    Callable[[Connection, str], object],
]:
    """Return what lists, gets and deletes a kind of thing, as the SDK's proxies call it."""

    def call(cloud: Connection, method: str, *given: str) -> Any:
        return getattr(getattr(cloud, proxy), method)(*given)

    return (
        lambda cloud: call(cloud, f"{name}s"),
        lambda cloud, one: call(cloud, f"get_{name}", one),
        lambda cloud, one: call(cloud, f"delete_{name}", one),
    )


_, _GET_PAIR, _DELETE_PAIR = _calls("compute", "keypair")
_DELETE_VOLUME = _calls("block_storage", "volume")[2]

KINDS: Mapping[str, TraceKind] = {
    kind.name: kind
    for kind in (
        TraceKind("server", "compute", *_calls("compute", "server"), _of_metadata, _is_own_build_name),
        TraceKind("key pair", "compute", _key_pairs, _GET_PAIR, _DELETE_PAIR, lambda _: "", _has_build_name),
        TraceKind(
            "volume", "block-storage", _volumes, _volume, _DELETE_VOLUME, _of_metadata, _has_build_name
        ),
        TraceKind("floating IP", "network", *_calls("network", "ip"), _of_tags, _is_own_build_description),
        TraceKind("port", "network", *_calls("network", "port"), _of_tags, _is_own_build_name),
        TraceKind(
            "security group", "network", *_calls("network", "security_group"), _of_tags, _is_own_build_name
        ),
        TraceKind(
            "half-uploaded image",
            "image",
            _images,
            _image,
            lambda cloud, one: Glance(cloud).delete(one),
            _of_properties,
            _is_half_image,
        ),
    )
}
