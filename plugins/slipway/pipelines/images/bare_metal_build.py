"""The build itself, by diskimage-builder or Packer, and its upload to Artifactory and Glance, hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slipway.diskimage_builder import workplace as diskimage_builder
from slipway.diskimage_builder.build import BuiltFiles, DiskimageBuild
from slipway.diskimage_builder.inputs import build_name
from slipway.flow.image import Image, Part, glance_properties
from slipway.flow.image_place import ImagePlace
from slipway.flow.record import Digest
from slipway.github.hook import GithubHook
from slipway.github.repository import fetched
from slipway.openstack.glance.glance import NewImage
from slipway.packer import workplace as packer
from slipway.packer.inputs import TemplateInputs
from slipway.pipelines.images import stores
from slipway.pipelines.images.bare_metal_plan import (
    PLATFORM,
    BareMetalBuildPlan,
    ResolvedBareMetal,
    find_source,
    find_template,
)
from slipway.pipelines.images.base_images import path_in
from slipway.pipelines.images.copying import keep_file
from slipway.pipelines.images.file_images import FORMATS
from slipway.pipelines.images.packer_build import PackerOrder, make_file, prepared
from slipway.pipelines.images.stores import Stores

Parts = dict[Literal["kernel", "ramdisk"], Part]


@dataclass(frozen=True)
class _Made:
    """The result of a builder on the worker.

    :param images: folder in which the boot test looks for files by their digests.
    """

    files: BuiltFiles
    images: Path


def build(resolved: ResolvedBareMetal, run: str) -> Image:
    """Build the image and keep it in Artifactory and Glance."""
    known, inputs = resolved.plan, resolved.inputs
    # The name is this pipeline's, whoever builds: `vm_image` may have a run with the same id.
    name = build_name(known.spec.name, run)
    with stores.connected() as both:
        if isinstance(inputs, TemplateInputs):
            making = _by_packer(both, known, inputs, name, run)
        else:
            making = _by_diskimage_builder(known, name)
        with making as made:
            image = _keep(both, resolved, made.files, run)
            # From here on the image is found by its inputs; a crash before this line builds again.
            both.files.put_json(known.place.inputs_record(inputs.digest), image.to_json())
            _hand_over(made, image)
    return image


def _hand_over(made: _Made, image: Image) -> None:
    """Put the files where the boot test finds them when it runs on this worker."""
    made.files.image.replace(path_in(made.images, image.digest))
    for part, file in made.files.parts.items():
        file.replace(path_in(made.images, image.parts[part].digest))


@contextmanager
def _by_diskimage_builder(known: BareMetalBuildPlan, name: str) -> Iterator[_Made]:
    place = diskimage_builder.workplace(name, known.place.owner)
    with place.occupied() as lock:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_source(known.bare_metal, known.push, commit.check_out())
            wanted = DiskimageBuild(
                known.bare_metal, known.spec.name, source.elements, place, source.variables, lock
            )
            files = wanted.run()
        yield _Made(files, place.images)


@contextmanager
def _by_packer(
    both: Stores, known: BareMetalBuildPlan, inputs: TemplateInputs, name: str, run: str
) -> Iterator[_Made]:
    wanted, base, place = known.bare_metal.packer, inputs.base, packer.workplace(name)
    assert wanted is not None
    assert base is not None
    order = PackerOrder(known.push, known.spec.name, wanted, base, known.bare_metal.build_seconds, run)
    with place.occupied() as lock:
        with fetched(GithubHook().get_conn(), known.push, within=place.checkout) as commit:
            source = find_template(wanted, commit.check_out())
            file = make_file(both, order, prepared(order, source, place, lock))
        yield _Made(BuiltFiles(file), place.images)


def _keep(both: Stores, resolved: ResolvedBareMetal, made: BuiltFiles, run: str) -> Image:
    known, digest = resolved.plan, resolved.inputs.digest
    wanted, name = known.bare_metal, f"{known.spec.name}-{known.push.short_commit}"
    about = glance_properties(known.push, known.spec.name, digest, run)
    parts = _keep_parts(both, known.place, digest, made.parts, NewImage(name, properties=about))
    ids = {f"{part}_id": str(kept.glance) for part, kept in parts.items()}
    new = NewImage(name, wanted.format, properties={**wanted.properties, **about, **ids})
    kept = keep_file(both, made.image, known.place.image(digest, wanted.format), new)
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
        bases=resolved.bases,
    )


def _keep_parts(
    both: Stores,
    place: ImagePlace,
    inputs: Digest,
    files: Mapping[Literal["kernel", "ramdisk"], Path],
    image: NewImage,
) -> Parts:
    """Keep kernel and ramdisk first: the image names their ids."""
    parts: Parts = {}
    for part, file in files.items():
        form = FORMATS[part]
        new = NewImage(f"{image.name}-{part}", form, form, properties=image.properties)
        kept = keep_file(both, file, place.part(inputs, part), new)
        parts[part] = Part(digest=kept.digest, reference=kept.reference, glance=kept.glance)
    return parts
