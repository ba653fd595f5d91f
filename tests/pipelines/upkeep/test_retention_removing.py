"""Images of the lab's stores removed one after the other, while things change and stores refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from slipway.docker.registry import Registry
from slipway.flow.apps import Apps
from slipway.flow.image import BaseImage
from slipway.flow.property_keys import RegistryKey
from slipway.flow.retention.plan import ImageUses, judge, removals
from slipway.flow.retention.stored import StoredImage
from slipway.pipelines.upkeep.retention.removing import Removing
from slipway.pipelines.upkeep.retention.shelves import Shelves
from tests.pipelines.upkeep.retained import REPOSITORY, Shop, shop

__all__ = ["shop"]

pytestmark = pytest.mark.lab

ENVIRONMENT = {"refs": ["refs/heads/main"], "namespace": "demo"}
APPLICATION = {
    "tenant": "demo",
    "environments": {"production": ENVIRONMENT},
    "retention": {"good": 1, "days": 0},
}
APPS = Apps.from_json({"version": 1, "applications": {REPOSITORY: APPLICATION}})
Look = Callable[[StoredImage], ImageUses]


def facts(running: dict[str, str] | None = None) -> ImageUses:
    return ImageUses(datetime.now(UTC), APPS, running or {}, {}, {})


def remove(
    shop: Shop, shelves: Shelves | None = None, look: Look | None = None, at_work: str = ""
) -> Removing:
    """Remove all that the shop has, as far as it goes."""
    removing = Removing(shelves or shop.shelves, look or (lambda _: facts()), lambda _: at_work)
    for planned in removals(judge(shop.shelves.find([shop.tenant]), facts())):
        removing.remove(planned)
    return removing


def test_everything_goes_and_a_second_run_finds_nothing(shop: Shop) -> None:
    shop.container("a")
    shop.machine("a", "bare_metal")
    shop.machine("b")
    assert (remove(shop).gone, shop.found()) == (3, {})
    assert remove(shop).gone == 0


def test_what_begins_to_run_before_its_turn_stays_whole(shop: Shop) -> None:
    image = shop.machine("a")
    before = shop.found()
    removing = remove(shop, look=lambda _: facts({str(image.glance): "server web-1 runs it"}))
    assert (removing.gone, removing.troubles, shop.found()) == (0, [], before)


def test_what_begins_to_run_in_the_last_moment_keeps_its_bytes(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    image = shop.machine("a")
    answers = iter([facts(), facts({image.digest: "server web-1 runs it"})])
    with caplog.at_level(logging.INFO):
        assert remove(shop, look=lambda _: next(answers)).gone == 0
    assert "stays: server web-1 runs it by now" in caplog.text
    left = shop.only()
    assert (left.commits, {image.digest, str(image.glance)} <= left.names) == ((), True)


def test_what_is_held_or_needed_by_a_run_before_its_turn_stays(shop: Shop) -> None:
    digest = shop.container("a")
    assert remove(shop, at_work="run manual__1 of deploy").gone == 0
    planned = removals(judge(shop.shelves.find([shop.tenant]), facts()))
    shop.annotate("a", {RegistryKey.HOLD: "the audit of May"})
    removing = Removing(shop.shelves, lambda _: facts(), lambda _: "")
    for one in planned:
        removing.remove(one)
    assert (removing.gone, shop.found().keys()) == (0, {digest})


def test_an_image_that_cannot_be_removed_is_named_and_the_others_go(shop: Shop) -> None:
    digest, image = shop.container("a"), shop.machine("b")
    with Registry(shop.shelves.registry.registry.host, "nobody", "wrong").client() as refusing:
        removing = remove(shop, replace(shop.shelves, registry=refusing))
    assert removing.gone == 1
    [trouble] = removing.troubles
    assert trouble.startswith(f"shop container aaaaaaaaaaaa ({digest[:19]}) is not removed: ")
    assert "Check the login" in trouble
    assert shop.found().keys() == {digest}
    assert shop.both.glance.find(str(image.glance)) is None


def test_what_another_was_built_upon_stays_as_long_as_that(shop: Shop) -> None:
    base = shop.machine("a")
    upon = BaseImage(name="base", digest=base.digest, reference=base.reference, served_by="artifactory")
    built = shop.machine("b", bases=(upon,))

    def look(stored: StoredImage) -> ImageUses:
        return facts({built.digest: "server web-1 runs it"} if stored.digest == built.digest else {})

    assert remove(shop, look=look).gone == 0
    assert shop.found().keys() == {base.digest, built.digest}
    assert remove(shop).gone == 2
