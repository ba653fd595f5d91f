"""The build itself: Packer, and its image into Artifactory and Glance, hidden as yet."""

from __future__ import annotations

from dataclasses import replace

from slipway.flow.image import Image
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.openstack.glance.glance import NewImage
from slipway.packer import packer, variables
from slipway.packer.inputs import build_name, image_path
from slipway.packer.packer import Build
from slipway.packer.result import find_image
from slipway.packer.seed import write_seed
from slipway.packer.workplace import workplace
from slipway.pipelines import stores, vm_cloud
from slipway.pipelines.bases import fetch_base
from slipway.pipelines.copying import Kept, keep_file
from slipway.pipelines.records import inputs_record
from slipway.pipelines.stores import Stores
from slipway.pipelines.vm_plan import PLATFORM, Plan, Resolved, Source, find_source
from slipway.qemu.accelerator import accelerator, devices


def build(resolved: Resolved, run: str) -> Image:
    """Build the image and keep it in Artifactory and Glance."""
    known, inputs = resolved.plan, resolved.inputs
    place = workplace(build_name(known.spec.name, run))
    with place.occupied() as lock, stores.connected() as both:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_source(known.vm, commit.check_out())
            made = _prepared(resolved, source, Build(source.template.path, source.context, place, lock), run)
            keep = vm_cloud.keep if source.template.in_cloud else _keep
            kept = keep(both, resolved, made, about(known, inputs.digest, run))
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
        both.files.put_json(inputs_record(known.place, inputs.digest), image.to_json())
    return image


def about(known: Plan, digest: str, run: str) -> NewImage:
    """Return what Glance is told of the image."""
    told = {
        "slipway_run": run,
        "slipway_application": known.spec.name,
        "slipway_repository": known.push.repository,
        "slipway_commit": known.push.commit,
        "slipway_input_digest": digest,
    }
    name = f"{known.spec.name}-{known.push.short_commit}"
    return NewImage(name, "qcow2", properties={**known.vm.properties, **told})


def _prepared(resolved: Resolved, source: Source, made: Build, run: str) -> Build:
    """Return the build with its login and its variables."""
    known, base, place, chosen = resolved.plan, resolved.inputs.base, made.place, accelerator()
    assert base is not None
    write_seed(place.seed, place.key, known.spec.name)
    upon = base.reference if source.template.in_cloud else str(place.bases / base.digest.replace(":", "-"))
    own = {
        **variables.lasting(known.push),
        **variables.passing(place, known.spec.name, run),
        **variables.upon(upon, base.digest, chosen),
    }
    return replace(made, values=source.template.values(own, known.vm.variables), devices=devices(chosen))


def _keep(both: Stores, resolved: Resolved, made: Build, new: NewImage) -> Kept:
    """Have Packer make a file on the worker, and keep that."""
    known, base, place = resolved.plan, resolved.inputs.base, made.place
    assert base is not None
    packer.validate(made)
    fetched_base = fetch_base(both, base, place.bases, known.vm.base.digest)
    packer.run(replace(made, readable=[fetched_base.path]), known.vm.build_seconds)
    file = find_image(place.output, place.name)
    kept = keep_file(both, file, image_path(known.place, resolved.inputs.digest, known.spec.name), new)
    # The boot test finds it here when it runs on this worker.
    file.replace(place.images / kept.digest.replace(":", "-"))
    return kept
