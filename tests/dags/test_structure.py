"""Every DAG file is read quickly and quietly, and says what it is, how it starts and what it takes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slipway.dagkit.schedules import schedule
from slipway.flow.followed import DEPLOY, PUSH
from slipway.flow.platforms import PIPELINES
from slipway.notices.channels import CHANNELS

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = sorted(path.stem for path in (CHECKOUT / "dags").glob("*.py"))

Report = dict[str, Any]
APPS = """\
version: 1
applications:
  tests/app:
    tenant: demo
    environments:
      production: {refs: [refs/heads/main, "refs/tags/v*"], namespace: demo}
      staging: {refs: [refs/heads/next, "refs/heads/feature/*"], namespace: demo}
  Some-Owner/name.with_all-of.it:
    tenant: other
    environments:
      production: {refs: [refs/heads/main], namespace: other}
"""


def parse(folder: Path, home: Path, apps: str = APPS) -> Report:
    """Read ``folder`` in a process that knows no database, no connection and no file but ``apps.yaml``."""
    file = home.with_name(f"{home.name}-apps.yaml")
    file.write_text(apps)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(CHECKOUT / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://127.0.0.1:1/nowhere",
        "SLIPWAY_APPS_FILE": str(file),
    }
    command = [sys.executable, str(Path(__file__).with_name("parse.py")), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-4000:]
    report: Report = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return parse(CHECKOUT / "dags", tmp_path_factory.mktemp("airflow-home"))


def test_every_file_is_read_without_error(report: Report) -> None:
    assert report["errors"] == {}


def test_a_file_is_a_pipeline_of_its_own_name(report: Report) -> None:
    assert {"container_image", "deploy"} <= set(FILES)
    assert sorted(report["dags"]) == FILES
    assert {dag_id: about["file"] for dag_id, about in report["dags"].items()} == {
        name: f"{name}.py" for name in FILES
    }


def test_reading_opens_no_file_but_apps_yaml_no_socket_and_starts_nothing(report: Report) -> None:
    assert report["touched"] == []


def test_reading_imports_nothing_that_only_a_task_needs(report: Report) -> None:
    assert report["heavy"] == []


@pytest.mark.slow
def test_a_file_that_does_these_things_would_be_seen(tmp_path: Path) -> None:
    """The three tests above can fail."""
    folder, home, outside = tmp_path / "dags", tmp_path / "home", tmp_path / "apps.yaml"
    folder.mkdir()
    home.mkdir()
    outside.write_text("version: 1\n")
    (folder / "reads.py").write_text(
        "import subprocess\nfrom airflow.sdk import DAG\nimport slipway.docker.errors\n"
        f"open({str(outside)!r}).close()\nsubprocess.run(['true'])\nread = DAG('reads', schedule=None)\n"
    )
    (folder / "connects.py").write_text(
        "import socket\nfrom airflow.sdk import DAG\n"
        "DAG('connects', schedule=None)\nsocket.create_connection(('127.0.0.1', 1))\n"
    )
    found = parse(folder, home)
    assert f"open {outside.resolve()}" in found["touched"]
    assert [line for line in found["touched"] if line.startswith("subprocess.Popen")]
    assert found["heavy"] == ["slipway.docker"]
    assert list(found["dags"]) == ["reads"]
    assert "a socket was made while a DAG file was read" in "".join(found["errors"].values())


def test_the_short_dags_of_make_test_pushes_are_scheduled_as_the_real_ones(
    report: Report, tmp_path: Path
) -> None:
    short = parse(CHECKOUT / "tests" / "pushes" / "dags", tmp_path / "airflow-home")
    assert short["errors"] == {}
    assert {*PIPELINES.values(), PUSH, DEPLOY} == set(short["dags"])
    for dag_id, about in short["dags"].items():
        real = report["dags"][dag_id]
        for field in ("schedule", "catchup", "max_active_runs", "deadline"):
            assert about[field] == real[field], f"{field} of {dag_id}"
        assert set(about["retries"].values()) == set(real["retries"].values()), dag_id


@pytest.mark.parametrize("dag_id", FILES)
def test_a_pipeline_says_what_it_is(report: Report, dag_id: str) -> None:
    about = report["dags"][dag_id]
    assert about["name"] != dag_id
    assert about["description"]
    assert "### What it does" in about["doc"]
    assert "### How it starts" in about["doc"]
    assert "slipway" in about["tags"]
    assert len(about["tags"]) > 1
    assert about["owners"] == ["slipway"]
    assert about["catchup"] is False


def test_a_lost_push_waits_for_nothing_that_pushes_start(report: Report) -> None:
    started = [
        report["dags"][dag_id]["priorities"].values() for dag_id in (PUSH, *PIPELINES.values(), DEPLOY)
    ]
    sweep = report["dags"]["reconcile_pushes"]["priorities"]
    assert set(sweep) == {"find", "push"}
    assert min(sweep.values()) > max(max(weights) for weights in started)


@pytest.mark.parametrize("dag_id", FILES)
def test_grid_and_graph_can_be_drawn(report: Report, dag_id: str) -> None:
    about = report["dags"][dag_id]
    assert sorted(about["drawn"]) == sorted(about["upstream"])


@pytest.mark.parametrize("dag_id", FILES)
def test_a_failure_that_may_pass_is_tried_again(report: Report, dag_id: str) -> None:
    assert {retries >= 2 for retries in report["dags"][dag_id]["retries"].values()} == {True}


@pytest.mark.parametrize("dag_id", FILES)
def test_every_parameter_is_explained_and_its_default_is_allowed(report: Report, dag_id: str) -> None:
    for name, param in report["dags"][dag_id]["params"].items():
        assert param["schema"].get("title"), name
        assert param["schema"].get("type"), name
        assert param["description"] or param["schema"].get("description_md"), name
        jsonschema.validate(param["default"], param["schema"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repository", "hello"),
        ("repository", "../hello"),
        ("repository", "a/b c"),
        ("repository", "tests/unknown"),
        ("repository", 1),
        ("ref", "main"),
        ("ref", ""),
        ("commit", "abc"),
        ("commit", "A" * 40),
        ("commit", "1" * 41),
        ("commit", "HEAD"),
        ("deploy", "yes"),
    ],
)
def test_the_form_refuses_what_no_run_could_use(report: Report, name: str, value: object) -> None:
    schema = report["dags"]["container_image"]["params"][name]["schema"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repository", "tests/app"),
        ("repository", "Some-Owner/name.with_all-of.it"),
        ("ref", "refs/tags/v1"),
        ("commit", "0" * 40),
        ("commit", "f" * 64),
        ("deploy", True),
    ],
)
def test_the_form_takes_what_a_run_can_use(report: Report, name: str, value: object) -> None:
    jsonschema.validate(value, report["dags"]["container_image"]["params"][name]["schema"])


def test_forms_have_the_choices_of_apps_yaml(report: Report) -> None:
    asked: dict[str, list[str]] = {}
    for dag_id, about in report["dags"].items():
        for name, param in about["params"].items():
            asked.setdefault(name, []).append(dag_id)
            if name in ("repository", "repositories", "ref", "environment", "promote_from"):
                schema = param["schema"]
                assert (schema.get("enum"), schema.get("examples")) == CHOICES[name], (dag_id, name)
    images = ["bare_metal_image", "container_image", "vm_image"]
    assert sorted(asked["repository"]) == sorted([*images, "deploy", "push", "rollback"])
    assert sorted(asked["deploy"]) == sorted([*images, "push"])


REPOSITORIES = ["Some-Owner/name.with_all-of.it", "tests/app"]
CHOICES: dict[str, Any] = {
    "repository": (["", *REPOSITORIES], None),
    "repositories": (None, REPOSITORIES),
    "ref": (None, ["refs/heads/main", "refs/heads/next"]),
    "environment": ([None, "production", "staging"], None),
    "promote_from": ([None, "production", "staging"], None),
}


def test_a_refusal_says_the_rule(report: Report) -> None:
    """What Airflow answers is the error as text, which has the schema in it."""
    for name, value, rule in (
        ("repository", "tests/unknown", "'tests/unknown' is not one of ['', 'Some-Owner/"),
        ("ref", "main", "Full name of a branch or tag, like refs/heads/main"),
        ("commit", "HEAD", "40 digits; empty: the ref's newest"),
    ):
        with pytest.raises(jsonschema.ValidationError) as refused:
            jsonschema.validate(value, report["dags"]["container_image"]["params"][name]["schema"])
        assert rule in re.sub(r"'\n *'", "", str(refused.value))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("apps", "problem"),
    [
        ("version: 1\napplications: {a/b: {tenant: demo}}\n", ":2: applications.a/b.environments:"),
        ("version: 1\napplications: {}\n", ""),
    ],
)
def test_without_choices_forms_take_any_name_and_say_why(apps: str, problem: str, tmp_path: Path) -> None:
    found = parse(CHECKOUT / "dags", tmp_path / "home", apps)
    assert found["errors"] == {}
    assert sorted(found["dags"]) == FILES
    form = {name: param["schema"] for name, param in found["dags"]["deploy"]["params"].items()}
    for name, value in (("repository", "tests/app"), ("environment", "production")):
        jsonschema.validate(value, form[name])
        assert ("No choices:" in form[name]["description_md"]) == bool(problem)
        assert problem in form[name]["description_md"]
    for name, value in (("repository", "a/b/c"), ("repository", "-a/b"), ("environment", "Production")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, form[name])


def test_container_image_goes_from_the_plan_to_the_image(report: Report) -> None:
    about = report["dags"]["container_image"]
    assert about["schedule"] == "PartitionedAtRuntime"
    assert about["upstream"] == {
        "plan": [],
        "base_images": ["plan"],
        "jenkins": ["base_images"],
        "build": ["base_images", "jenkins", "plan"],
        "publish": ["base_images", "build", "plan"],
    }
    assert about["outlets"]["publish"] == ["slipway://image/container"]
    assert all(about["task_docs"].values())


def test_what_runs_by_itself_can_be_limited_and_reports_pushes(report: Report) -> None:
    night, lost, orphans = (
        report["dags"][name] for name in ("nightly_rebuild", "reconcile_pushes", "reap_orphans")
    )
    assert night["upstream"] == {"plan": [], "push_again": ["plan"], "summary": ["push_again"]}
    assert lost["upstream"] == {"find": [], "push": ["find"]}
    assert sorted(orphans["upstream"]) == ["on_worker", "outside"]
    assert night["outlets"]["push_again"] == lost["outlets"]["push"] == []
    assert {about["max_active_runs"] for about in (night, lost, orphans)} == {1}
    for about, name, value in ((night, "parallel", 0), (night, "hours", -1), (orphans, "grace_minutes", -1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, about["params"][name]["schema"])


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [(None, "0 1 * * *"), ("", "0 1 * * *"), ("5 2 * * *", "5 2 * * *"), ("none", None)],
)
def test_an_installation_says_when(
    chosen: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLIPWAY_SCHEDULE_NIGHTLY_REBUILD", raising=False)
    if chosen is not None:
        monkeypatch.setenv("SLIPWAY_SCHEDULE_NIGHTLY_REBUILD", chosen)
    assert schedule("nightly_rebuild", "0 1 * * *") == expected


def test_deploy_goes_from_the_release_over_all_platforms_and_back(report: Report) -> None:
    upstream = report["dags"]["deploy"]["upstream"]
    rollouts = sorted(name for name in upstream if name.endswith(".rollout"))
    assert rollouts == ["bare_metal.rollout", "container.rollout", "vm.rollout"]
    assert upstream["release"] == []
    assert upstream["approve"] == ["release"]
    assert upstream["promote"] == sorted([*rollouts, "keep"])
    assert upstream["keep"] == upstream["all_ended"] == rollouts
    assert upstream["one_failed"] == upstream["promote"]
    assert upstream["released"] == sorted([*rollouts, "keep", "promote"])
    for rollout in rollouts:
        assert upstream[rollout] == ["approve", "release"]
        assert upstream[rollout.replace("rollout", "go_back")] == ["all_ended", "one_failed", "release"]
    outlets = report["dags"]["deploy"]["outlets"]
    assert {name for name, assets in outlets.items() if assets} == {*rollouts, "keep"}


def test_the_graph_of_deploy_reads_as_release_rollouts_and_kept_or_back(report: Report) -> None:
    about = report["dags"]["deploy"]
    backs = sorted(name for name in about["upstream"] if name.endswith(".go_back"))
    assert about["groups"] == {
        "rollouts": [name.replace("go_back", "rollout") for name in backs],
        "kept": ["keep", "promote", "released"],
        "back": ["all_ended", "one_failed", "platforms"],
        "platforms": backs,
    }
    inside = {child: group for group, children in about["groups"].items() for child in children}

    def box(name: str) -> str:
        """Return what is seen of a task while groups are closed, as they are at first."""
        return box(inside[name]) if name in inside else name

    closed = {(box(one), box(other)) for one, other in about["lines"] if box(one) != box(other)}
    assert closed == {
        ("release", "approve"),
        ("release", "rollouts"),
        ("approve", "rollouts"),
        ("rollouts", "kept"),
        ("rollouts", "back"),
        ("kept", "back"),
        ("release", "back"),
    }
    own = {(group, child) for child, group in inside.items()} | set(inside.items())
    assert len([line for line in about["lines"] if tuple(line) not in own]) == 15


def test_notify_sends_by_every_channel_with_much_patience(report: Report) -> None:
    about = report["dags"]["notify"]
    channels = [channel.name for channel in CHANNELS]
    assert {"email", "slack"} <= set(channels)
    assert about["upstream"] == {"gather": [], **{name: ["gather"] for name in ("ticket", *channels)}}
    assert {about["retries"][name] for name in ("ticket", *channels)} == {20}
    assert [name for name in channels if f"**{name}**" not in about["doc"]] == []
    assert all(about["task_docs"].values())


def test_bare_metal_image_goes_from_the_plan_to_an_image_that_booted(report: Report) -> None:
    about = report["dags"]["bare_metal_image"]
    assert about["schedule"] == "PartitionedAtRuntime"
    assert about["upstream"] == {
        "plan": [],
        "package_sources": ["plan"],
        "build": ["package_sources"],
        "boot_test": ["build", "package_sources"],
        "publish": ["boot_test", "build", "package_sources", "plan"],
    }
    assert about["outlets"]["publish"] == ["slipway://image/bare-metal"]
