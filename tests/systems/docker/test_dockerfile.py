"""Which images a Dockerfile names, and the same file with them pinned."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from slipway.docker.dockerfile import base_lines, pin
from slipway.docker.errors import DockerfileError

PINNED = "127.0.0.1:5001/docker-remote/library/busybox@sha256:" + "a" * 64
NAME = "docker/Dockerfile"


def images(content: str, **arguments: str) -> list[str]:
    return [line.image for line in base_lines(content.encode(), arguments, NAME)]


def pinned(content: bytes, references: Mapping[str, str] | None = None) -> bytes:
    lines = base_lines(content, {}, NAME)
    return pin(content, lines, references or {line.image: PINNED for line in lines})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("FROM busybox:1.36\n", ["busybox:1.36"]),
        ("from busybox:1.36 as page", ["busybox:1.36"]),
        (f"FROM busybox@sha256:{'b' * 64}\n", [f"busybox@sha256:{'b' * 64}"]),
        ("# a comment\n\n   FROM busybox\n", ["busybox"]),
        ("FROM scratch\nCOPY a /a\n", []),
        ("FROM --platform=linux/amd64 busybox AS x\n", ["busybox"]),
        ("FROM \\\n  busybox:1 \\\n  AS page\nRUN true\n", ["busybox:1"]),
        ("FROM a AS one\nFROM b AS two\nFROM One\n", ["a", "b"]),
        ("FROM a AS one\nFROM scratch\nCOPY --from=one /x /x\nCOPY --from=0 /x /y\n", ["a"]),
        ("FROM a\nFROM b\nCOPY --from=0 /x /x\n", ["a", "b"]),
        ("FROM a\nCOPY --from=tools:2 /bin/t /t\n", ["a", "tools:2"]),
        ("FROM a\nCOPY --chown=1:1 --from=tools:2 /bin/t /t\n", ["a", "tools:2"]),
        ("FROM a\nCOPY --from=later /x /x\nFROM b AS later\n", ["a", "later", "b"]),
        ("FROM a\nCOPY file --from=b /there/\n", ["a"]),
        ("FROM a\nFROM 0\n", ["a", "0"]),
        ("FROM a\nRUN echo \\\n# a comment inside\nFROM nowhere\n", ["a"]),
        ("FROM a\n# FROM b\nRUN echo 'FROM c'\nLABEL x=\"FROM d\"\n", ["a"]),
        ("# escape=`\nFROM a `\n  AS x\nFROM x\n", ["a"]),
        ("\ufeffFROM busybox\n", ["busybox"]),
        ("FROM busybox\r\nRUN true\r\n", ["busybox"]),
    ],
)
def test_every_foreign_image_is_found_and_no_stage(content: str, expected: list[str]) -> None:
    assert images(content) == expected


def test_arguments_before_from_fill_its_name() -> None:
    content = "ARG TAG=1.36\nARG BASE=busybox:$TAG\nFROM ${BASE}\nFROM ${OTHER:-alpine}${TAG:+:x}\n"
    assert images(content) == ["busybox:1.36", "alpine:x"]
    assert images(content, TAG="2") == ["busybox:2", "alpine:x"]
    assert images(content, BASE="debian", TAG="") == ["debian", "alpine"]


def test_an_argument_that_only_slipway_yaml_gives_counts_where_it_is_declared() -> None:
    assert images("ARG BASE\nFROM $BASE\n", BASE="busybox") == ["busybox"]
    with pytest.raises(DockerfileError, match="needs the argument BASE, which has no value"):
        images("FROM $BASE\n", BASE="busybox")


def test_an_argument_of_a_stage_is_none_of_froms() -> None:
    with pytest.raises(
        DockerfileError, match=r"Dockerfile:3: \$BASE needs the argument BASE.*container.args"
    ):
        images("FROM a\nARG BASE=b\nFROM $BASE\n")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "has no FROM. Start it with"),
        ("# nothing\n", "has no FROM"),
        ("ARG A=1\n", "has no FROM"),
        ("RUN true\nFROM busybox\n", "Dockerfile:1: RUN comes before FROM"),
        ("FROM busybox AS\n", "Dockerfile:1: is not `FROM"),
        ("FROM busybox alpine\n", "Dockerfile:1: is not `FROM"),
        ("COPY a b\n", "Dockerfile:1: COPY comes before FROM"),
    ],
)
def test_a_broken_rule_is_named_with_its_line(content: str, rule: str) -> None:
    with pytest.raises(DockerfileError, match=rule) as caught:
        images(content)
    assert str(caught.value).startswith(NAME)


@pytest.mark.parametrize(
    ("content", "byte"), [(b"FROM a\nRUN \xff\n", 11), (b"\xff\xfeF\0R\0O\0M\0", 0), (b"\x80", 0)]
)
def test_bytes_that_are_no_text_are_refused(content: bytes, byte: int) -> None:
    with pytest.raises(DockerfileError, match=rf"is not UTF-8 text \(byte {byte}\). Save it as UTF-8"):
        base_lines(content, {}, NAME)


@pytest.mark.parametrize(
    "rest",
    [
        b"RUN echo hi\n",
        b"RUN echo hi",
        b"\n\n\tRUN  echo   'a  b' \\\n  && true   \n\n\n",
        b"RUN echo one\r\nRUN echo two\r\n",
        "RUN printf 'a\u2028b\x0cc\x1dd\x85ü'\nCMD [\"x\"]\n".encode(),
        b"# escape=`\nRUN echo `\n x\n",
        b"COPY --from=0 /a /b\n",
    ],
)
def test_pinning_changes_no_other_byte(rest: bytes) -> None:
    assert pinned(b"FROM busybox:1.36\n" + rest) == f"FROM {PINNED}\n".encode() + rest


def test_pinning_keeps_the_number_of_every_line() -> None:
    content = b"# first\nFROM --platform=linux/amd64 \\\n  busybox \\\n  AS page\nRUN one\n"
    assert pinned(content) == f"# first\nFROM --platform=linux/amd64 {PINNED} AS page\n\n\nRUN one\n".encode()


def test_every_image_is_pinned_to_its_own_reference() -> None:
    content = b"FROM a AS one\nFROM b\nCOPY --from=one /x /x\nCOPY --chown=0:0 --from=c /y /y\nFROM a\n"
    assert pinned(content, {"a": "r/a@1", "b": "r/b@2", "c": "r/c@3"}) == (
        b"FROM r/a@1 AS one\nFROM r/b@2\nCOPY --from=one /x /x\n"
        b"COPY --chown=0:0 --from=r/c@3 /y /y\nFROM r/a@1\n"
    )


def test_pinning_drops_the_byte_order_mark_that_docker_ignores() -> None:
    assert pinned("\ufeffFROM a\nRUN true\n".encode()) == f"FROM {PINNED}\nRUN true\n".encode()


def test_a_dockerfile_without_a_foreign_image_stays_as_it_is() -> None:
    content = b"FROM scratch\r\nCOPY a /a"
    assert pinned(content) == content


def test_what_is_pinned_names_the_same_images_again() -> None:
    content = b"ARG T=1\nFROM busybox:$T AS a\nFROM a\nCOPY --from=tools /t /t\n"
    again = base_lines(pinned(content), {}, NAME)
    assert [line.image for line in again] == [PINNED, PINNED]
    assert [line.first for line in again] == [2, 4]
