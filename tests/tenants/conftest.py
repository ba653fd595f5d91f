"""Keystone's people and projects for one test run, and a cluster that knows them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml
from openstack.connection import Connection

from lab.access import Lab
from lab.airflow.connections import connections
from slipway.pipelines.upkeep import tenant_sync
from tests.tenants.control_plane import CHECKOUT, ControlPlane, Person

Sync = Callable[..., dict[str, int]]


@dataclass
class Keystone:
    """The lab's Keystone; what is made here is gone afterwards."""

    admin: Connection
    mark: str
    made: list[tuple[str, Any]] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)

    def domain(self, name: str) -> Any:
        return self._make("domain", name, name=f"{self.mark}-{name}")

    def project(self, name: str, domain: str = "home") -> Any:
        return self._make("project", name, name=name, domain_id=self.names[domain].id)

    def user(self, key: str, name: str = "", domain: str = "home") -> Any:
        place = self.names[domain].id
        return self._make("user", key, name=name or key, domain_id=place, password=f"pw-{key}-{self.mark}")

    def role(self, name: str) -> Any:
        return self._make("role", name, name=f"{self.mark}-{name}")

    def group(self, name: str) -> Any:
        return self._make("group", name, name=name, domain_id=self.names["home"].id)

    def known(self, role: str) -> Any:
        return self.names.get(role) or self.admin.identity.find_role(role, ignore_missing=False)

    def grant(self, user: str, project: str, role: str = "member") -> None:
        self.admin.identity.assign_project_role_to_user(
            self.names[project], self.names[user], self.known(role)
        )

    def take(self, user: str, project: str, role: str = "member") -> None:
        self.admin.identity.unassign_project_role_from_user(
            self.names[project], self.names[user], self.known(role)
        )

    def clear(self) -> None:
        for kind, one in reversed(self.made):
            if kind == "domain":
                self.admin.identity.update_domain(one, enabled=False)
            getattr(self.admin.identity, f"delete_{kind}")(one, ignore_missing=True)

    def _make(self, kind: str, key: str, **fields: Any) -> Any:
        one = getattr(self.admin.identity, f"create_{kind}")(**fields)
        self.made.append((kind, one))
        self.names[key] = one
        return one


@pytest.fixture(scope="module")
def keystone(lab: Lab) -> Iterator[Keystone]:
    """Domain ``home``: alice, bob and carol in projects red and blue; another alice elsewhere.

    They keep what they have: a test that takes something away makes :func:`newcomer` somebody of its own.
    """
    config = openstack.config.OpenStackConfig(config_files=[lab["OS_CLIENT_CONFIG_FILE"]])
    with Connection(config=config.get_one("admin", api_timeout=60)) as admin:
        found = Keystone(admin, f"tt-{secrets.token_hex(3)}")
        try:
            for name in ("home", "away"):
                found.domain(name)
            for name in ("red", "blue", "kube-system", "default"):
                found.project(name)
            found.project("red-away", "away")
            for name in ("alice", "bob", "carol"):
                found.user(name)
            found.user("alice-away", "alice", "away")
            found.role("unmapped")
            found.group("readers")
            admin.identity.add_user_to_group(found.names["carol"], found.names["readers"])
            admin.identity.assign_project_role_to_group(
                found.names["blue"], found.names["readers"], found.known("reader")
            )
            for user, project in (("alice", "red"), ("bob", "blue")):
                found.grant(user, project)
            found.grant("alice", "red", "unmapped")
            found.grant("alice", "kube-system")
            found.grant("alice-away", "red-away")
            yield found
        finally:
            found.clear()


@pytest.fixture(scope="module")
def plane(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    found = ControlPlane(tmp_path_factory.mktemp("plane"), lab["SLIPWAY_OPENSTACK_URL"])
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def policy(keystone: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy that comes with Slipway, for this run's domains alone, with an ABAC file."""
    folder = tmp_path_factory.mktemp("policy")
    document = yaml.safe_load((CHECKOUT / "include" / "tenancy.yaml").read_text())
    document |= {
        "only": [{"domain": f"{keystone.mark}-*"}],
        "abac": {"path": str(folder / "abac.jsonl")},
        "guard": {"max_removed_percent": 50, "at_least": 5},
    }
    path = folder / "tenancy.yaml"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def sync(lab: Lab, plane: ControlPlane, policy: Path) -> Iterator[Sync]:
    """Run ``tenant_sync`` once, as its DAG does, with the rights that its recipe gives."""
    known = {**lab.variables, "SLIPWAY_TENANTS_KUBECONFIG": str(plane.kubeconfig("tenants"))}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in connections(known).items():
            patch.setenv(name, value)
        patch.setenv("SLIPWAY_TENANCY_FILE", str(policy))

        def run(*, let_go: bool = False) -> dict[str, int]:
            plan = tenant_sync.plan(let_go=let_go)
            tenant_sync.bring_about(plan)
            return plan.summary()

        yield run


@pytest.fixture(scope="module")
def synced(sync: Sync) -> dict[str, int]:
    """What the first run did: everybody has the rights that Keystone says."""
    return sync()


@dataclass(frozen=True)
class Home:
    """Where people's files go, and how they come to a kubeconfig."""

    keystone: Keystone
    plane: ControlPlane
    folder: Path

    def move_in(self, key: str, project: str, version: str = "v1") -> Person:
        """Return somebody with a kubeconfig of a project that ``slipway kubeconfig`` wrote."""
        place = self.folder / key
        place.mkdir()
        person = Person(place, self.keystone.names[key].name, f"pw-{key}-{self.keystone.mark}")
        domain = "away" if key.endswith("away") else "home"
        url, authority = self.plane.layout.api_url, self.plane.authority
        made = person.slipway(
            *("kubeconfig", f"--server={url}", f"--certificate-authority={authority}"),
            *(
                f"--auth-url={self.plane.keystone}",
                f"--user-domain={self.keystone.names[domain].name}",
                f"--name={key}",
            ),
            *(f"--project={self.keystone.names[project].id}", f"--namespace={project}"),
            *(f"--exec-version={version}", f"--output={place / 'config'}"),
        )
        assert made.returncode == 0, made.stderr
        return person


@pytest.fixture(scope="module")
def home(keystone: Keystone, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(keystone, plane, tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def people(synced: dict[str, int], home: Home) -> dict[str, Person]:
    """Everybody, with their rights and a kubeconfig of their project."""
    return {
        key: home.move_in(key, project, version)
        for key, project, version in (
            ("alice", "red", "v1"),
            ("bob", "blue", "v1beta1"),
            ("carol", "blue", "v1"),
            ("alice-away", "red-away", "v1"),
        )
    }


@dataclass(frozen=True)
class Newcomer:
    """Somebody alone in a project, whom one test may do anything to."""

    key: str
    project: str
    person: Person


Newcomers = Callable[[], Newcomer]


@pytest.fixture
def newcomers(synced: dict[str, int], keystone: Keystone, sync: Sync, home: Home) -> Newcomers:
    """Makes a user with the role member in a project of their own, and their rights in the cluster."""

    def make() -> Newcomer:
        word = secrets.token_hex(4)
        key, project = f"user-{word}", f"project-{word}"
        keystone.project(project)
        keystone.user(key)
        keystone.grant(key, project)
        keystone.grant(key, project, "unmapped")  # so that Keystone goes on knowing who loses the other
        sync()
        return Newcomer(key, project, home.move_in(key, project))

    return make


@pytest.fixture
def newcomer(newcomers: Newcomers) -> Newcomer:
    """Make one."""
    return newcomers()
