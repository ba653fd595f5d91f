"""Images in the lab's Glance: made once whatever happens, found, shown, deleted."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from threading import Thread

import openstack
import pytest
from openstack.connection import Connection

from lab.access import Lab
from slipway.flow.property_keys import CloudKey
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.glance import glance as module
from slipway.openstack.glance import transfer
from slipway.openstack.glance.glance import Glance, NewImage, image_id
from slipway.openstack.glance.importing import ImportRefused, can_import, import_image
from slipway.openstack.glance.transfer import Upload, difference
from slipway.streams.hashes import Hashes
from slipway.streams.tee import Source, tee
from tests.broken_server import serving

pytestmark = pytest.mark.lab

CONTENT = b"an image" * 100_000


@pytest.fixture
def glance(cloud: Connection) -> Glance:
    return Glance(cloud)


@pytest.fixture
def key(glance: Glance) -> Iterator[str]:
    """A key that no other test uses; its images are deleted."""
    key = f"tests/{secrets.token_hex(6)}"
    yield key
    for image in glance.find_by({CloudKey.KEY: key}):
        glance.delete(str(image.id))


def new(run: str = "tests", **properties: str) -> NewImage:
    return NewImage("tests-glance", "raw", properties={CloudKey.RUN: run, **properties})


def fill(glance: Glance, key: str, content: bytes = CONTENT) -> Hashes:
    upload = Upload(glance, glance.ensure_image(key, new()), len(content))
    hashes = tee(Source("a file", (part for part in [content[:10], content[10:]])), upload, also=("md5",))
    upload.verify(hashes)
    return hashes


def test_an_image_is_made_once(glance: Glance, key: str) -> None:
    first = glance.ensure_image(key, new(os_distro="debian"))
    assert (str(first.id), first.status, first.is_hidden) == (image_id(key), "queued", True)
    assert (first.disk_format, first.container_format, first.visibility) == ("raw", "bare", "private")
    assert glance.ensure_image(key, new("another run")).id == first.id
    assert glance.get(image_id(key)).os_distro == "debian"
    assert [image.id for image in glance.find_by({CloudKey.KEY: key, CloudKey.RUN: "tests"})] == [first.id]
    assert glance.find_by({CloudKey.KEY: key, CloudKey.RUN: "never"}) == []


def test_two_runs_at_once_make_one(glance: Glance, key: str) -> None:
    made: list[str] = []
    threads = [
        Thread(target=lambda run=str(run): made.append(str(glance.ensure_image(key, new(run)).id)))  # type: ignore[misc]
        for run in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == [image_id(key)] * 4
    assert len(glance.find_by({CloudKey.KEY: key})) == 1


def test_a_deleted_image_makes_room_for_the_next_generation(glance: Glance, key: str) -> None:
    for generation in range(3):
        image = glance.ensure_image(key, new())
        assert str(image.id) == image_id(key, generation)
        glance.delete(str(image.id))
        glance.delete(str(image.id))
        assert glance.find(str(image.id)) is None
        assert glance.find_key(key) is None


def test_all_generations_used_up(glance: Glance, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GENERATIONS", 1)
    glance.delete(str(glance.ensure_image(key, new()).id))
    with pytest.raises(
        OpenstackError,
        match=r"created and deleted 1 times in Glance\. Have its deleted "
        "images",
    ):
        glance.ensure_image(key, new())


def test_more_images_than_a_page_holds(glance: Glance, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    made = set()
    for number in range(5):
        image = glance._create(image_id(f"{key}{number}"), key, new(mark=key))
        assert image is not None
        made.add(str(image.id))
    assert {str(image.id) for image in glance.find_by({"mark": key})} == made


def test_a_list_that_changes_while_it_is_read_is_worth_another_try(
    glance: Glance, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 1)
    for number in range(3):
        glance._create(image_id(f"{key}{number}"), key, new(mark=key))
    pages = glance._list({"mark": key}, "true")
    glance.delete(str(next(pages).id))
    with pytest.raises(TransientOpenstackError, match="Glance's list changed while it was read"):
        list(pages)


def test_bytes_come_back_as_they_went(glance: Glance, key: str) -> None:
    hashes = fill(glance, key)
    image = glance.get(image_id(key))
    assert (image.status, image.size) == ("active", len(CONTENT))
    assert (image.hash_value, image.checksum) == (hashes.sha512, hashlib.md5(CONTENT).hexdigest())
    assert tee(transfer.source(glance, image)) == hashes.model_copy(update={"others": {}})
    assert transfer.head(glance, image, 9) == CONTENT[:9]
    assert glance.ensure_image(key, new()).status == "active"


def test_an_image_with_bytes_takes_no_others(glance: Glance, key: str) -> None:
    fill(glance, key)
    with pytest.raises(TransientOpenstackError, match="409"):
        Upload(glance, glance.get(image_id(key)), 3)([b"abc"])
    glance.discard(image_id(key))
    assert glance.get(image_id(key)).status == "active"


def test_properties_and_lists(glance: Glance, key: str) -> None:
    glance.ensure_image(key, new(mark="old"))
    glance.annotate(image_id(key), {"mark": "new", "slipway_commit": "a" * 40})
    glance.unhide(image_id(key))
    shown = glance.get(image_id(key))
    assert (shown.is_hidden, shown.properties["mark"]) == (False, "new")
    assert shown.properties["slipway_commit"] == "a" * 40
    glance.hide(image_id(key))
    assert glance.get(image_id(key)).is_hidden
    assert glance.find_key(key) is not None


def test_what_is_not_there(glance: Glance) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert glance.find(nobody) is None
    glance.delete(nobody)
    glance.discard(nobody)
    with pytest.raises(OpenstackError, match=r"has no image 00000000.*Correct the id, or share the image"):
        glance.get(nobody)


def test_a_failed_import_leaves_the_image_to_be_filled(glance: Glance, key: str, lab: Lab) -> None:
    assert can_import(glance)
    image = glance.ensure_image(key, new())
    for url, why in (
        ("http://192.0.2.1/a?sig=secret", r"refuses the import .*does not pass filtering: \(address\)"),
        (f"{lab.artifactory.url}/generic-local/never?sig=secret", "could not fetch image"),
    ):
        with pytest.raises(ImportRefused, match=why) as raised:
            import_image(glance, image, url)
        assert "secret" not in str(raised.value)
    assert glance.get(image_id(key)).status == "queued"
    fill(glance, key)


def far_side(status: str, run: str, updated: str = "2999-01-01T00:00:00Z") -> tuple[dict[str, object], bytes]:
    marks = {CloudKey.KEY: "a", CloudKey.RUN: run}
    shown = {"id": image_id("a"), "name": "a", "status": status, "updated_at": updated, **marks}
    return shown, json.dumps({"images": [shown]}).encode()


@pytest.mark.parametrize(
    ("status", "run", "updated", "outcome"),
    [
        ("saving", "other", "2999-01-01T00:00:00Z", "is saving: run other is sending it"),
        ("importing", "other", "2999-01-01T00:00:00Z", "is importing: run other is sending it"),
        ("deactivated", "tests", "2999-01-01T00:00:00Z", "is deactivated: an administrator"),
        ("saving", "tests", "2999-01-01T00:00:00Z", None),
        ("saving", "other", "2000-01-01T00:00:00Z", None),
        ("killed", "other", "2999-01-01T00:00:00Z", None),
    ],
)
def test_what_another_try_left(
    cloud: Connection, status: str, run: str, updated: str, outcome: str | None
) -> None:
    """States that a Glance on one machine is too fast to be caught in."""
    shown, listed = far_side(status, run, updated)
    deleted: list[str] = []

    def answer(asked, handler):  # type: ignore[no-untyped-def]
        if asked.method == "DELETE":
            deleted.append(asked.path)
            return 204, {}, b""
        if asked.method == "POST":
            if deleted:
                return 201, {}, json.dumps({**shown, "status": "queued"}).encode()
            return 409, {}, b""
        if "?" in asked.path:
            return 200, {}, listed if "os_hidden=true" in asked.path else b'{"images": []}'
        return 200, {}, json.dumps(shown).encode()

    with serving(answer) as far:
        other = openstack.connection.Connection(
            session=cloud.session, image_endpoint_override=f"http://{far.host}/v2", image_api_version="2"
        )
        if outcome is not None:
            with pytest.raises((OpenstackError, TransientOpenstackError), match=outcome):
                Glance(other).ensure_image("a", new())
            assert deleted == []
        else:
            assert Glance(other).ensure_image("a", new()).status == "queued"
            assert deleted == [f"/v2/images/{image_id('a')}"]


def test_a_cloud_without_glance(lab: Lab, cloud: Connection) -> None:
    elsewhere = openstack.connection.Connection(session=cloud.session, region_name="Nowhere")
    with pytest.raises(OpenstackError, match=r"no service for image a: .*Check the region of connection"):
        Glance(elsewhere).find("a")


def test_the_login_ends_on_the_way(cloud: Connection) -> None:
    """A stream cannot be sent again with a new token: the next try does."""
    with serving(lambda _asked, _handler: (401, {}, b"")) as far:
        other = openstack.connection.Connection(
            session=cloud.session, image_endpoint_override=f"http://{far.host}/v2", image_api_version="2"
        )
        image = module._image({"id": image_id("a"), "name": "a", "status": "queued"})
        with pytest.raises(TransientOpenstackError, match="login ended before the bytes of image a"):
            tee(Source("a file", (one for one in [b"a", b"b"])), Upload(Glance(other), image, 2))
        assert [asked.method for asked in far.asked].count("PUT") == 1


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ({"size": 2}, "2 bytes, not 3"),
        ({"os_hash_algo": "sha512", "os_hash_value": "0" * 128}, "sha512 0+, not"),
        ({"checksum": "0" * 32}, "md5 0+, not"),
        ({"os_hash_algo": "sha3_512", "os_hash_value": "0"}, "no hash to compare: Glance has sha3_512"),
        ({}, "no hash to compare: Glance has none"),
    ],
)
def test_a_difference_is_named(shown: dict[str, object], why: str) -> None:
    hashes = Hashes(
        sha256=hashlib.sha256(b"abc").hexdigest(),
        sha512=hashlib.sha512(b"abc").hexdigest(),
        size=3,
        others={"md5": hashlib.md5(b"abc").hexdigest()},
    )
    image = module._image({"id": "a", "size": 3, **shown})
    found = difference(image, hashes)
    assert found is not None
    assert re.match(why, found)
    right = {"os_hash_algo": "sha512", "os_hash_value": hashes.sha512, "checksum": hashes.others["md5"]}
    assert difference(module._image({"id": "a", "size": 3, **right}), hashes) is None
