"""Which tests run one after the other: files that share something of the lab of which there is one.

A group is one worker's of pytest-xdist; a file without a group is one of its own. What stops servers that
others use is marked ``alone`` and runs after the rest.

https://pytest-xdist.readthedocs.io/en/stable/distribution.html
"""

from __future__ import annotations

import fnmatch

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    # Real runs that are killed or fail, and what removes orphans of all of them.
    "orphans": (
        "tests/dags/test_killed_vm_image.py",
        "tests/dags/test_bare_metal_release.py",
        "tests/release/test_all_or_none.py",
        "tests/release/test_kills.py",
        "tests/dags/test_rollback.py",
        "tests/dags/test_reap_orphans.py",
    ),
    # One Ironic conductor, which some make slow or fail.
    "fleets": (
        "tests/lab/test_ironic.py",
        "tests/systems/openstack/test_fleet_traces.py",
        "tests/systems/openstack/test_ironic_*.py",
    ),
    # Machines without KVM, which take a core each.
    "machines": (
        "tests/dags/test_vm_image.py",
        "tests/dags/test_vm_in_cloud.py",
        "tests/dags/test_bare_metal_by_packer.py",
        "tests/lab/test_hypervisor.py",
        "tests/lab/test_vm_base.py",
        "tests/systems/packer/*.py",
        "tests/systems/qemu/*.py",
    ),
    # Loop devices and mounts, of which none may be left.
    "mounts": (
        "tests/dags/test_bare_metal_image.py",
        "tests/systems/diskimage_builder/*.py",
        "tests/systems/worker/*.py",
    ),
    # A control plane, a database: made once for all tests that use it.
    "tenants": ("tests/tenants/*.py", "tests/dags/test_tenant_sync.py"),
    "server": ("tests/server/*.py",),
    "jenkins": ("tests/systems/jenkins/*.py",),
    # A browser takes a core.
    "browser": ("tests/browser/*.py",),
    # Users with one role each, and an application that is there for all of them.
    "people": ("tests/people/*.py", "tests/dags/test_freezes.py"),
}


LONG = ("tests/systems/openstack/*.py", "tests/release/*.py", "tests/dags/*.py")
"""Files that take minutes and are in no group, the longest first: one begun last has all others wait."""


def group(path: str) -> str:
    """Return the group of a test file, by its path from the checkout."""
    return next(
        (name for name, patterns in GROUPS.items() if any(fnmatch.fnmatch(path, one) for one in patterns)),
        path,
    )


class Grouped(LoadScopeScheduling):
    """Gives a worker one group after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return group(path_of(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Grouped:
    """Distribute tests by their groups."""
    return Grouped(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take groups and long files first, and what stops servers that others use, last.

    It comes after what shuffles, and keeps the order of what it does not move.
    """
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = path_of(item.nodeid)
    if item.get_closest_marker("alone"):
        return len(LONG) + 1
    if group(path) in GROUPS:
        return -1
    return next((n for n, pattern in enumerate(LONG) if fnmatch.fnmatch(path, pattern)), len(LONG))


def path_of(nodeid: str) -> str:
    """Return a test's file, from the checkout."""
    return nodeid.partition("::")[0]
