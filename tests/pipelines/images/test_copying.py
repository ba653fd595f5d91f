"""Images of the worker and of Glance, kept in the lab's Artifactory and Glance."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.access import Lab
from slipway.flow.property_keys import CloudKey
from slipway.flow.record import SlipwayError, TransientError
from slipway.openstack.errors import OpenstackError
from slipway.openstack.glance import transfer
from slipway.openstack.glance.glance import Glance, NewImage
from slipway.pipelines.images import copying
from slipway.pipelines.images.copying import KeptCopy, hand_on, keep_file, keep_glance_image
from slipway.pipelines.images.stores import Stores
from tests.broken_server import serving
from tests.pipelines.places import Connect, Counted, Place, files_of

pytestmark = pytest.mark.lab

MIB = 1024**2
TALK = 200_000
"""Bytes of requests without an image in them."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An image of 3 MiB and a bit, like no other."""
    (tmp_path / "app.raw").write_bytes(os.urandom(3 * MIB + 7))
    return tmp_path / "app.raw"


def sha(kind: str, file: Path) -> str:
    return hashlib.new(kind, file.read_bytes()).hexdigest()


def is_in_both(both: Stores, place: Place, kept: KeptCopy, file: Path) -> None:
    """There is just one image and one file, of these bytes."""
    assert kept.digest == f"sha256:{sha('sha256', file)}"
    (image,) = both.glance.find_by({CloudKey.KEY: kept.reference})
    assert (image.status, image.is_hidden, image.visibility) == ("active", True, "private")
    assert str(image.id) == str(kept.glance)
    assert (image.hash_algo, image.hash_value) == ("sha512", sha("sha512", file))
    assert image.properties["slipway_run"] == place.run
    there = both.files.get(kept.reference)
    assert (there.digest, there.size) == (kept.digest, kept.size)


def nothing_is_left(both: Stores, place: Place, path: str) -> None:
    assert both.files.find(path) is None
    assert both.glance.find_by({"slipway_run": place.run}) == []


@pytest.mark.parametrize("small", [0, copying.SMALL])
def test_a_file_is_kept_in_both_with_one_digest(
    both: Stores, place: Place, file: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(copying, "SMALL", small)
    kept = keep_file(both, file, place.path(), place.new(os_distro="debian"))
    assert kept.sent == {"artifactory", "glance"}
    is_in_both(both, place, kept, file)
    assert both.glance.get(str(kept.glance)).os_distro == "debian"
    assert both.files.properties(place.path())["slipway.sha512"] == sha("sha512", file)


def test_a_second_try_sends_nothing(counted: Counted, place: Place, file: Path) -> None:
    first = keep_file(counted.both, file, place.path(), place.new())
    size = file.stat().st_size
    assert size < counted.glance.to_server < size + TALK
    assert size < counted.artifactory.to_server < size + TALK
    for side in (counted.glance, counted.artifactory):
        side.forget()
    again = keep_file(counted.both, file, place.path(), place.new())
    assert (again.glance, again.digest, again.sent) == (first.glance, first.digest, set())
    assert counted.glance.to_server < TALK
    assert counted.artifactory.to_server < TALK


def test_bytes_that_artifactory_knows_are_not_sent(counted: Counted, place: Place, file: Path) -> None:
    keep_file(counted.both, file, place.path("one/kernel"), None)
    counted.artifactory.forget()
    kept = keep_file(counted.both, file, place.path("two/kernel"), None)
    assert (kept.sent, kept.glance) == (set(), None)
    assert counted.artifactory.to_server < TALK
    assert counted.both.files.get(place.path("two/kernel")).digest == f"sha256:{sha('sha256', file)}"


def test_a_side_that_lost_it_gets_it_again(both: Stores, place: Place, file: Path) -> None:
    first = keep_file(both, file, place.path(), place.new())
    both.glance.delete(str(first.glance))
    second = keep_file(both, file, place.path(), place.new())
    assert second.sent == {"glance"}
    assert second.glance != first.glance  # Glance never gives an id away again
    is_in_both(both, place, second, file)


@pytest.mark.parametrize("side", ["glance", "artifactory"])
def test_an_upload_that_breaks_is_redone(
    both: Stores, counted: Counted, place: Place, file: Path, side: str
) -> None:
    getattr(counted, side).cut_after = MIB
    with pytest.raises(TransientError):
        keep_file(counted.both, file, place.path(), place.new())
    assert [image.status for image in both.glance.find_by({CloudKey.KEY: place.path()})] in (
        [],
        ["active"],
    )
    getattr(counted, side).cut_after = None
    kept = keep_file(counted.both, file, place.path(), place.new())
    assert side in kept.sent
    is_in_both(both, place, kept, file)


def test_a_worker_that_dies_in_the_middle_leaves_one_image(
    lab: Lab, both: Stores, counted: Counted, place: Place, file: Path
) -> None:
    file.write_bytes(os.urandom(64 * MIB))  # more than the sockets on the way hold
    counted.glance.hold_after = MIB
    known = {name: lab.variables[name] for name in lab.variables if name.startswith("SLIPWAY_OPENSTACK_")}
    worker = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("worker.py")), str(file), place.path(), place.run],
        env={
            **os.environ,
            **known,
            "GLANCE": f"http://{counted.glance.host}/v2",
            "ARTIFACTORY": both.files.catalogue.url,
            "ARTIFACTORY_LOGIN": f"{both.files.catalogue.login}:{both.files.catalogue.password}",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )
    try:
        deadline = time.monotonic() + 60
        while counted.glance.to_server <= MIB:
            assert worker.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (started,) = both.glance.find_by({CloudKey.KEY: place.path()})
        assert started.status in ("queued", "saving")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        counted.glance.released.set()
    kept = keep_file(both, file, place.path(), place.new())
    assert "glance" in kept.sent
    is_in_both(both, place, kept, file)


