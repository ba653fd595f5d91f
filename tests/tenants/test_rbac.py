"""Tenants on a real cluster with RBAC: what they may do, and no more, and no longer than Keystone says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from slipway.flow.tenancy.directory import ImplausibleError
from slipway.flow.tenancy.wanted import GONE_SINCE, PROJECT
from tests.tenants.conftest import Keystone, Newcomer, Newcomers, Sync
from tests.tenants.control_plane import ControlPlane, Person

pytestmark = pytest.mark.lab

People = dict[str, Person]
REVOKED_SECONDS = 90
"""A revocation is seen within a minute; this is no measurement."""


def until(what: Callable[[], None]) -> None:
    """Try until it holds: a revocation takes its time to be seen."""
    for attempt in Retrying(
        stop=stop_after_delay(REVOKED_SECONDS),
        wait=wait_fixed(1),
        retry=retry_if_exception_type(AssertionError),
        reraise=True,
    ):
        with attempt:
            what()


def allowed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def forbidden(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode != 0, done.stdout
    assert "forbidden" in done.stderr.lower(), done.stderr


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """Nobody: Keystone gives no token, or takes back the one there is."""
    assert done.returncode != 0, done.stdout
    said = done.stderr.lower()
    assert "unauthorized" in said or "must be logged in" in said or "keystone refuses" in said, said


def look(person: Person, namespace: str) -> subprocess.CompletedProcess[str]:
    """Ask for pods by one request: for a verb kubectl asks many others first, and logs in anew for each."""
    return person.kubectl("get", f"--raw=/api/v1/namespaces/{namespace}/pods")


def test_a_first_run_makes_what_keystone_says(
    synced: dict[str, int], sync: Sync, plane: ControlPlane, keystone: Keystone
) -> None:
    assert synced["made"] > 0
    assert not any(sync().values()), "a second run finds nothing to do"
    namespace = plane.admin.find("/api/v1/namespaces/red")
    assert namespace
    assert namespace["metadata"]["labels"][PROJECT] == keystone.names["red"].id
    for name in ("default", "kube-system"):
        found = plane.admin.find(f"/api/v1/namespaces/{name}")
        assert found
        assert PROJECT not in found["metadata"].get("labels", {})


def test_a_tenant_works_in_her_project_with_her_openstack_password(people: People) -> None:
    alice = people["alice"]
    allowed(alice.kubectl("--user", "alice", "get", "pods"))
    allowed(alice.kubectl("create", "configmap", "hers", "--from-literal=a=b"))
    allowed(alice.kubectl("get", "secrets"))
    allowed(people["bob"].kubectl("get", "pods"))


@pytest.mark.parametrize("namespace", ["blue", "red-away", "default", "kube-system"])
def test_she_is_forbidden_in_others(people: People, namespace: str) -> None:
    forbidden(people["alice"].kubectl("get", "pods", f"--namespace={namespace}"))
    forbidden(people["alice"].kubectl("create", "configmap", "x", f"--namespace={namespace}"))


@pytest.mark.parametrize(
    "asked",
    [
        ("get", "nodes"),
        ("get", "namespaces"),
        ("get", "rolebindings"),
        ("delete", "namespace", "red"),
        ("create", "rolebinding", "x", "--clusterrole=cluster-admin", "--user=mallory"),
        ("create", "quota", "x", "--hard=pods=1"),
        ("get", "pods", "--as=admin", "--as-group=system:masters"),
    ],
)
def test_she_may_not_do_what_the_policy_does_not_say(people: People, asked: tuple[str, ...]) -> None:
    forbidden(people["alice"].kubectl(*asked))


def test_a_namesake_of_another_domain_is_someone_else(people: People) -> None:
    namesake = people["alice-away"]
    allowed(namesake.kubectl("get", "pods"))
    forbidden(namesake.kubectl("get", "pods", "--namespace=red"))


def test_a_role_by_a_group_gives_what_it_implies_and_no_more(people: People) -> None:
    carol = people["carol"]
    allowed(carol.kubectl("get", "pods"))
    forbidden(carol.kubectl("get", "secrets"))
    forbidden(carol.kubectl("create", "configmap", "x"))


def test_a_wrong_password_is_refused_without_being_shown(people: People) -> None:
    bob = people["bob"]
    mallory = Person(bob.home.parent / "mallory", bob.name, "not-the-password")
    mallory.home.mkdir()
    (mallory.home / "config").write_text((bob.home / "config").read_text())
    done = mallory.kubectl("get", "pods")
    refused(done)
    assert "not-the-password" not in done.stderr


def test_tokens_are_in_no_log(people: People, plane: ControlPlane) -> None:
    allowed(people["alice"].kubectl("get", "pods"))
    stored = list((people["alice"].home / ".cache" / "slipway" / "keystone-tokens").iterdir())
    assert [path.stat().st_mode & 0o077 for path in stored] == [0]
    token = stored[0].read_text().split('"')[3]
    assert token.startswith("gAAAAA")
    assert token not in plane.log("webhook") + plane.log("api-server")


def test_the_static_logins_do_not_need_the_webhook(plane: ControlPlane, newcomer: Newcomer) -> None:
    """Somebody whom the API server has not seen yet: it remembers the others' tokens for a while."""
    plane.stop_webhook()
    try:
        assert plane.admin.find("/api/v1/namespaces/red")
        refused(look(newcomer.person, newcomer.project))
    finally:
        plane.start_webhook()
    allowed(newcomer.person.kubectl("get", "pods"))


