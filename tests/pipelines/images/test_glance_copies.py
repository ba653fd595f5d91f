"""Files of Artifactory brought to Glance: by Glance itself, or through the worker."""

from __future__ import annotations

import hashlib
import logging
import os
from urllib.parse import urlsplit

import httpx
import pytest

from lab.access import Lab
from slipway.flow.record import SlipwayError, TransientError
from slipway.pipelines.images.copying import keep_file
from slipway.pipelines.images.glance_copies import bring_to_glance
from slipway.pipelines.images.stores import Stores
from tests.pipelines.places import Counted, Place, files_of

pytestmark = pytest.mark.lab

MIB = 1024**2
TALK = 200_000


class Given:
    """A file in Artifactory that Slipway did not put there."""

    def __init__(self, lab: Lab, path: str, content: bytes) -> None:
        login = lab.artifactory
        self.path = path
        self.digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.sha512 = hashlib.sha512(content).hexdigest()
        self.size = len(content)
        address = f"{login.url}/{path}"
        httpx.put(address, content=content, auth=login.auth, timeout=30, trust_env=False).raise_for_status()


@pytest.fixture
def given(lab: Lab, place: Place) -> Given:
    return Given(lab, place.path(), os.urandom(3 * MIB + 7))


@pytest.fixture
def refused(lab: Lab, both: Stores) -> Stores:
    """An Artifactory at an address that Glance may not fetch from."""
    port = urlsplit(lab.artifactory.url).port
    return Stores(files_of(lab, f"localhost:{port}"), both.glance)


def test_glance_fetches_it_and_no_image_passes_the_worker(
    counted: Counted, place: Place, given: Given
) -> None:
    both = counted.both
    both.files.annotate(given.path, {"slipway.disk_format": "raw"})  # what is kept was checked then
    image = both.glance.get(str(bring_to_glance(both, given.path, given.digest, place.new())))
    assert (image.status, image.hash_value, image.is_hidden) == ("active", given.sha512, True)
    assert (counted.glance.to_server < TALK, counted.glance.to_client < TALK) == (True, True)
    # Glance fetched it through the same proxy, once: its signed address begins as Artifactory was asked.
    assert given.size < counted.artifactory.to_client < given.size + TALK

    counted.artifactory.forget()
    assert str(bring_to_glance(both, given.path, given.digest, place.new())) == str(image.id)
    assert counted.artifactory.to_client < TALK
    assert counted.glance.to_server < TALK


def test_it_goes_through_the_worker_where_glance_may_not_fetch(
    refused: Stores, place: Place, given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        image = refused.glance.get(str(bring_to_glance(refused, given.path, given.digest, place.new())))
    assert (image.status, image.hash_value) == ("active", given.sha512)
    assert f"{given.path} goes through the worker: Glance refuses the import" in caplog.text
    assert "sig=" not in caplog.text
    assert len(refused.glance.find_by({"slipway_run": place.run})) == 1


def test_it_goes_through_the_worker_where_artifactory_signs_nothing(
    lab: Lab, both: Stores, place: Place, given: Given
) -> None:
    reader = lab.artifactory_reader
    files = files_of(lab, login=reader)
    assert files.find_signed_url(given.path, 60) is None
    image = bring_to_glance(Stores(files, both.glance), given.path, given.digest, place.new())
    assert both.glance.get(str(image)).hash_value == given.sha512


def test_an_image_that_was_kept_is_the_one(both: Stores, place: Place, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "app.raw").write_bytes(os.urandom(MIB))
    kept = keep_file(both, tmp_path / "app.raw", place.path(), place.new())
    assert bring_to_glance(both, place.path(), kept.digest, place.new()) == kept.glance


def test_a_file_that_changed_is_another_image(lab: Lab, both: Stores, place: Place, given: Given) -> None:
    first = bring_to_glance(both, given.path, given.digest, place.new())
    changed = Given(lab, given.path, os.urandom(MIB))
    with pytest.raises(SlipwayError, match=rf"{given.path} in Artifactory is {changed.digest}, no longer"):
        bring_to_glance(both, given.path, given.digest, place.new())
    assert bring_to_glance(both, given.path, changed.digest, place.new()) != first


def test_a_file_of_another_format_is_refused(both: Stores, place: Place, given: Given) -> None:
    with pytest.raises(SlipwayError, match="declared as qcow2, but is raw"):
        bring_to_glance(both, given.path, given.digest, place.new("qcow2"))
    assert both.glance.find_by({"slipway_run": place.run}) == []


def test_a_file_that_is_not_there(both: Stores, place: Place) -> None:
    with pytest.raises(SlipwayError, match=r"Artifactory has no .*never"):
        bring_to_glance(both, place.path("never"), f"sha256:{'0' * 64}", place.new())


def test_an_upload_that_breaks_is_redone(
    lab: Lab, counted: Counted, refused: Stores, place: Place, given: Given
) -> None:
    through = Stores(refused.files, counted.both.glance)
    counted.glance.cut_after = MIB
    with pytest.raises(TransientError):
        bring_to_glance(through, given.path, given.digest, place.new())
    assert refused.glance.find_by({"slipway_run": place.run}) == []
    counted.glance.cut_after = None
    bring_to_glance(through, given.path, given.digest, place.new())
    assert [image.status for image in refused.glance.find_by({"slipway_run": place.run})] == ["active"]
