"""``slipway schema``: the JSON Schema that editors and CI check documents with."""

from __future__ import annotations

import argparse
import json

from slipway.cli import OK


def run(options: argparse.Namespace) -> int:
    """Print the schema of ``options.document`` (JSON Schema 2020-12)."""
    print(json.dumps(_schema(options.document), indent=2))
    return OK


def _schema(document: str) -> dict[str, object]:
    from slipway.flow.schema import schema

    return schema(document)
