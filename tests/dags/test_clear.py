"""A person clears a run in Airflow's UI, to have it once more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags.pushing import Pushed, run_with_id

pytestmark = pytest.mark.lab

NO_COMMIT = "0123456789" * 4
# A run of another image pipeline begins as container_image's does.
STARTED = {
    "container_image": {"commit": NO_COMMIT},
    "deploy": {"commit": NO_COMMIT, "environment": "staging"},
    "rollback": {"commit": NO_COMMIT, "environment": "staging"},
}


@pytest.mark.parametrize(("dag_id", "params"), STARTED.items())
def test_a_run_that_is_cleared_runs_again(app: Pushed, dag_id: str, params: dict[str, Any]) -> None:
    """It ends as it did, because the commit is still none."""
    first = run_with_id(app.airflow, app.start(dag_id, **params), dag_id)
    assert first.state == "failed", first.story
    before, states = first.tries, first.tasks
    answer = app.api.post(f"/api/v2/dags/{dag_id}/dagRuns/{first.id}/clear", json={"dry_run": False})
    assert answer.status_code == 200, answer.text
    again = run_with_id(app.airflow, first.id, dag_id)
    assert (again.state, again.tasks) == ("failed", states), again.story
    assert again.tries == {task: tries + (tries > 0) for task, tries in before.items()}, again.story
