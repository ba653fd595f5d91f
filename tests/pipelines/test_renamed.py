"""P5: a repository is renamed at the code registry and in apps.yaml, and everything of it carries on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slipway.artifactory.listing import Listed
from slipway.flow.approval import ApprovalRequest
from slipway.flow.environments import Approval
from slipway.flow.image_place import ImagePlace
from slipway.flow.ironic.fleet import IronicPlan
from slipway.flow.nova.plan import NovaPlan
from slipway.flow.property_keys import CloudKey, RegistryKey
from slipway.flow.record import SlipwayError
from slipway.kubernetes import ledger as kubernetes
from slipway.kubernetes.deployer import foreign_owner
from slipway.openstack.ironic import ledger as ironic
from slipway.pipelines.release.turns import question_of
from slipway.pipelines.upkeep.retention.containers import _stored
from slipway.pipelines.upkeep.retention.machines import Gathered
from tests.flow.builders import NOON, push, workload
from tests.pipelines.test_sides import PLANS

OLD, NEW, NEWEST = "octo/shop", "octo/store", "Octo/Emporium"
APPS = """
version: 1
applications:
  Octo/Emporium:
    tenant: acme
    id: 41
    renamed_from: [octo/shop, octo/store]
    environments:
      production: {refs: [refs/heads/main], namespace: acme}
      staging: {refs: [], namespace: acme-staging}
"""
NAMES = (OLD, NEW, NEWEST)


@pytest.fixture(autouse=True)
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file after both renames."""
    (tmp_path / "apps.yaml").write_text(APPS)
    monkeypatch.setenv("SLIPWAY_APPS_FILE", str(tmp_path / "apps.yaml"))


def plan(kind: str, commit: str, minutes: int, repository: str, names: tuple[str, ...]) -> Any:
    made = workload() if kind == "container" else PLANS[kind]  # type: ignore[index]
    return made.model_copy(update={"push": push(commit, minutes, repository), "names": names})


def attempt(kind: str, *what: Any) -> Any:
    run = f"run-{what[0]}"
    if kind == "container":
        return kubernetes.KubernetesAttempt(run=run, workload=plan(kind, *what))
    return ironic.IronicAttempt(run=run, fleet=plan(kind, *what))


LEDGERS: Any = pytest.mark.parametrize(
    ("kind", "rules", "empty"),
    [
        ("container", kubernetes, kubernetes.KubernetesLedger()),
        ("bare_metal", ironic, ironic.IronicLedger()),
    ],
)


@LEDGERS
def test_a_rollout_under_the_new_name_replaces_the_one_under_the_old(
    kind: str, rules: Any, empty: Any
) -> None:
    known = rules.succeeded(rules.claim(empty, attempt(kind, "a", 0, OLD, ())), "run-a", NOON)
    with pytest.raises(SlipwayError, match=f"{OLD}.*Choose another name"):
        rules.claim(known, attempt(kind, "b", 1, NEWEST, ()))
    known = rules.claim(known, attempt(kind, "b", 1, NEWEST, NAMES))
    assert rules.is_mine(known, "run-b")
    assert rules.before(known, "run-b").plan.push.repository == OLD
    with pytest.raises(SlipwayError, match="octo/other"):
        rules.claim(
            rules.claim(empty, attempt(kind, "a", 0, "octo/other", ())), attempt(kind, "b", 1, NEWEST, NAMES)
        )


@LEDGERS
def test_a_push_that_was_on_its_way_when_the_file_changed_is_the_applications(
    kind: str, rules: Any, empty: Any
) -> None:
    known = rules.succeeded(rules.claim(empty, attempt(kind, "b", 1, NEWEST, NAMES)), "run-b", NOON)
    assert rules.is_mine(rules.claim(known, attempt(kind, "c", 2, OLD, NAMES)), "run-c")


def test_objects_with_the_old_annotation_are_the_applications() -> None:
    [before, *_] = plan("container", "a", 0, OLD, ()).objects
    assert before["metadata"]["annotations"]["slipway.io/repository"] == OLD
    assert foreign_owner(before, plan("container", "b", 1, NEWEST, NAMES)) == ""
    assert foreign_owner(before, plan("container", "b", 1, NEWEST, ())) == OLD
    assert foreign_owner({"metadata": {}}, plan("container", "b", 1, NEWEST, NAMES)) == "someone else"


def test_servers_are_found_by_the_first_name() -> None:
    before: NovaPlan = plan("vm", "a", 0, OLD, ())
    for after in (plan("vm", "b", 1, NEWEST, NAMES), plan("vm", "b", 1, NEW, (OLD, NEW))):
        assert (after.tag, after.deployment) == (before.tag, before.deployment)
    assert plan("vm", "b", 1, NEWEST, ()).tag != before.tag


@pytest.mark.parametrize("kind", ["container", "vm", "bare_metal"])
def test_releases_under_both_names_wait_for_each_other(kind: str) -> None:
    context = {"ti": SimpleNamespace(dag_id="deploy", run_id="run")}
    before = question_of(context, plan(kind, "a", 0, OLD, ())).place
    assert question_of(context, plan(kind, "b", 1, NEWEST, NAMES)).place.key == before.key


def test_plans_and_questions_of_before_are_read() -> None:
    for kind in ("container", "vm", "bare_metal"):
        old = plan(kind, "a", 0, OLD, ())
        without = {name: value for name, value in old.to_json().items() if name != "names"}
        assert type(old).from_json(without) == old
    request = ApprovalRequest(push=push(), application="shop", environment="production", approval=Approval())
    without = {name: value for name, value in request.to_json().items() if name != "names"}
    assert ApprovalRequest.from_json(without) == request
    assert isinstance(PLANS["bare_metal"], IronicPlan)


def test_images_of_both_names_have_one_owner() -> None:
    from slipway.config import load_apps

    present = load_apps().present_name
    tags = [
        Listed(f"docker-local/acme/shop/{letter * 40}/manifest.json", "sha256:0", 1, NOON, properties)
        for letter, properties in (
            ("a", {RegistryKey.REPOSITORY: OLD}),
            ("b", {RegistryKey.REPOSITORY: NEWEST}),
        )
    ]
    from slipway.pipelines.upkeep.retention.containers import _owners

    place = ImagePlace("docker-local", "acme", "shop", "container")
    assert _stored(place, f"sha256:{'0' * 64}", tags, _owners(tags, present)).repository == NEWEST
    copy = SimpleNamespace(properties={CloudKey.REPOSITORY: NEW})
    gathered = Gathered("generic-local/acme/shop/vm/x", bytes=tags, copies={"cloud": [copy]})  # type: ignore[list-item]
    assert gathered.owners(present) == {NEWEST}