def test_an_image_that_a_dead_worker_left_queued_is_filled(both: Stores, place: Place, file: Path) -> None:
    left = both.glance.ensure_image(place.path(), place.new())
    assert left.status == "queued"
    kept = keep_file(both, file, place.path(), place.new())
    assert str(kept.glance) == str(left.id)
    is_in_both(both, place, kept, file)


def test_what_was_never_handed_on_is_replaced(both: Stores, place: Place, file: Path) -> None:
    first = keep_file(both, file, place.path(), place.new())
    file.write_bytes(os.urandom(MIB))
    second = keep_file(both, file, place.path(), place.new())
    assert second.sent == {"artifactory", "glance"}
    assert second.glance != first.glance
    is_in_both(both, place, second, file)


def test_what_was_handed_on_stays(both: Stores, place: Place, file: Path) -> None:
    kept = keep_file(both, file, place.path(), place.new())
    hand_on(both, kept, {"slipway.commit": "a" * 40})
    assert not both.glance.get(str(kept.glance)).is_hidden
    assert keep_file(both, file, place.path(), place.new()).sent == set()
    before = sha("sha256", file)
    file.write_bytes(os.urandom(MIB))
    with pytest.raises(SlipwayError, match=r"was meanwhile published .* Start the run again"):
        keep_file(both, file, place.path(), place.new())
    both.files.delete(place.path())
    with pytest.raises(SlipwayError, match=f"image tests-copying .{kept.glance}. .* has other bytes"):
        keep_file(both, file, place.path(), place.new())
    assert both.glance.get(str(kept.glance)).status == "active"
    assert kept.digest == f"sha256:{before}"


def test_an_empty_file_is_refused_and_leaves_nothing(both: Stores, place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty.raw").touch()
    with pytest.raises(SlipwayError, match=r"empty\.raw: it is empty \(0 bytes\)"):
        keep_file(both, tmp_path / "empty.raw", place.path(), place.new())
    nothing_is_left(both, place, place.path())


@pytest.fixture
def leading_elsewhere(tmp_path: Path) -> Path:
    """A qcow2 image whose reader is shown another file of the host."""
    (tmp_path / "secret.raw").write_bytes(b"x" * MIB)
    image = tmp_path / "app.qcow2"
    made_of = ["-F", "raw", "-b", str(tmp_path / "secret.raw")]
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *made_of, str(image)], check=True)
    return image


def test_a_backing_file_is_refused_before_anybody_sees_it(
    counted: Counted, place: Place, leading_elsewhere: Path
) -> None:
    counted.glance.forget()
    with pytest.raises(SlipwayError, match="opening it may be unsafe: it names a backing file"):
        keep_file(counted.both, leading_elsewhere, place.path(), place.new("qcow2"))
    assert (counted.artifactory.to_server, counted.glance.to_server) == (0, 0)


@pytest.mark.parametrize("left", ["link", "pipe", "folder", "nothing"])
def test_what_a_build_may_leave_in_place_of_an_image(
    counted: Counted, place: Place, tmp_path: Path, left: str
) -> None:
    image = tmp_path / "app.raw"
    makers = {"link": lambda: image.symlink_to("/etc/passwd"), "pipe": lambda: os.mkfifo(image)}
    makers.get(left, image.mkdir if left == "folder" else lambda: None)()
    counted.glance.forget()
    with pytest.raises(SlipwayError, match=r"app\.raw (cannot be read|is not a regular file)"):
        keep_file(counted.both, image, place.path(), place.new())
    assert (counted.artifactory.to_server, counted.glance.to_server) == (0, 0)


