"""The committed schemas are those of the records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from slipway.flow.record import SlipwayError
from slipway.flow.schema import DOCUMENTS, schema

COMMITTED = Path(__file__).parents[2] / "include" / "schema"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_committed_schema_is_current(document: str) -> None:
    path = COMMITTED / f"{document}.schema.json"
    assert json.loads(path.read_text()) == schema(document), (
        f"make it anew: python -m slipway.cli schema {document} > {path.relative_to(COMMITTED.parents[1])}"
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_schema_is_itself_valid(document: str) -> None:
    Draft202012Validator.check_schema(schema(document))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_record_says_what_it_is(document: str) -> None:
    definitions = schema(document)["$defs"]
    assert [name for name, record in definitions.items() if not record.get("description")] == []


def test_unknown_document_names_the_known() -> None:
    with pytest.raises(SlipwayError, match="slipway, apps"):
        schema("nothing")
