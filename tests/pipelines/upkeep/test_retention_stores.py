"""What retention finds in the lab's stores, and how it goes: every kind of image, every kind of thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from slipway.flow.image import BaseImage, Image, properties
from slipway.flow.image_place import ImagePlace
from slipway.flow.property_keys import RegistryKey
from slipway.flow.retention.plan import ImageVerdict, removals
from slipway.flow.retention.stored import StoredImage, ThingKind
from slipway.pipelines.upkeep.retention.shelves import StaysError
from tests.pipelines.upkeep.retained import REPOSITORY, Shop, shop

__all__ = ["shop"]

pytestmark = pytest.mark.lab


def kinds(stored: StoredImage) -> dict[str, int]:
    names = [thing.kind.name for thing in stored.things]
    return {name: names.count(name) for name in names}


def test_a_container_image_is_found_with_all_its_tags_and_goes_by_its_digest(shop: Shop) -> None:
    digest, other = shop.container("a"), shop.container("b")
    shop.tag(digest, "c" * 40)
    place = f"docker-local/{shop.tenant}/shop"
    stored = shop.found()[digest]
    assert (stored.platform, stored.application, stored.repository) == ("container", "shop", REPOSITORY)
    assert set(stored.commits) == {"a" * 40, "c" * 40}
    assert {digest, f"{place}:{'a' * 40}"} <= stored.names
    assert kinds(stored) == {"TAG": 3, "MANIFEST": 1}
    assert timedelta() <= datetime.now(UTC) - stored.made < timedelta(minutes=5)

    gone = [shop.shelves.remove(thing) for thing in stored.things if thing.kind is ThingKind.TAG]
    assert gone == [True, True, True]
    for thing in stored.things:
        shop.shelves.remove(thing)
    assert shop.shelves.registry.find_manifest(place, digest) is None
    assert shop.found().keys() == {other}
    assert not any(shop.shelves.remove(thing) for thing in stored.things), "what is gone is gone"
    assert shop.shelves.find_again(stored) is None


def test_a_container_image_that_somebody_holds_or_named_says_so(shop: Shop) -> None:
    held, named = shop.container("a"), shop.container("b")
    shop.annotate("a", {RegistryKey.HOLD: "the audit of May"})
    shop.tag(named, "stable")
    found = shop.found()
    assert (found[held].hold, found[named].hold) == ("the audit of May", "someone else tagged it stable")


def test_a_container_image_needs_what_it_was_built_upon(shop: Shop) -> None:
    base, built = shop.container("a"), shop.container("b")
    image = Image(
        platform="container",
        application=shop.name,
        repository=REPOSITORY,
        commit="b" * 40,
        digest=built,
        input_digest=built,
        reference=f"registry/docker-local/{shop.tenant}/{shop.name}@{built}",
        bases=(
            BaseImage(name="base", digest=base, reference="r", served_by="artifactory"),
            BaseImage(name="else", digest=f"sha256:{'d' * 64}", reference="r", served_by="docker-hub"),
        ),
    )
    shop.annotate("b", properties(image, shop.push("b")))
    found = shop.found()
    assert found[built].needs == {base, f"sha256:{'d' * 64}"}
    assert base in found[base].names


def test_an_image_without_the_labels_of_a_build_is_somebody_elses(shop: Shop) -> None:
    shop.container("a", built_here=False)
    with pytest.raises(StaysError, match="someone else pushed it"):
        shop.shelves.find_again(shop.only())


def test_a_tag_that_names_another_image_by_now_stays(shop: Shop) -> None:
    first, second = shop.container("a"), shop.container("b")
    stored = shop.found()[first]
    shop.tag(second, "a" * 40)
    [tag] = [thing for thing in stored.things if thing.id.endswith("a" * 40)]
    with pytest.raises(StaysError, match=f"is now {second}, and was {first}"):
        shop.shelves.remove(tag)


def test_an_image_that_is_used_again_meanwhile_stays(shop: Shop) -> None:
    digest = shop.container("a")
    stored = shop.only()
    assert shop.shelves.find_again(stored) == stored
    shop.tag(digest, "b" * 40)
    with pytest.raises(StaysError, match=f"shop:{'b' * 40} was added to it meanwhile"):
        shop.shelves.find_again(stored)


def test_a_machine_image_is_found_with_its_copies_records_and_parts(shop: Shop) -> None:
    base = BaseImage(name="base", digest=f"sha256:{'d' * 64}", reference="some/base", served_by="artifactory")
    image = shop.machine("a", "bare_metal", (base,))
    stored = shop.only()
    assert (stored.platform, stored.repository, stored.digest) == ("bare_metal", REPOSITORY, image.digest)
    assert stored.commits == ("a" * 40,)
    assert kinds(stored) == {
        "COMMIT_RECORD": 1,
        "INPUTS_RECORD": 1,
        "GLANCE_IMAGE": 1,
        "GLANCE_PART": 2,
        "FILE": 3,
    }
    assert {image.digest, str(image.glance), image.reference} <= stored.names
    parts = {str(part.glance) for part in image.parts.values()}
    assert {base.digest, base.reference, *parts} <= stored.needs
    assert parts & stored.names == set()
    assert stored.size > 6 * 4096


def test_a_machine_image_goes_and_leaves_nothing(shop: Shop) -> None:
    image, other = shop.machine("a", "bare_metal"), shop.machine("b")
    found = shop.found()
    [planned] = removals([ImageVerdict(stored=found[image.digest], keep=False, reason="")])
    assert [thing.kind for thing in planned.things] == sorted(thing.kind for thing in planned.things)
    assert all(shop.shelves.remove(thing) for thing in planned.things)
    assert shop.found() == {other.digest: found[other.digest]}
    assert not any(shop.shelves.remove(thing) for thing in planned.things), "what is gone is gone"
    for glance in (image.glance, *(part.glance for part in image.parts.values())):
        assert shop.both.glance.find(str(glance)) is None


def test_a_kernel_stays_with_the_image_that_still_needs_it(shop: Shop) -> None:
    first = shop.machine("a", "bare_metal")
    second = shop.machine("b", "bare_metal", kernel=first.parts["kernel"])
    found = shop.found()
    verdicts = [
        ImageVerdict(stored=found[first.digest], keep=False, reason=""),
        ImageVerdict(stored=found[second.digest], keep=True, reason="held"),
    ]
    [planned] = removals(verdicts)
    for thing in planned.things:
        shop.shelves.remove(thing)
    kernel = shop.both.glance.find(str(first.parts["kernel"].glance))
    assert kernel is not None
    assert shop.both.files.find(first.parts["kernel"].reference) is not None
    assert shop.both.glance.find(str(first.glance)) is None
    left = {one.digest or one.title: one for one in shop.shelves.find([shop.tenant])}
    assert kinds(left[second.digest]) == kinds(found[second.digest])


@pytest.mark.parametrize("where", ["artifactory", "glance", "protected", "shared"])
def test_a_machine_image_that_somebody_holds_says_so(shop: Shop, where: str) -> None:
    image = shop.machine("a")
    glance = shop.both.glance
    if where == "artifactory":
        shop.both.files.annotate(image.reference, {RegistryKey.HOLD: "the audit of May"})
    elif where == "glance":
        glance.annotate(str(image.glance), {"slipway_hold": "the audit of May"})
    else:
        change = {"protected": True} if where == "protected" else {"visibility": "shared"}
        glance.cloud.image.update_image(str(image.glance), **change)
    stored = shop.only()
    assert stored.hold == {
        "protected": "it is protected in Glance",
        "shared": "others may use it: it is shared in Glance",
    }.get(where, "the audit of May")
    if where != "artifactory":
        [copy] = [thing for thing in stored.things if thing.kind is ThingKind.GLANCE_IMAGE]
        with pytest.raises(StaysError, match="in Glance stays"):
            shop.shelves.remove(copy)
    if where == "protected":
        glance.cloud.image.update_image(str(image.glance), protected=False)


def test_a_record_that_was_written_again_stays(shop: Shop) -> None:
    image = shop.machine("a")
    stored = shop.only()
    path = ImagePlace("generic-local", shop.tenant, "shop", "vm").commit_record("a" * 40)
    shop.both.files.put_json(path, image.to_json() | {"commit": "e" * 40})
    [record] = [thing for thing in stored.things if thing.kind is ThingKind.COMMIT_RECORD]
    with pytest.raises(StaysError, match=r"is now .* and was"):
        shop.shelves.remove(record)


def test_what_slipway_did_not_make_is_not_touched(shop: Shop) -> None:
    image = shop.machine("a")
    beside = f"{image.reference.rpartition('/')[0]}/notes"
    shop.both.files.put_json(f"generic-local/{shop.tenant}/shop/vm/notes.json", {})
    shop.both.files.put_json(f"generic-local/{shop.tenant}/base.json", {})
    shop.both.files.request("PUT", beside, data=b"mine").raise_for_status()
    assert shop.only().hold == "notes beside it is not Slipway's"


def test_a_record_of_another_version_keeps_its_image(shop: Shop) -> None:
    image = shop.machine("a")
    shop.both.files.put_json(f"{image.reference.rpartition('/')[0]}/image.json", {"version": 9})
    assert shop.only().hold == "image.json cannot be read by this version of Slipway"


def test_what_a_run_left_that_died_while_it_removed_is_found_and_goes(shop: Shop) -> None:
    shop.machine("a", "bare_metal")
    [planned] = removals([ImageVerdict(stored=shop.only(), keep=False, reason="")])
    for number, thing in enumerate(planned.things):
        left = shop.only()
        assert left.repository == REPOSITORY
        assert {one.id for one in left.things} == {one.id for one in planned.things[number:]}
        assert shop.shelves.remove(thing)
    assert shop.found() == {}
