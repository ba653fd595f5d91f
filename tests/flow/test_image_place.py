"""Where images are kept: what older versions kept is found, and nothing else is taken for it."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.image_place import ImagePlace, PlacedFile, PlaceField
from slipway.flow.platforms import Platform
from slipway.flow.record import Record

NAMES = st.from_regex(r"[a-z][-a-z0-9]{0,10}", fullmatch=True)
PLACES = st.builds(ImagePlace, NAMES, NAMES, NAMES, st.sampled_from(get_args(Platform)))
INPUTS, COMMIT = f"sha256:{'1a' * 32}", "c" * 40
VM = ImagePlace("generic-local", "acme", "web", "vm")


class Kept(Record):
    place: PlaceField


@given(PLACES)
def test_a_place_is_its_text(place: ImagePlace) -> None:
    assert ImagePlace.parse(str(place)) == ImagePlace.find(str(place)) == place
    kept = Kept(place=place)
    assert kept.to_json() == {"place": str(place)}
    assert Kept.from_json(kept.to_json()) == kept
    assert kept.model_copy(update={}).place.owner == f"{place.tenant}/{place.application}"


def test_files_are_where_older_versions_kept_them() -> None:
    folder = f"generic-local/acme/web/vm/{'1a' * 20}"
    assert VM.folder(INPUTS) == folder
    assert VM.image(INPUTS, "qcow2") == f"{folder}/web.qcow2"
    assert VM.part(INPUTS, "kernel") == f"{folder}/web.vmlinuz"
    assert VM.part(INPUTS, "ramdisk") == f"{folder}/web.initrd"
    assert VM.inputs_record(INPUTS) == f"{folder}/image.json"
    assert VM.commit_record(COMMIT) == f"generic-local/acme/web/vm/commits/{COMMIT}.json"
    assert str(ImagePlace("docker-local", "acme", "web", "container")) == "docker-local/acme/web"


@given(PLACES.filter(lambda place: place.platform != "container"))
def test_a_file_says_what_it_is(place: ImagePlace) -> None:
    kinds = {
        place.image(INPUTS, "raw"): (False, False),
        place.inputs_record(INPUTS): (False, True),
        place.commit_record(COMMIT): (True, False),
        f"{place}/commits/image.json": (True, False),
    }
    for path, kind in kinds.items():
        found = PlacedFile.find(path)
        assert found is not None
        assert (found.is_of_commit, found.is_of_inputs) == kind
        assert f"{found.place}/{found.folder}/{found.name}" == path
        assert found.place == place


@pytest.mark.parametrize(
    "path",
    [
        "generic-local/acme/base.json",
        "generic-local/acme/web/vm/notes.json",
        f"generic-local/acme/web/vm/{'1a' * 20}/more/web.qcow2",
        f"generic-local/acme/web/vm/{'1a' * 20}/",
        f"generic-local/acme/web/vm/{'1a' * 19}/web.qcow2",
        f"generic-local/acme/web/vm/{'1A' * 20}/web.qcow2",
        f"generic-local/acme/web/floppy/{'1a' * 20}/web.qcow2",
        f"generic-local/acme/web/container/{'1a' * 20}/web.qcow2",
        f"generic-local/acme/web/{'1a' * 20}/web.qcow2",
        f"generic-local/acme/Web/vm/{'1a' * 20}/web.qcow2",
        f"/acme/web/vm/{'1a' * 20}/web.qcow2",
        f"generic-local//web/vm/{'1a' * 20}/web.qcow2",
        "",
    ],
)
def test_what_others_keep_there_is_not_slipways(path: str) -> None:
    assert PlacedFile.find(path) is None


@pytest.mark.parametrize("text", ["", "a/b", "a/b/C", "a/b/c/", "a/b/c/container", "a/b/c/vm/x", "a//c"])
def test_what_is_no_place_is_refused(text: str) -> None:
    assert ImagePlace.find(text) is None
    with pytest.raises(ValueError, match="is not a path of an application's images"):
        ImagePlace.parse(text)
