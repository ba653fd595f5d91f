"""The registry of platforms: everything that has to know them does, and calls them as before."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from slipway import assets
from slipway.cli import parser
from slipway.flow.ended import KINDS
from slipway.flow.plans import PLAN_TYPES
from slipway.flow.platforms import PIPELINES, PLATFORMS, Platform
from slipway.flow.schema import schema
from slipway.flow.spec import BuildSpec
from slipway.pipelines.release.plans import PLANS

DAGS = Path(__file__).parents[1] / "dags"


def test_every_platform_is_known_everywhere() -> None:
    assert list(PLATFORMS) == ["container", "vm", "bare_metal"]
    assert set(PLATFORMS) == set(get_args(Platform)) == set(PLANS) == set(PLAN_TYPES) == set(assets.IMAGES)
    assert all(name in BuildSpec.model_fields for name in PLATFORMS)
    enum = schema("slipway")["properties"]["order"]["items"]["enum"]
    assert enum == list(get_args(Platform)) == ["vm", "bare_metal", "container"]
    for name, pipeline in PIPELINES.items():
        assert (DAGS / f"{pipeline}.py").is_file()
        assert parser().parse_args(["run", pipeline, "--app", "o/n"]).pipeline == pipeline == f"{name}_image"
        assert pipeline in KINDS


def test_names_that_airflow_and_people_know_stay() -> None:
    assert {one.name: one.uri for one in assets.IMAGES.values()} == {
        "slipway_container_image": "slipway://image/container",
        "slipway_vm_image": "slipway://image/vm",
        "slipway_bare_metal_image": "slipway://image/bare-metal",
    }
    assert KINDS == {
        "container_image": "container image",
        "vm_image": "VM image",
        "bare_metal_image": "bare-metal image",
        "deploy": "deployment",
        "push": "push",
    }
    labels = [one.label for one in PLATFORMS.values()]
    assert labels == ["Kubernetes", "OpenStack Nova", "OpenStack Ironic"]
