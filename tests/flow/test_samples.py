"""Good and bad documents, read by the loader and by a JSON Schema validator that knows nothing of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from slipway.flow.document import DocumentError, load
from slipway.flow.record import Record
from slipway.flow.schema import DOCUMENTS, schema

SAMPLES = Path(__file__).parents[1] / "samples"
GOOD = sorted((SAMPLES / "good").glob("*.yaml"))
BAD = sorted((SAMPLES / "bad").glob("*.yaml"))


def kind_of(path: Path) -> str:
    return path.name.partition("-")[0]


def schema_accepts(path: Path) -> bool:
    return Draft202012Validator(schema(kind_of(path))).is_valid(core_schema(path.read_text()))


def core_schema(text: str) -> Any:
    """Parse like editors do: the YAML 1.1 words for true and false are strings."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        letter: [(tag, pattern) for tag, pattern in found if not tag.endswith((":bool", ":timestamp"))]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
    return yaml.load(text, Loader)


def said_of(path: Path, mark: str) -> str:
    found = re.search(rf"^# {mark}: (.+)$", path.read_text(), re.MULTILINE)
    assert found, f"{path} lacks its line `# {mark}: ...`"
    return found[1]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_document_is_read_and_its_schema_agrees(path: Path) -> None:
    record = load(path.read_bytes(), DOCUMENTS[kind_of(path)], path.name)
    assert schema_accepts(path)
    assert type(record).from_json(record.to_json()) == record


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_document_in_json_says_the_same(path: Path) -> None:
    model, content = DOCUMENTS[kind_of(path)], path.read_text()
    document = json.dumps(core_schema(content), indent=2)
    assert load(document.encode(), model, path.name) == load(content.encode(), model, path.name)


def fields_of(model: type[Record], seen: set[type[Record]]) -> Iterator[tuple[str, str]]:
    """Yield each field of a record and of the records in it, with the record's name."""
    seen.add(model)
    for name, field in model.model_fields.items():
        yield model.__name__, name
        for inner in records_in(field.annotation):
            if inner not in seen:
                yield from fields_of(inner, seen)


def records_in(annotation: object) -> Iterator[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from records_in(argument)


def fields_set(value: object) -> Iterator[tuple[str, str]]:
    """Yield the fields that a document gives."""
    if isinstance(value, Record):
        for name in value.model_fields_set:
            yield type(value).__name__, name
            yield from fields_set(getattr(value, name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from fields_set(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from fields_set(one)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_field_is_in_a_good_document(document: str) -> None:
    model = DOCUMENTS[document]
    given = {
        field
        for path in GOOD
        if kind_of(path) == document
        for field in fields_set(load(path.read_bytes(), model, path.name))
    }
    fields = set(fields_of(model, set()))
    assert len(fields) > 10
    assert fields - given == set()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_document_is_refused_with_line_field_rule_and_cure(path: Path) -> None:
    with pytest.raises(DocumentError) as refusal:
        load(path.read_bytes(), DOCUMENTS[kind_of(path)], path.name)
    expected = [f"{path.name}{line}" for line in said_of(path, "says").split("|")]
    lines = str(refusal.value).splitlines()
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_schema_refuses_what_can_be_said_in_json_schema(path: Path) -> None:
    expected = said_of(path, "schema")
    assert expected in {"refuses", "accepts", "unreadable"}
    if expected != "unreadable":  # not YAML that a schema could be asked about
        assert schema_accepts(path) is (expected == "accepts")


def test_country_code_of_norway_stays_a_string() -> None:
    path = SAMPLES / "good" / "slipway-everything.yaml"
    spec = DOCUMENTS["slipway"].to_json(load(path.read_bytes(), DOCUMENTS["slipway"], path.name))
    assert spec["container"]["kubernetes"]["env"]["COUNTRY"] == "no"
