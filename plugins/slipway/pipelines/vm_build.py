"""The build itself: Packer on the worker, and its image into Artifactory and Glance, hidden as yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from slipway.flow.image import Image
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.openstack.glance.glance import NewImage
from slipway.packer import packer, variables
from slipway.packer.inputs import build_name, image_path
from slipway.packer.packer import Build
from slipway.packer.result import find_image
from slipway.packer.seed import write_seed
from slipway.packer.workplace import Workplace, workplace
from slipway.pipelines import stores
from slipway.pipelines.bases import fetch_base
from slipway.pipelines.copying import Kept, keep_file
from slipway.pipelines.records import inputs_record
from slipway.pipelines.stores import Stores
from slipway.pipelines.vm_plan import PLATFORM, Plan, Resolved, Source, find_source
from slipway.qemu.accelerator import accelerator, devices


def build(resolved: Resolved, run: str) -> Image:
    """Build the image and keep it in Artifactory and Glance."""
    known, digest = resolved.plan, resolved.inputs.digest
    place = workplace(build_name(known.spec.name, run))
    with place.occupied() as lock, stores.connected() as both:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_source(known.vm, commit.check_out())
            file = _on_worker(resolved, source, place, both, lock, run)
        kept = _keep(both, known, digest, file, run)
        image = Image(
            platform=PLATFORM,
            application=known.spec.name,
            repository=known.push.repository,
            commit=known.push.commit,
            digest=kept.digest,
            input_digest=digest,
            reference=kept.reference,
            glance=kept.glance,
            bases=(resolved.inputs.base,) if resolved.inputs.base else (),
        )
        # From here on the image is found by its inputs; a crash before this line builds again.
        both.files.put_json(inputs_record(known.place, digest), image.to_json())
        # The boot test finds it here when it runs on this worker.
        file.replace(place.images / kept.digest.replace(":", "-"))
    return image


def _on_worker(
    resolved: Resolved, source: Source, place: Workplace, both: Stores, lock: int, run: str
) -> Path:
    """Have Packer make a file; returns it."""
    known, base = resolved.plan, resolved.inputs.base
    assert base is not None
    chosen = accelerator()
    write_seed(place.seed, place.key, known.spec.name)
    path = place.bases / base.digest.replace(":", "-")
    own = {
        **variables.lasting(known.push),
        **variables.passing(place, known.spec.name, run),
        **variables.upon(str(path), base.digest, chosen),
    }
    made = Build(
        template=source.template.path,
        context=source.context,
        place=place,
        values=source.template.values(own, known.vm.variables),
        devices=devices(chosen),
        lock=lock,
    )
    packer.validate(made)
    ready = replace(made, readable=[fetch_base(both, base, place.bases, known.vm.base.digest).path])
    packer.run(ready, known.vm.build_seconds)
    return find_image(place.output, place.name)


def _keep(both: Stores, known: Plan, digest: str, file: Path, run: str) -> Kept:
    name = known.spec.name
    about = {
        "slipway_run": run,
        "slipway_application": name,
        "slipway_repository": known.push.repository,
        "slipway_commit": known.push.commit,
        "slipway_input_digest": digest,
    }
    new = NewImage(f"{name}-{known.push.short_commit}", "qcow2", properties={**known.vm.properties, **about})
    return keep_file(both, file, image_path(known.place, digest, name), new)