def test_a_role_that_is_taken_away_is_gone_and_works_again_when_it_is_given_back(
    sync: Sync, keystone: Keystone, newcomer: Newcomer
) -> None:
    """A role stays that means nothing, so that Keystone goes on knowing who it is."""
    allowed(newcomer.person.kubectl("get", "pods"))
    keystone.take(newcomer.key, newcomer.project)
    sync()
    until(lambda: forbidden(look(newcomer.person, newcomer.project)))
    keystone.grant(newcomer.key, newcomer.project)
    assert sync()["made"] == 2
    until(lambda: allowed(newcomer.person.kubectl("get", "pods")))


def test_a_disabled_user_is_out_and_a_removed_project_leaves_a_marked_namespace_without_rights(
    sync: Sync, keystone: Keystone, newcomers: Newcomers, plane: ControlPlane
) -> None:
    """Both are waited for at once: the webhook knows a good token for half a minute."""
    out, homeless = newcomers(), newcomers()
    allowed(out.person.kubectl("get", "pods"))
    allowed(homeless.person.kubectl("create", "configmap", "kept"))
    keystone.admin.identity.update_user(keystone.names[out.key], is_enabled=False)
    assert sync()["removed"] == 2, "the only member is out: both bindings of the project are gone"
    keystone.admin.identity.delete_project(keystone.names[homeless.project])
    sync()
    until(lambda: refused(look(out.person, out.project)))
    until(lambda: refused(look(homeless.person, homeless.project)))
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{out.project}/rolebindings"
    assert plane.admin.find(f"{bindings}/slipway:tenants:member") is None
    namespace: Any = plane.admin.find(f"/api/v1/namespaces/{homeless.project}")
    assert GONE_SINCE in namespace["metadata"]["annotations"]
    assert plane.admin.find(f"/api/v1/namespaces/{homeless.project}/configmaps/kept")
    assert not any(sync().values())


def test_a_keystone_that_forgot_almost_everyone_is_not_believed(
    sync: Sync, keystone: Keystone, people: People
) -> None:
    for name in ("home", "away"):
        keystone.admin.identity.update_domain(keystone.names[name], is_enabled=False)
    try:
        with pytest.raises(ImplausibleError, match="nothing was changed"):
            sync()
    finally:
        for name in ("home", "away"):
            keystone.admin.identity.update_domain(keystone.names[name], is_enabled=True)
    until(lambda: allowed(people["bob"].kubectl("get", "pods")))
