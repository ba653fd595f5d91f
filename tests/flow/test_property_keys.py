"""The keys of what Slipway writes on images, servers and nodes: written once, and for ever."""

from __future__ import annotations

import ast
from pathlib import Path

from slipway.flow.property_keys import CloudKey, RegistryKey

PACKAGE = Path(__file__).parents[2] / "plugins/slipway"
OTHERS = {
    PACKAGE / "flow/property_keys.py",
    PACKAGE / "packer/variables.py",  # variables of a template, two of which have the same names
}


def keys(of: type) -> dict[str, str]:
    return {name: value for name, value in vars(of).items() if name.isupper()}


def test_what_older_versions_wrote_is_found() -> None:
    named = {name: name.lower() for name in keys(CloudKey)}
    assert keys(CloudKey) == {name: f"slipway_{key}" for name, key in named.items()}
    named = {name: name.lower() for name in keys(RegistryKey)} | {"FORMAT": "disk_format"}
    assert keys(RegistryKey) == {name: f"slipway.{key}" for name, key in named.items()}
    assert set(keys(CloudKey)) >= {"KEY", "RUN", "IMAGE", "DEPLOYMENT", "LEDGER", "KEPT", "BEFORE", "HOLD"}
    assert set(keys(RegistryKey)) >= {"REPOSITORY", "BASES", "SHA512", "PUBLISHED", "BOOT", "HOLD", "FAILED"}


def test_a_key_is_written_in_one_module() -> None:
    known = {*keys(CloudKey).values(), *keys(RegistryKey).values()}
    known -= {CloudKey.DEPLOYMENT}  # which is an asset's name, too
    again = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path not in OTHERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and str(node.value).rstrip(".=") in known
    ]
    assert again == []
