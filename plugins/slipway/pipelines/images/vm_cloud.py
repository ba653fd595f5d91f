"""A build in the cloud: Packer's builder ``openstack`` makes a temporary server; its snapshot is the image.

The template is the application's code: it is lent the login while it runs, and never has the application
credential (:mod:`slipway.openstack.lending`).
https://developer.hashicorp.com/packer/integrations/hashicorp/openstack
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from openstack.connection import Connection
from openstack.image.v2.image import Image

from slipway.flow.property_keys import CloudKey
from slipway.flow.record import TransientError
from slipway.openstack.glance.glance import NewImage
from slipway.openstack.lending import lent
from slipway.openstack.nova.faults import watched
from slipway.openstack.traces import CloudTraces
from slipway.packer import packer
from slipway.packer.errors import PackerError, TemplateError
from slipway.packer.inputs import QCOW2
from slipway.packer.packer import PackerBuild
from slipway.pipelines.images.copying import KeptCopy, keep_glance_image
from slipway.pipelines.images.stores import Stores
from slipway.pipelines.images.vm_plan import ResolvedVm

log = logging.getLogger(__name__)


def keep(both: Stores, resolved: ResolvedVm, made: PackerBuild, new: NewImage) -> KeptCopy:
    """Have Packer make an image in Glance, unless an earlier try of this run did, and keep that."""
    known = resolved.plan
    path = known.place.image(resolved.inputs.digest, QCOW2)
    image = _of_earlier_try(both, path, made, new) or _built(both, resolved, made)
    form = str(image.disk_format)
    path = known.place.image(resolved.inputs.digest, form)
    both.glance.hide(image.id)
    both.glance.annotate(image.id, {**new.properties, CloudKey.KEY: path, "name": new.name})
    return keep_glance_image(both, image.id, path)


def _built(both: Stores, resolved: ResolvedVm, made: PackerBuild) -> Image:
    cloud = both.glance.cloud
    _clear(cloud, made.place.name)
    with lent(cloud) as environment:
        certificates = environment.get("OS_CACERT")
        ready = replace(made, secrets=environment, readable=[Path(certificates)] if certificates else [])
        packer.validate(ready)
        with watched(cloud, made.place.name) as fault:
            try:
                transcript = packer.run(ready, resolved.plan.vm.build_seconds)
            except PackerError as error:
                raise PackerError(f"{fault.told}{error}") from None
    if not transcript.artifacts:
        raise TemplateError("Packer reported no image artifact: is the builder's skip_create_image set?")
    return both.glance.get(transcript.artifacts[-1])


def _of_earlier_try(both: Stores, path: str, made: PackerBuild, new: NewImage) -> Image | None:
    """Return what a try of this run made before its worker died; another run's that came to nothing goes."""
    found = [image for image in both.glance.find_by({"name": made.place.name}) if image.status == "active"]
    if found:
        log.info("an earlier try of this run made image %s: using it", found[-1].id)
        return found[-1]
    image = both.glance.find_key(path)
    if image is None or not image.is_hidden:
        return None
    if image.status == "active" and image.properties.get(CloudKey.RUN) == new.properties[CloudKey.RUN]:
        return image
    log.info("image %s (%s) is of a try that did not finish: deleted", image.name, image.id)
    both.glance.delete(image.id)
    return None


def _clear(cloud: Connection, name: str) -> None:
    """Remove what an earlier try of this run left in the cloud: its worker died before Packer tidied up."""
    traces = CloudTraces(cloud)
    for trace in traces.find():
        if trace.name != name:
            continue
        log.info("an earlier try left %s %s: removed", trace.kind, trace.name)
        if not traces.remove(trace):
            raise TransientError(f"{trace.kind} {trace.name} of an earlier try still exists")
