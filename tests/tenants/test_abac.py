"""Tenants on a real cluster that goes by the ABAC policy file alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tenants.conftest import Keystone, Newcomer, Sync
from tests.tenants.control_plane import ControlPlane, Person
from tests.tenants.test_rbac import allowed, forbidden, until

pytestmark = pytest.mark.lab

People = dict[str, Person]


@pytest.fixture(scope="module")
def file(policy: Path, sync: Sync) -> Path:
    sync()
    return Path(json.loads(policy.read_text())["abac"]["path"])


@pytest.fixture(scope="module")
def server(plane: ControlPlane, file: Path) -> Iterator[str]:
    url = plane.start_abac(file)
    yield f"--server={url}"
    plane.stop_abac()


def test_the_file_is_not_written_when_nothing_changed(file: Path, sync: Sync) -> None:
    before = file.stat()
    assert not any(sync().values())
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert file.stat().st_mode & 0o077 == 0


def test_a_tenant_works_in_her_project_and_nowhere_else(server: str, people: People) -> None:
    alice = people["alice"]
    allowed(alice.kubectl(server, "--user", "alice", "get", "pods"))
    allowed(alice.kubectl(server, "create", "configmap", "hers", "--from-literal=a=b"))
    allowed(alice.kubectl(server, "get", "deployments"))
    forbidden(alice.kubectl(server, "get", "pods", "--namespace=blue"))
    forbidden(alice.kubectl(server, "get", "pods", "--namespace=kube-system"))
    forbidden(alice.kubectl(server, "get", "nodes"))
    forbidden(alice.kubectl(server, "get", "resourcequotas"))


def test_a_reader_reads(server: str, people: People) -> None:
    carol = people["carol"]
    allowed(carol.kubectl(server, "get", "configmaps"))
    forbidden(carol.kubectl(server, "create", "configmap", "x"))
    forbidden(carol.kubectl(server, "get", "pods"))


def test_a_role_that_is_taken_away_is_gone_from_the_file_and_from_the_token(
    server: str,
    people: People,
    keystone: Keystone,
    sync: Sync,
    file: Path,
    plane: ControlPlane,
    newcomer: Newcomer,
) -> None:
    def restart() -> None:
        """Have the API server read its file, which it does at its start."""
        plane.stop_abac()
        plane.start_abac(file)

    restart()
    allowed(newcomer.person.kubectl(server, "get", "pods"))
    keystone.take(newcomer.key, newcomer.project)
    assert sync()["abac_removed"] > 0
    until(lambda: forbidden(newcomer.person.kubectl(server, "get", "pods")))
    member = keystone.admin.identity.find_role("member").id
    project = keystone.names[newcomer.project].id
    assert f"keystone:project:{project}:role:{member}" not in file.read_text()
    restart()
    forbidden(newcomer.person.kubectl(server, "get", "pods"))
    allowed(people["carol"].kubectl(server, "get", "configmaps"))
