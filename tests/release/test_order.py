"""Platforms one after the other, where ``slipway.yaml`` gives an order."""

from __future__ import annotations

from slipway.rollout.order import earlier


def test_only_platforms_that_are_named_and_part_of_the_release_come_before() -> None:
    every = {"container": {"a": 1}, "vm": {"a": 1}, "bare_metal": None}
    assert earlier(["vm", "container"], "container", every) == ["vm"]
    assert earlier(["vm", "container"], "vm", every) == []
    assert earlier(["bare_metal", "vm", "container"], "container", every) == ["vm"]
    assert earlier(["vm"], "container", every) == []
    assert earlier([], "container", every) == []
