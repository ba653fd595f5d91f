"""Who may look, build and deploy: asked of Airflow's real REST API, as users with one role each.

What is permitted is asked for with input that no DAG takes: 400 says that it was read, and no run is made.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from lab.access import Lab
from slipway.apiserver.questions import RIGHTS_ROUTE, RightsQuestion
from slipway.cli.api import Airflow
from slipway.cli.roles import ROLES, actions, permissions
from slipway.cli.roles_command import apply
from slipway.cli.settings import Login
from slipway.webhook.signature import sign_search

pytestmark = pytest.mark.lab

DAGS = Path(__file__).parents[2] / "dags"
NO_INPUT = {"logical_date": None, "conf": {"repository": "no repository"}}
IMAGES = ("container_image", "vm_image", "bare_metal_image")
DEPLOYING = ("push", "deploy", "rollback")
PERMITTED, FORBIDDEN = 400, 403


@contextmanager
def client(login: Login) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=login.url, timeout=500, trust_env=False) as found:
        answer = found.post("/auth/token", json={"username": login.user, "password": login.password})
        found.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield found


@pytest.mark.parametrize(
    ("role", "may_start"),
    [
        ("SlipwayViewer", ()),
        ("SlipwayApprover", ()),
        ("SlipwayBuilder", IMAGES),
        ("SlipwayStarter", (*IMAGES, *DEPLOYING)),
        ("Public", ()),
    ],
)
def test_who_may_start_what(people: Mapping[str, Login], role: str, may_start: tuple[str, ...]) -> None:
    with client(people[role]) as airflow:
        said = {
            dag: airflow.post(f"/api/v2/dags/{dag}/dagRuns", json=NO_INPUT).status_code
            for dag in (*IMAGES, *DEPLOYING, "nightly_rebuild", "tenant_sync")
        }
    assert said == {dag: PERMITTED if dag in may_start else FORBIDDEN for dag in said}


@pytest.mark.parametrize(
    ("role", "sees", "upkeep"),
    [
        ("SlipwayViewer", True, True),
        ("SlipwayBuilder", True, False),
        ("SlipwayStarter", True, False),
        ("SlipwayApprover", False, False),
        ("Public", False, False),
    ],
)
def test_who_may_look(people: Mapping[str, Login], role: str, sees: bool, upkeep: bool) -> None:
    with client(people[role]) as airflow:
        said = [
            airflow.get(f"/api/v2/{path}").status_code
            for path in ("dags/deploy", "dags/deploy/dagRuns", "assets/events", "dags/reap_orphans/dagRuns")
        ]
    expected = [200 if sees else FORBIDDEN] * 3
    assert said == [*expected, 200 if upkeep else FORBIDDEN]


@pytest.mark.parametrize("role", [*ROLES, "Public"])
def test_nobody_gets_at_what_is_not_his(people: Mapping[str, Login], role: str) -> None:
    """Neither secrets, nor a way around the pipelines: no image and no push may be made up."""
    event = {"asset_id": 1, "partition_key": "a/b@c", "extra": {}}
    run = "/api/v2/dags/deploy/dagRuns/no-such-run"
    with client(people[role]) as airflow:
        answers = [
            airflow.get("/api/v2/connections"),
            airflow.get("/api/v2/variables"),
            airflow.post("/api/v2/assets/events", json=event),
            airflow.patch(run, json={"state": "success"}),
            airflow.post(f"{run}/clear", json={"dry_run": True}),
            airflow.delete(run),
            airflow.get("/auth/fab/v1/users"),
        ]
    assert {str(answer.url.path): answer.status_code for answer in answers} == {
        str(answer.url.path): FORBIDDEN for answer in answers
    }


def test_only_an_approver_answers(people: Mapping[str, Login]) -> None:
    path = "/api/v2/dags/deploy/dagRuns/no-such-run/taskInstances/approve/-1/hitlDetails"
    said = {}
    for role in ROLES:
        with client(people[role]) as airflow:
            said[role] = airflow.patch(path, json={"chosen_options": ["Approve"]}).status_code
    assert said == {role: 404 if role == "SlipwayApprover" else FORBIDDEN for role in ROLES}


def test_without_a_login_nothing_is_told(lab: Lab) -> None:
    with httpx.Client(base_url=lab.airflow.url, timeout=500, trust_env=False) as airflow:
        assert airflow.get("/api/v2/dags/deploy").status_code == 401
        assert airflow.post("/api/v2/dags/push/dagRuns", json=NO_INPUT).status_code == 401
        wrong = {"username": lab.airflow.user, "password": "wrong"}
        assert airflow.post("/auth/token", json=wrong).status_code == 401


def test_a_push_is_let_in_by_its_signature_and_by_nothing_else(people: Mapping[str, Login]) -> None:
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": secrets.token_hex(8)}
    with client(people["SlipwayStarter"]) as airflow:
        answer = airflow.post("/slipway/webhooks/github", headers=headers, content=json.dumps({}))
    assert answer.status_code == 401


def test_the_api_server_tells_who_may_deploy_and_only_to_slipway(
    lab: Lab, people: Mapping[str, Login]
) -> None:
    def ask(user: str, key: str) -> httpx.Response:
        body = json.dumps(RightsQuestion(user=user, dag_id="deploy").to_json()).encode()
        signature = sign_search(body, key, int(time.time()))
        headers = {"x-slipway-signature": signature, "content-type": "application/json"}
        return httpx.post(
            f"{lab.airflow.url}/slipway{RIGHTS_ROUTE}",
            content=body,
            headers=headers,
            timeout=500,
            trust_env=False,
        )

    said = {role: ask(login.user, lab.questions_key).json()["may"] for role, login in people.items()}
    assert said == {role: role == "SlipwayStarter" for role in people}
    # Whoever uses Airflow's own command, on its own machine, is nobody of its users.
    assert ask("root", lab.questions_key).json() == {"may": True}
    assert ask(people["SlipwayStarter"].user, "another key").status_code == 401
    assert ask(people["SlipwayStarter"].user, lab.webhook_secret).status_code == 401


def test_every_dag_that_a_role_names_is_there() -> None:
    named = {name.partition(":")[2] for role in ROLES.values() for _, name in role if ":" in name}
    assert named <= {path.stem for path in DAGS.glob("*.py")}


def test_a_role_that_was_changed_is_brought_up_to_date(lab: Lab, airflow_api: httpx.Client) -> None:
    name, wanted = f"test-{secrets.token_hex(4)}", ROLES["SlipwayBuilder"]
    with Airflow(Login(lab.airflow.url, lab.airflow.user, lab.airflow.password)) as airflow:
        try:
            assert apply(airflow, name, wanted) == "made"
            assert apply(airflow, name, wanted) == "up to date"
            airflow.update_role(name, actions({*list(wanted)[1:], ("can_read", "Connections")}))
            assert apply(airflow, name, wanted) == "updated"
            role = airflow.find_role(name)
            assert role is not None
            assert permissions(role) == wanted
        finally:
            airflow_api.delete(f"/auth/fab/v1/roles/{name}").raise_for_status()
