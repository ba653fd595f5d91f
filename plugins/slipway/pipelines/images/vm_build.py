"""The build itself: Packer, and its image into Artifactory and Glance, hidden as yet."""

from __future__ import annotations

from pathlib import Path

from slipway.flow.image import Image, glance_properties
from slipway.flow.record import Digest
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.openstack.glance.glance import NewImage
from slipway.packer.inputs import QCOW2, build_name
from slipway.packer.workplace import PackerWorkplace, workplace
from slipway.pipelines.images import stores, vm_cloud
from slipway.pipelines.images.base_images import path_in
from slipway.pipelines.images.copying import KeptCopy, keep_file
from slipway.pipelines.images.packer_build import PackerOrder, make_file, prepared
from slipway.pipelines.images.stores import Stores
from slipway.pipelines.images.vm_plan import PLATFORM, ResolvedVm, VmBuildPlan, find_source


def build(resolved: ResolvedVm, run: str) -> Image:
    """Build the image and keep it in Artifactory and Glance."""
    known, inputs = resolved.plan, resolved.inputs
    place = workplace(build_name(known.spec.name, run))
    with place.occupied() as lock, stores.connected() as both:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_source(known.vm, commit.check_out())
            order = _order(resolved, run)
            made, new = prepared(order, source, place, lock), about(known, inputs.digest, run)
            if source.template.in_cloud:
                kept = vm_cloud.keep(both, resolved, made, new)
            else:
                kept = _keep(both, resolved, place, make_file(both, order, made), new)
        image = Image(
            platform=PLATFORM,
            application=known.spec.name,
            repository=known.push.repository,
            commit=known.push.commit,
            digest=kept.digest,
            input_digest=inputs.digest,
            reference=kept.reference,
            glance=kept.glance,
            bases=(inputs.base,) if inputs.base else (),
        )
        # From here on the image is found by its inputs; a crash before this line builds again.
        both.files.put_json(known.place.inputs_record(inputs.digest), image.to_json())
    return image


def about(known: VmBuildPlan, digest: Digest, run: str) -> NewImage:
    """Return the image as it is created in Glance."""
    told = glance_properties(known.push, known.spec.name, digest, run)
    name = f"{known.spec.name}-{known.push.short_commit}"
    return NewImage(name, "qcow2", properties={**known.vm.properties, **told})


def _order(resolved: ResolvedVm, run: str) -> PackerOrder:
    known, base = resolved.plan, resolved.inputs.base
    assert base is not None
    return PackerOrder(known.push, known.spec.name, known.vm, base, known.vm.build_seconds, run)


def _keep(both: Stores, resolved: ResolvedVm, place: PackerWorkplace, file: Path, new: NewImage) -> KeptCopy:
    """Keep a file that Packer made on the worker."""
    known = resolved.plan
    kept = keep_file(both, file, known.place.image(resolved.inputs.digest, QCOW2), new)
    # The boot test finds it here when it runs on this worker.
    file.replace(path_in(place.images, kept.digest))
    return kept
