"""Airflow's UI in Debian's chromium, logged in as a person."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lab.access import Lab
from lab.debian import install, missing
from lab.paths import this_checkout

PACKAGES = ("chromium", "fonts-dejavu-core")
CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 120_000
IMAGES = Path(__file__).parents[2] / "docs" / "images"
WANTED = "SLIPWAY_SCREENSHOTS"
"""Environment variable: ``1`` has docs/images taken anew."""

Keep = Callable[[str], None]


# A module's: as long as playwright runs, it has an event loop that tests of others would meet.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if lacking := missing(PACKAGES):
        install(lacking, this_checkout().logs / "browser-packages.log")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def visitor(lab: Lab, browser: Browser) -> Page:
    """A page of somebody who has not logged in."""
    context = browser.new_context(
        base_url=lab.airflow.url,
        viewport={"width": 1280, "height": 900},
        device_scale_factor=1.5,
        color_scheme="light",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@pytest.fixture(scope="module")
def page(lab: Lab, visitor: Page) -> Page:
    """A page of the lab's administrator, who logged in as people do."""
    log_in(visitor, lab.airflow.user, lab.airflow.password)
    visitor.get_by_role("link", name="Dags", exact=True).wait_for()
    return visitor


def log_in(page: Page, user: str, password: str) -> None:
    page.goto("/auth/login/")
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign In").click()


@pytest.fixture
def keep(page: Page) -> Keep:
    """Keep what the page shows as a picture of the documentation, when that is asked for."""

    def take(name: str) -> None:
        picture = page.screenshot(animations="disabled")
        if os.environ.get(WANTED) == "1":
            IMAGES.mkdir(exist_ok=True)
            (IMAGES / f"{name}.png").write_bytes(picture)

    return take
