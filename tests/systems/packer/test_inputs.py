"""Equal inputs, equal image: what counts as an input, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.flow.image import BaseImage
from slipway.flow.image_place import ImagePlace
from slipway.packer.inputs import TemplateInputs, build_name

BASE = BaseImage(
    name="generic-local/a.qcow2", digest=f"sha256:{'1' * 64}", reference="x", served_by="artifactory"
)
KNOWN = TemplateInputs(
    template="a.json", context="c" * 40, variables={"A": "1"}, tool="1.6.6", boot="{}", base=BASE
)


@pytest.mark.parametrize(
    "changed",
    [
        {"template": "b.json"},
        {"context": "d" * 40},
        {"variables": {"A": "2"}},
        {"variables": {"A": "1", "B": ""}},
        {"tool": "1.7.0"},
        {"boot": '{"ssh": true}'},
        {"base": BASE.model_copy(update={"digest": f"sha256:{'2' * 64}"})},
        {"base": None},
        {"disk_format": "raw"},
    ],
)
def test_every_input_makes_another_image(changed: dict[str, Any]) -> None:
    assert KNOWN.model_copy(update=changed).digest != KNOWN.digest


def test_where_a_base_was_makes_none() -> None:
    moved = BASE.model_copy(update={"name": "other", "reference": "there", "served_by": "glance"})
    assert KNOWN.model_copy(update={"base": moved}).digest == KNOWN.digest


def test_names() -> None:
    place = ImagePlace("k", "t", "shop", "vm")
    assert place.image(KNOWN.digest, "qcow2") == f"k/t/shop/vm/{KNOWN.digest[7:47]}/shop.qcow2"
    name = build_name("shop", "scheduled__2030-01-01")
    assert name == build_name("shop", "scheduled__2030-01-01")
    assert name.startswith("slipway-build-shop-")
    assert name != build_name("shop", "scheduled__2030-01-02")
