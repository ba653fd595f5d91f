"""How many examples hypothesis tries: a few each time that tests run, all of them before a release.

``SLIPWAY_EXAMPLES=all`` is what ``make test-release`` sets. https://hypothesis.readthedocs.io/en/latest/settings.html
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

ALL = os.environ.get("SLIPWAY_EXAMPLES") == "all"
SHARE = 4
USUAL = 100
"""Hypothesis' own default."""


def examples(number: int) -> settings:
    """Return the setting of a test that is worth ``number`` examples: all of them, or a share."""
    return settings(max_examples=number if ALL else max(number // SHARE, 1))


def load() -> None:
    """Have every test tried so; none judges how fast the machine is."""
    settings.register_profile(
        "slipway", examples(USUAL), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("slipway")
