"""Images in another cloud than they were built in: another project of the lab's cloud."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.flow.environments import CLOUD
from slipway.flow.image import Image
from slipway.openstack.glance.glance import Glance
from slipway.pipelines.images.copying import hand_on, keep_file
from slipway.pipelines.images.placing import placed
from slipway.pipelines.images.stores import Stores
from tests.pipelines.places import Place

pytestmark = pytest.mark.lab

OTHER = "slipway_openstack_other"
MIB = 1024**2


@pytest.fixture
def other(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Glance]:
    """Glance as bob's project sees it, which has a connection of Airflow's."""
    for name, value in connections(lab.variables).items():
        monkeypatch.setenv(name, value)
    region = lab["SLIPWAY_OPENSTACK_REGION"]
    login = {
        "auth_url": lab["SLIPWAY_OPENSTACK_URL"],
        "username": "bob",
        "password": lab["SLIPWAY_BOB_PASSWORD"],
        "project_name": "other",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    options = {"load_yaml_config": False, "load_envvars": False, "region_name": region}
    with openstack.connect(auth=login, image_api_version="2", api_timeout=30, **options) as cloud:
        user, name = str(cloud.current_user_id), f"tests-{secrets.token_hex(4)}"
        made = cloud.identity.create_application_credential(user, name, roles=[{"name": "member"}])
        monkeypatch.setenv(f"AIRFLOW_CONN_{OTHER.upper()}", _connection(login["auth_url"], made, region))
        yield Glance(cloud)
        cloud.identity.delete_application_credential(user, made.id)


def _connection(address: str, made: object, region: str) -> str:
    return json.dumps(
        {
            "conn_type": "slipway_openstack",
            "host": address,
            "login": made.id,  # type: ignore[attr-defined]
            "password": made.secret,  # type: ignore[attr-defined]
            "extra": {"region": region},
        }
    )


@pytest.fixture
def image(both: Stores, place: Place, tmp_path: Path) -> Image:
    """An image that was built, in the cloud that images are built in."""
    content = os.urandom(2 * MIB + 11)
    (tmp_path / "app.raw").write_bytes(content)
    kept = keep_file(both, tmp_path / "app.raw", place.path(), place.new())
    hand_on(both, kept)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Image(
        platform="vm",
        application="app",
        repository="tests/app",
        commit="a" * 40,
        digest=digest,
        input_digest=digest,
        reference=place.path(),
        glance=kept.glance,
    )


def test_the_same_bytes_are_there_once_and_found_again(both: Stores, other: Glance, image: Image) -> None:
    first = placed(image, OTHER, {"os_distro": "debian"}, "run 1")
    assert first.glance is not None
    assert first.glance != image.glance
    try:
        made, known = other.get(first.glance), both.glance.get(str(image.glance))
        assert (made.status, made.hash_value) == ("active", known.hash_value)
        assert (made.owner_id != known.owner_id, made.is_hidden) == (True, False)
        assert made.properties["slipway_run"] == "run 1"
        assert placed(image, OTHER, {}, "run 2") == first
        assert first.model_copy(update={"glance": image.glance}) == image
    finally:
        other.delete(str(first.glance))


def test_an_image_of_others_that_has_its_id_is_not_taken_for_it(other: Glance, image: Image) -> None:
    """An id is known to whoever knows the place; so it says nothing about bytes."""
    taken = other.cloud.image.create_image(
        "planted", disk_format="raw", container_format="bare", data=b"x" * MIB, wait=True
    )
    planted = image.model_copy(update={"glance": taken.id})
    found = None
    try:
        found = placed(planted, OTHER, {}, "run 1").glance
        assert str(found) != str(taken.id)
    finally:
        for one in {str(taken.id), str(found)} - {"None"}:
            other.delete(one)


def test_where_it_was_built_its_id_is_its_id_and_is_found_when_it_is_not_known(
    both: Stores, other: Glance, image: Image
) -> None:
    assert placed(image, CLOUD, {}, "run 1") is image
    assert placed(image.model_copy(update={"glance": None}), CLOUD, {}, "run 1").glance == image.glance
