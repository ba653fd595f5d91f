"""The JSON Schemas of what people write, made from the records that read it.

``include/schema/`` holds them for editors: ``slipway schema slipway > include/schema/slipway.schema.json``.
"""

from __future__ import annotations

from typing import Any, Final

from slipway.flow.apps import Apps
from slipway.flow.record import Record, SlipwayError
from slipway.flow.spec import BuildSpec
from slipway.flow.tenancy.policy import Policy

DOCUMENTS: Final[dict[str, type[Record]]] = {"slipway": BuildSpec, "apps": Apps, "tenancy": Policy}


def schema(document: str) -> dict[str, Any]:
    """Return the schema of ``document`` (one of :data:`DOCUMENTS`), in JSON Schema 2020-12.

    :raises SlipwayError: when there is no such document.
    """
    if document not in DOCUMENTS:
        raise SlipwayError(f"no schema of {document!r}; there is one of: {', '.join(DOCUMENTS)}")
    made = _with_key_rules(DOCUMENTS[document].model_json_schema())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:slipway:schema:{document}:1",
        **made,
        "title": f"{document}.yaml",
    }


def _with_key_rules(node: Any) -> Any:
    """Move a mapping's key pattern to where validators refuse by it and editors find its message."""
    if isinstance(node, list):
        return [_with_key_rules(item) for item in node]
    if not isinstance(node, dict):
        return node
    done = {key: _with_key_rules(value) for key, value in node.items()}
    if isinstance(done.get("patternProperties"), dict) and "propertyNames" in done:
        ((pattern, values),) = done.pop("patternProperties").items()
        done |= {
            "additionalProperties": values,
            "propertyNames": {"pattern": pattern} | done["propertyNames"],
        }
    return done
