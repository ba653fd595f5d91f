"""Names of images are read as docker reads them."""

from __future__ import annotations

import pytest

from slipway.docker.errors import DockerError
from slipway.docker.reference import HUB, Reference, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("busybox", Reference(HUB, "library/busybox")),
        ("busybox:1.36", Reference(HUB, "library/busybox", "1.36")),
        ("team/app:v1_2-x", Reference(HUB, "team/app", "v1_2-x")),
        ("docker.io/busybox", Reference(HUB, "library/busybox")),
        ("index.docker.io/library/busybox:1", Reference(HUB, "library/busybox", "1")),
        (f"busybox@{DIGEST}", Reference(HUB, "library/busybox", None, DIGEST)),
        (f"busybox:1@{DIGEST}", Reference(HUB, "library/busybox", "1", DIGEST)),
        ("localhost/app", Reference("localhost", "app")),
        ("127.0.0.1:5001/a/b/c:x", Reference("127.0.0.1:5001", "a/b/c", "x")),
        ("[::1]:5000/app", Reference("[::1]:5000", "app")),
        ("images.example.org/a__b/c-d.e", Reference("images.example.org", "a__b/c-d.e")),
    ],
)
def test_a_name_has_a_registry_a_repository_and_an_identifier(text: str, expected: Reference) -> None:
    assert parse(text) == expected


def test_the_digest_wins_over_the_tag_and_nothing_means_latest() -> None:
    assert parse(f"busybox:1@{DIGEST}").identifier == DIGEST
    assert parse("busybox:1").identifier == "1"
    assert parse("busybox").identifier == "latest"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "is not an image name"),
        ("Busybox", "lower case"),
        ("-busybox", "is not an image name"),
        ("../etc/passwd", "is not an image name"),
        ("a//b", "is not an image name"),
        ("a/", "is not an image name"),
        ("busy box", "is not an image name"),
        ("busybox\n", "is not an image name"),
        ("busybox:", "is not a tag"),
        ("busybox:a/b", "is not a tag"),
        ("busybox:1\n", "is not a tag"),
        ("busybox:" + "a" * 129, "is not a tag"),
        ("busybox@", "the digest is not sha256"),
        ("busybox@sha256:abc", "the digest is not sha256"),
        (f"busybox@{DIGEST}\n", "the digest is not sha256"),
        ("busybox@sha512:" + "a" * 128, "the digest is not sha256"),
        ("a/" * 130 + "b", "is not an image name"),
    ],
)
def test_what_is_no_name_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(DockerError, match=rule):
        parse(text)
