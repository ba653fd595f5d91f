"""The build itself: diskimage-builder on the worker, and what it made into Artifactory and Glance, hidden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from slipway.diskimage_builder.build import Build, Files
from slipway.diskimage_builder.inputs import build_name, image_path, part_path
from slipway.diskimage_builder.workplace import workplace
from slipway.flow.image import Image, Part
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.openstack.glance.glance import NewImage
from slipway.pipelines import stores
from slipway.pipelines.bare_metal_plan import PLATFORM, Plan, Resolved, find_source
from slipway.pipelines.copying import keep_file
from slipway.pipelines.handover import FORMATS
from slipway.pipelines.records import inputs_record
from slipway.pipelines.stores import Stores

Parts = dict[Literal["kernel", "ramdisk"], Part]


def build(resolved: Resolved, run: str) -> Image:
    """Build the image and keep it in Artifactory and Glance."""
    known, digest = resolved.plan, resolved.inputs.digest
    place = workplace(build_name(known.spec.name, run), known.owner)
    with place.occupied() as lock, stores.connected() as both:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_source(known.bare_metal, known.push, commit.check_out())
            made = Build(
                known.bare_metal, known.spec.name, source.elements, place, source.variables, lock
            ).run()
        image = _keep(both, resolved, made, run)
        # From here on the image is found by its inputs; a crash before this line builds again.
        both.files.put_json(inputs_record(known.place, digest), image.to_json())
        # The boot test finds them here when it runs on this worker.
        place.hand_over(made.image, image.digest)
        for part, file in made.parts.items():
            place.hand_over(file, image.parts[part].digest)
    return image


def _keep(both: Stores, resolved: Resolved, made: Files, run: str) -> Image:
    known, digest = resolved.plan, resolved.inputs.digest
    wanted, name = known.bare_metal, f"{known.spec.name}-{known.push.short_commit}"
    path = image_path(known.place, digest, known.spec.name, wanted.format)
    about = _about(known, digest, run)
    parts = _keep_parts(both, path, made.parts, name, about)
    ids = {f"{part}_id": str(kept.glance) for part, kept in parts.items()}
    new = NewImage(name, wanted.format, properties={**wanted.properties, **about, **ids})
    kept = keep_file(both, made.image, path, new)
    if kept.glance is not None and ids:
        # An earlier try may have made it, with parts that are not these.
        both.glance.annotate(kept.glance, ids)
    return Image(
        platform=PLATFORM,
        application=known.spec.name,
        repository=known.push.repository,
        commit=known.push.commit,
        digest=kept.digest,
        input_digest=digest,
        reference=kept.reference,
        glance=kept.glance,
        parts=parts,
    )


def _keep_parts(
    both: Stores,
    path: str,
    files: Mapping[Literal["kernel", "ramdisk"], Path],
    name: str,
    about: Mapping[str, str],
) -> Parts:
    """Keep kernel and ramdisk first: the image names their ids."""
    parts: Parts = {}
    for part, file in files.items():
        form = FORMATS[part]
        new = NewImage(f"{name}-{part}", form, form, properties=about)
        kept = keep_file(both, file, part_path(path, part), new)
        parts[part] = Part(digest=kept.digest, reference=kept.reference, glance=kept.glance)
    return parts


def _about(known: Plan, digest: str, run: str) -> dict[str, str]:
    """Return what Glance says of the image and its parts."""
    return {
        "slipway_run": run,
        "slipway_application": known.spec.name,
        "slipway_repository": known.push.repository,
        "slipway_commit": known.push.commit,
        "slipway_input_digest": digest,
    }
