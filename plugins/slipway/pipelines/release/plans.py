"""Plans a release on each platform, from ``slipway.yaml`` at the release's commit."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slipway.flow.environments import Environment
from slipway.flow.image import Image
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.kubernetes.manifests import from_manifests
from slipway.flow.kubernetes.workload import KubernetesPlan, finished, from_spec
from slipway.flow.nova.plan import NovaPlan, tag_of
from slipway.flow.plans import ReleasePlan
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent, first_name
from slipway.flow.record import SlipwayError
from slipway.flow.spec import BuildSpec
from slipway.github.repository import Commit
from slipway.pipelines.images.commit import read_file, read_manifests
from slipway.pipelines.images.placing import placed

log = logging.getLogger(__name__)

USER_DATA_BYTES = 48 * 1024
"""Nova takes 65535 bytes in base64."""
DRIVE_BYTES = 16 * 1024
"""Of user data on a config drive: it is kept with the nodes, for going back, in 64 KiB of Ironic's."""


@dataclass(frozen=True)
class PlatformRelease:
    """One platform's image, and where it is to run."""

    push: PushEvent
    commit: Commit
    spec: BuildSpec
    image: Image
    name: str
    """Of the environment."""
    environment: Environment
    run: str
    """The run that deploys."""
    names: tuple[str, ...] = ()
    """All that the repository has had, when it was renamed."""


def _container(wanted: PlatformRelease) -> KubernetesPlan:
    spec, image, namespace = wanted.spec, wanted.image, wanted.environment.namespace
    assert spec.container is not None  # an image was made from it
    kubernetes = spec.container.kubernetes
    if kubernetes.manifests:
        manifests = read_manifests(wanted.commit, kubernetes.manifests)
        objects = from_manifests(manifests, spec.name, namespace, image.reference)
    else:
        objects = from_spec(spec, namespace, image)
    log.info(
        "%s is deployed to %s: namespace %s, %d objects",
        image.reference,
        wanted.name,
        namespace,
        len(objects),
    )
    return KubernetesPlan(
        push=wanted.push,
        names=wanted.names,
        application=spec.name,
        environment=wanted.name,
        cluster=wanted.environment.kubernetes,
        namespace=namespace,
        image=image,
        objects=finished(objects, spec.name, wanted.push, image),
        health=kubernetes.health,
        progress_seconds=kubernetes.progress_seconds,
    )


def _servers(wanted: PlatformRelease) -> NovaPlan | None:
    vm, image = wanted.spec.vm, wanted.image
    if vm is None or vm.nova is None:
        return None
    # The SDK takes most of a second to import, which a release of containers alone need not wait for.
    from slipway.openstack.hook import OpenstackHook
    from slipway.openstack.nova.names import resolve

    nova, user_data = vm.nova, b""
    if nova.user_data:
        user_data = read_file(wanted.commit, nova.user_data, "vm.nova.user_data", USER_DATA_BYTES)
    connection = wanted.environment.openstack
    image = placed(image, connection, vm.properties, wanted.run)
    with OpenstackHook(connection).get_conn() as cloud:
        tag = tag_of(first_name(wanted.push, wanted.names), wanted.spec.name, wanted.name)
        resolved = resolve(cloud, nova, image, tag)
    log.info("image %s is deployed to %s: %d servers", image.glance, wanted.name, nova.count)
    return NovaPlan(
        push=wanted.push,
        names=wanted.names,
        application=wanted.spec.name,
        environment=wanted.name,
        cloud=connection,
        image=image,
        nova=nova,
        user_data=base64.b64encode(user_data).decode(),
        **resolved,
    )


def _fleet(wanted: PlatformRelease) -> IronicPlan | None:
    bare_metal, image = wanted.spec.bare_metal, wanted.image
    if bare_metal is None or bare_metal.ironic is None:
        return None
    ironic, user_data = bare_metal.ironic, b""
    if ironic.user_data:
        user_data = read_file(wanted.commit, ironic.user_data, "bare_metal.ironic.user_data", DRIVE_BYTES)
    try:
        text = user_data.decode()
    except UnicodeDecodeError as error:
        raise SlipwayError(
            f"bare_metal.ironic.user_data: {ironic.user_data} is not text in UTF-8. Commit it as text; "
            "Ironic accepts nothing else."
        ) from error
    image = placed(image, wanted.environment.openstack, bare_metal.properties, wanted.run)
    log.info(
        "image %s is deployed to %s: %d x %s", image.glance, wanted.name, ironic.count, ironic.resource_class
    )
    return IronicPlan(
        push=wanted.push,
        names=wanted.names,
        application=wanted.spec.name,
        environment=wanted.name,
        cloud=wanted.environment.openstack,
        image=image,
        kind="partition" if image.parts else "whole-disk",
        user_data=text,
        ironic=ironic,
    )


PLANS: Mapping[Platform, Callable[[PlatformRelease], ReleasePlan | None]] = {
    "container": _container,
    "vm": _servers,
    "bare_metal": _fleet,
}
"""How each platform is planned; None when the image is to be kept and not run."""
