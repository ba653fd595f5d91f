"""What decides an image, and the names that follow from it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slipway.docker.inputs import (
    INPUT_LABEL,
    REVISION_LABEL,
    ContainerInputs,
    arguments,
    input_tag,
    labels,
    served_from,
)
from slipway.docker.reference import parse
from slipway.flow.image import BaseImage
from slipway.flow.image_place import ImagePlace
from slipway.flow.push import PushEvent
from slipway.flow.spec import Container

A, B, C = ("sha256:" + digit * 64 for digit in "abc")
PUSH = PushEvent(repository="tests/app", ref="refs/heads/main", commit="1" * 40)
BASE = BaseImage(name="busybox:1.36", digest=C, reference=f"r/busybox@{C}", served_by="artifactory")
INPUTS = ContainerInputs(dockerfile=A, context=B, arguments={"X": "1"}, target=None, bases=(BASE,))


@pytest.mark.parametrize(
    "change",
    [
        {"dockerfile": B},
        {"context": A},
        {"arguments": {"X": "2"}},
        {"arguments": {"X": "1", "Y": ""}},
        {"target": "page"},
        {"bases": ()},
        {"bases": (BASE.model_copy(update={"digest": A}),)},
        {"bases": (BASE.model_copy(update={"name": "busybox"}),)},
    ],
    ids=str,
)
def test_whatever_decides_the_bytes_decides_the_digest(change: dict[str, object]) -> None:
    assert INPUTS.model_copy(update=change).digest != INPUTS.digest


def test_order_and_where_a_base_came_from_decide_nothing() -> None:
    second = BaseImage(name="debian:12", digest=A, reference="r/d", served_by="docker-hub")
    one = INPUTS.model_copy(update={"arguments": {"X": "1", "Y": "2"}, "bases": (BASE, second)})
    moved = BASE.model_copy(update={"reference": "elsewhere/x", "served_by": "docker-hub"})
    two = INPUTS.model_copy(update={"arguments": {"Y": "2", "X": "1"}, "bases": (second, moved)})
    assert one.digest == two.digest


def test_inputs_travel_as_json() -> None:
    assert ContainerInputs.from_json(INPUTS.to_json()).digest == INPUTS.digest


@pytest.mark.parametrize(
    ("dockerfile", "told"),
    [
        (b"FROM a\nARG SLIPWAY_COMMIT\n", True),
        (b"FROM a\n  arg SLIPWAY_COMMIT=unknown\n", True),
        (b"ARG SLIPWAY_COMMIT\nFROM a\n", True),
        (b"FROM a\nARG SLIPWAY_COMMITTER\n", False),
        (b"FROM a\n# ARG SLIPWAY_COMMIT\n", False),
        (b"FROM a\nRUN echo ARG SLIPWAY_COMMIT\n", False),
    ],
)
def test_only_a_dockerfile_that_asks_is_told_the_commit(dockerfile: bytes, told: bool) -> None:
    given = arguments(Container(args={"X": "1"}), dockerfile, PUSH)
    assert given == ({"X": "1", "SLIPWAY_COMMIT": PUSH.commit} if told else {"X": "1"})


def test_the_commit_cannot_be_forged_in_slipway_yaml() -> None:
    given = arguments(Container(args={"SLIPWAY_COMMIT": "2" * 40}), b"ARG SLIPWAY_COMMIT\n", PUSH)
    assert given["SLIPWAY_COMMIT"] == PUSH.commit


def test_names_are_names_of_images() -> None:
    place = str(ImagePlace("docker-local", "demo", "hello", "container"))
    assert place == "docker-local/demo/hello"
    tagged = parse(f"images.example.org/{place}:{input_tag(INPUTS.digest)}")
    assert (tagged.repository, tagged.tag) == (place, f"in-{INPUTS.digest[7:47]}")
    assert input_tag(A) != input_tag(B)


def test_labels_say_what_from_where_and_when() -> None:
    committed = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert labels(PUSH, "https://example.org/tests/app.git", "app", committed, A) == {
        "org.opencontainers.image.title": "app",
        "org.opencontainers.image.source": "https://example.org/tests/app.git",
        "org.opencontainers.image.created": "2026-01-02T03:04:05+00:00",
        REVISION_LABEL: PUSH.commit,
        INPUT_LABEL: A,
    }


def test_each_base_is_taken_from_where_it_was_found() -> None:
    assert served_from([BASE]) == {"busybox:1.36": f"r/busybox@{C}"}
