"""The progress table of one push."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slipway.cli.progress import ProgressRow, Stage, changes, current, has_ended, rows, worth_a_line
from tests.cli.records import START, push, run, task

PUSH = push()
NOW = START + timedelta(seconds=30)


def test_rows_show_pipelines_in_order_and_tasks_as_they_started() -> None:
    tasks = [task("publish", None), task("build", "running", 3), task("plan", "success", 1, 2.5)]
    stages = [Stage("container_image", run("container_image", "running", PUSH), tasks), Stage("deploy")]
    assert rows(stages, NOW) == [
        ProgressRow("container_image", "", "running", 30.0),
        ProgressRow("container_image", "plan", "success", 1.5),
        ProgressRow("container_image", "build", "running", 27.0),
        ProgressRow("container_image", "publish", "waiting", None),
        ProgressRow("deploy", "", "waiting", None),
    ]


def test_a_server_clock_ahead_of_ours_gives_no_negative_time() -> None:
    stages = [Stage("deploy", run("deploy", "running", PUSH, 60))]
    assert rows(stages, NOW)[0].seconds == 0.0


def test_changes_are_new_lines_and_new_states_only() -> None:
    before = [ProgressRow("deploy", "", "running", 1.0), ProgressRow("deploy", "rollout", "running", 1.0)]
    after = [
        ProgressRow("deploy", "", "running", 2.0),
        ProgressRow("deploy", "rollout", "success", 2.0),
        ProgressRow("x", "", "queued", None),
    ]
    assert changes(before, after) == after[1:]


@pytest.mark.parametrize(
    ("build", "deploy", "ended"),
    [
        (None, None, False),
        ("running", None, False),
        ("success", None, False),
        ("success", "running", False),
        ("success", "success", True),
        ("success", "failed", True),
        ("failed", None, True),
    ],
)
def test_a_push_is_through_when_all_ran_or_one_failed(
    build: str | None, deploy: str | None, ended: bool
) -> None:
    stages = [
        Stage(dag_id, run(dag_id, state, PUSH) if state else None)
        for dag_id, state in (("container_image", build), ("deploy", deploy))
    ]
    assert has_ended(stages) is ended


def test_failed_tasks_leave_out_those_that_failed_because_of_them() -> None:
    tasks = [task("build", "failed", 1, 2), task("publish", "upstream_failed")]
    assert [t["task_id"] for t in Stage("container_image", None, tasks).failed_tasks] == ["build"]


STATES = (
    "waiting",
    "scheduled",
    "queued",
    "running",
    "deferred",
    "failed",
    "success",
    "skipped",
    "upstream failed",
)
LINES = [
    ProgressRow("deploy", "", "queued", None),
    *(ProgressRow("deploy", state, state, 1.0) for state in STATES),
]


def test_a_terminal_shows_pipelines_and_tasks_that_are_running_or_failed() -> None:
    assert [row.task for row in current(LINES)] == ["", "running", "deferred", "failed"]


def test_a_file_has_a_line_when_a_task_begins_or_ends() -> None:
    assert [row.task for row in worth_a_line(LINES)] == ["", *STATES[3:]]
