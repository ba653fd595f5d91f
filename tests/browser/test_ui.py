"""What a person sees of Slipway in Airflow's UI: forms, runs, and the log of a build that failed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from lab.access import Lab
from lab.paths import this_checkout
from tests.browser.conftest import PATIENCE_MS, Keep, log_in
from tests.dags.pushing import DAG, Run, application, run_with_id

pytestmark = pytest.mark.lab
expect.set_options(timeout=PATIENCE_MS)

GOOD = "FROM busybox:1.36\nCOPY slipway.yaml /\n"
BAD = "FROM busybox:0.0.1\nCOPY slipway.yaml /\n"
CURE = "Check its name and tag in the Dockerfile."


@dataclass(frozen=True)
class Runs:
    """A push that went well, all the way, and one that did not."""

    built: Run
    deployed: Run
    failed: Run


@pytest.fixture(scope="module")
def runs(lab: Lab, airflow_api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with application(lab, airflow_api, tmp_path_factory.mktemp("ui") / "work") as app:
        good = app.push({"slipway.yaml": app.spec, "Dockerfile": GOOD})
        bad = app.push({"slipway.yaml": app.spec, "Dockerfile": BAD}, f"only-by-hand/{app.name}")
        failed = app.start(ref=bad.ref, commit=bad.commit)
        yield Runs(app.run(good), app.deployed(good), run_with_id(app.airflow, failed))


def test_a_wrong_password_lets_nobody_in(lab: Lab, visitor: Page) -> None:
    log_in(visitor, lab.airflow.user, secrets.token_hex(8))
    expect(visitor.get_by_text("Invalid login")).to_be_visible()


def test_the_form_has_the_choices_of_apps_yaml(page: Page, keep: Keep) -> None:
    form = opened_form(page, DAG)
    start = form.get_by_role("button", name="Trigger")
    expect(start).to_be_disabled()  # before a repository is chosen
    form.get_by_label("Repository").click()
    apps = yaml.safe_load((this_checkout().checkout / "lab" / "apps.yaml").read_text())
    expect(form.get_by_role("option")).to_have_text(["choose one", *sorted(apps["applications"])])
    keep("form")
    form.get_by_role("option", name="tests/app").click()
    expect(start).to_be_enabled()
    proposed = form.locator("datalist option").evaluate_all("all => all.map(one => one.value)")
    assert {"refs/heads/main", "refs/heads/staging"} <= set(proposed)
    assert not [ref for ref in proposed if "*" in ref]
    expect(form.locator("#element_ref")).to_have_value("refs/heads/main")
    expect(form.get_by_label("Deploy it too")).not_to_be_checked()


def test_a_bad_value_is_refused_with_its_rule(page: Page, keep: Keep) -> None:
    form = opened_form(page, DAG)
    form.get_by_label("Repository").click()
    form.get_by_role("option", name="tests/app").click()
    commit = secrets.token_hex(4)
    form.locator("#element_commit").fill(commit)
    form.get_by_role("button", name="Trigger").click()
    refusal = form.get_by_text("Invalid input for param commit")
    expect(refusal).to_contain_text(f"'{commit}' does not match")
    expect(refusal).to_contain_text("40 digits; empty: the ref's newest")
    keep("refusal")
    listed = page.request.get(f"/api/v2/dags/{DAG}/dagRuns?order_by=-run_after&limit=50")
    assert commit not in json.dumps(listed.json())


def test_the_grid_shows_a_push(page: Page, runs: Runs, keep: Keep) -> None:
    page.goto(f"/dags/{DAG}/runs/{runs.built.id}")
    page.get_by_role("button", name="Show Grid").click()
    for task_id, state in runs.built.tasks.items():
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=task_id, exact=True))
        expect(row).to_contain_text(state, ignore_case=True)
    keep("push")


def test_the_graph_shows_how_a_release_went(page: Page, runs: Runs, keep: Keep) -> None:
    page.goto(f"/dags/deploy/runs/{runs.deployed.id}")
    page.get_by_role("button", name="Show Graph").click()
    page.get_by_test_id("expand-all-button").click()
    for task_id, state in runs.deployed.tasks.items():
        node = page.locator(".react-flow__node").filter(has=page.get_by_text(task_id, exact=True))
        expect(node).to_contain_text(state, ignore_case=True)
    page.get_by_role("button", name="Collapse Details Panel").click()
    page.get_by_role("button", name="Fit View").click()
    keep("deploy")


def test_the_list_of_deployments_says_whose_they_are(page: Page, runs: Runs, keep: Keep) -> None:
    page.goto("/dags/deploy/runs")
    expect(page.get_by_text(runs.deployed.id).first).to_be_visible()
    keep("runs")


def test_the_log_of_a_build_that_failed_says_why(page: Page, runs: Runs, keep: Keep) -> None:
    page.goto(f"/dags/{DAG}/runs/{runs.failed.id}/tasks/base_images")
    page.get_by_role("button", name="Show Grid").click()
    log = page.get_by_test_id("virtualized-list")
    expect(log).to_contain_text("base image busybox:0.0.1 is neither in")
    expect(log).to_contain_text(CURE)
    page.get_by_test_id("log-settings-button").click()
    page.get_by_test_id("log-settings-wrap").click()
    expect(page.get_by_test_id("log-settings-wrap")).to_be_hidden()
    log.get_by_text("AirflowFailException").click()  # folds what Python called
    expect(log.get_by_text("task_runner.py").first).to_be_hidden()
    keep("failure")


def opened_form(page: Page, dag_id: str) -> Locator:
    """Open the form that starts a DAG."""
    page.goto(f"/dags/{dag_id}")
    page.get_by_role("button", name="Trigger").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Repository")).to_be_visible()
    return form
