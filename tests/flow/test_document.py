"""What no document may cost or say, whatever it is meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flow.document import MAX_BYTES, DocumentError, load
from slipway.flow.spec import BuildSpec

GOOD = b"version: 1\nname: hello\n"


def refusal(data: bytes) -> str:
    with pytest.raises(DocumentError) as error:
        load(data, BuildSpec, "slipway.yaml")
    return str(error.value)


def test_largest_document_is_read() -> None:
    data = GOOD + b"#" * (MAX_BYTES - len(GOOD))
    assert load(data, BuildSpec, "slipway.yaml").name == "hello"


def test_ten_megabytes_are_refused_unread() -> None:
    assert "is 10485760 bytes; at most 262144" in refusal(b"[" * 10 * 1024 * 1024)


def test_billion_laughs_is_refused_at_its_first_line() -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(
        b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 122)
    )
    assert refusal(bomb).startswith("slipway.yaml:1: has the anchor &a")


def test_deepest_nesting_that_fits_is_refused_without_recursion() -> None:
    assert "nested deeper than 24 levels" in refusal(b"[" * (MAX_BYTES - 1))


def test_bytes_that_are_not_utf8_are_named() -> None:
    assert refusal(b"version: 1\nname: \xff\n") == (
        "slipway.yaml:2: byte 18 is not UTF-8. Save the file as UTF-8."
    )


def test_utf16_is_not_read() -> None:
    assert "is not UTF-8" in refusal(GOOD.decode().encode("utf-16"))


def test_byte_order_mark_is_read_over() -> None:
    assert load(b"\xef\xbb\xbf" + GOOD, BuildSpec, "slipway.yaml").name == "hello"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# only a comment\n", b"---\n...\n"])
def test_empty_document(data: bytes) -> None:
    assert "slipway.yaml" in refusal(data)


def test_control_characters_are_refused_with_their_line() -> None:
    assert refusal(b"version: 1\nname: he\x07llo\n").startswith("slipway.yaml:2: has a character")


def test_all_errors_are_told_up_to_twenty() -> None:
    fields = b"".join(b"unknown_%d: 1\n" % number for number in range(50))
    lines = refusal(GOOD + fields).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "slipway.yaml: and 30 more; correct these first"


def test_error_never_carries_a_control_character() -> None:
    text = refusal(GOOD + b'"\\e[2J\\n": 1\n')
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1


def test_value_of_a_field_is_not_told() -> None:
    assert "s3cret" not in refusal(GOOD + b"container: {args: {1: s3cret}, context: /s3cret}\n")


def test_long_numbers_are_refused_before_they_cost() -> None:
    assert "number of more than 40 digits" in refusal(b"version: " + b"9" * 5000 + b"\n")


@given(
    st.binary(max_size=300)
    | st.text(alphabet="{}[]:,-&*!|>'\"%@`#?<~ \n\tabc01.", max_size=120).map(str.encode)
)
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    try:
        told = load(data, BuildSpec, "slipway.yaml").name
    except DocumentError as error:
        told = str(error)
    assert told.startswith("slipway.yaml") or told in data.decode()