def test_glance_refuses_what_is_another_format(both: Stores, place: Place, file: Path) -> None:
    """Should the worker's own check ever let it pass."""
    image = both.glance.ensure_image(place.path(), place.new("qcow2"))
    with pytest.raises(
        OpenstackError, match=r"415 .*does not match stream data.*build the image in the format"
    ):
        transfer.Upload(both.glance, image, 7)([b"no disk"])
    both.glance.discard(str(image.id))
    nothing_is_left(both, place, place.path())


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        (413, "Denying attempt to upload image because it exceeds the quota", True),
        (507, "Image storage media is full", True),
        (503, "Insufficient permissions on image storage media: no space left", True),
        (503, "Service Unavailable", False),
        (500, "Internal Server Error", False),
        (409, "Image status transition from saving to saving is not allowed", False),
    ],
)
def test_glance_has_no_room_or_fails(
    lab: Lab, connect: Connect, place: Place, file: Path, status: int, said: str, permanent: bool
) -> None:
    deleted: list[str] = []

    def answer(asked, handler):  # type: ignore[no-untyped-def]
        shown = b'{"id": "6c7f4b0e-8f6a-4e0c-9a55-5f1c6b9d2a31", "name": "app", "status": "queued"}'
        if asked.method == "DELETE":
            deleted.append(asked.path)
            return 204, {}, b""
        if asked.method == "PUT":
            return status, {}, f"<html><title>{status}</title><body>{said}<br/></body></html>".encode()
        if asked.method == "POST":
            return 201, {}, shown
        return (200, {}, b'{"images": []}' if "?" in asked.path else shown)

    expected = OpenstackError if permanent else TransientError
    with (
        serving(answer) as glance,
        connect(f"http://{glance.host}/v2") as cloud,
        pytest.raises(expected, match=said.split(":")[0]) as raised,
    ):
        keep_file(Stores(files_of(lab), Glance(cloud)), file, place.path(), place.new())
    assert ("delete unused images" in str(raised.value)) == permanent
    assert len(deleted) == 1


def test_a_side_that_is_away_is_worth_another_try(
    lab: Lab, both: Stores, connect: Connect, place: Place, file: Path
) -> None:
    with pytest.raises(TransientError, match="Artifactory does not answer"):
        keep_file(Stores(files_of(lab, "127.0.0.1:1"), both.glance), file, place.path(), None)
    with connect("http://127.0.0.1:1/v2") as cloud, pytest.raises(TransientError, match="does not answer"):
        keep_file(Stores(both.files, Glance(cloud)), file, place.path(), place.new())
    nothing_is_left(both, place, place.path())


def test_an_image_of_glance_is_kept_in_artifactory(counted: Counted, place: Place, file: Path) -> None:
    both = counted.both
    made = keep_file(both, file, place.path("snapshot"), place.new()).glance
    both.files.delete(place.path("snapshot"))
    first = keep_glance_image(both, str(made), place.path())
    assert (first.digest, first.glance) == (f"sha256:{sha('sha256', file)}", made)
    assert first.sent == {"artifactory"}
    assert both.files.get(place.path()).digest == first.digest

    for side in (counted.artifactory, counted.glance):
        side.forget()
    again = keep_glance_image(both, str(made), place.path("other.raw"))
    assert (again.digest, again.glance, again.sent) == (first.digest, made, set())
    assert counted.artifactory.to_server < TALK
    assert counted.glance.to_client < TALK


def test_an_image_of_glance_with_a_backing_file_goes_no_further(
    both: Stores, connect: Connect, place: Place, leading_elsewhere: Path
) -> None:
    """An older Glance takes such an image; the lab's own does not."""
    content = leading_elsewhere.read_bytes()
    shown = {
        "id": "6c7f4b0e-8f6a-4e0c-9a55-5f1c6b9d2a31",
        "name": "app",
        "status": "active",
        "disk_format": "qcow2",
        "size": len(content),
        "os_hash_algo": "sha512",
        "os_hash_value": sha("sha512", leading_elsewhere),
    }

    def answer(asked, handler):  # type: ignore[no-untyped-def]
        return 200, {}, content if asked.path.endswith("/file") else json.dumps(shown).encode()

    with serving(answer) as glance, connect(f"http://{glance.host}/v2") as cloud:
        old = Stores(both.files, Glance(cloud))
        with pytest.raises(SlipwayError, match="opening it may be unsafe: it names a backing file"):
            keep_glance_image(old, str(shown["id"]), place.path())
    assert both.files.find(place.path()) is None


def test_an_image_without_bytes_cannot_be_kept(both: Stores, place: Place) -> None:
    queued = both.glance.ensure_image(place.path(), place.new())
    with pytest.raises(OpenstackError, match="is queued in Glance, and has no data"):
        keep_glance_image(both, str(queued.id), place.path())
    with pytest.raises(OpenstackError, match="Glance has no image 00000000"):
        keep_glance_image(both, "00000000-0000-4000-8000-000000000000", place.path())


def test_a_partition_image_has_its_kernel_and_ramdisk(both: Stores, place: Place, file: Path) -> None:
    parts = {
        kind: keep_file(
            both,
            file,
            place.path(kind),
            NewImage(kind, short, short, properties={"slipway_run": place.run}),
        )
        for kind, short in (("kernel", "aki"), ("ramdisk", "ari"))
    }
    ids = {f"{kind}_id": str(part.glance) for kind, part in parts.items()}
    image = both.glance.get(str(keep_file(both, file, place.path(), place.new(**ids)).glance))
    assert (image.kernel_id, image.ramdisk_id) == (ids["kernel_id"], ids["ramdisk_id"])
    assert both.glance.get(ids["kernel_id"]).container_format == "aki"
