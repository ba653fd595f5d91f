"""Which tests run one after the other: files that share something of the lab of which there is one.

Files of one group are a worker's of pytest-xdist (``--dist loadgroup``); a file without a group is one of its
own. What stops servers that others use is marked ``alone`` and runs after the rest.
"""

from __future__ import annotations

import fnmatch

import pytest

GROUPS = {
    # Half a dozen bare-metal nodes, which are all given out at times.
    "nodes": (
        "tests/dags/test_bare_metal_release.py",
        "tests/release/test_all_or_none.py",
        "tests/dags/test_rollback.py",
        "tests/dags/test_reap_orphans.py",
        "tests/lab/test_ironic.py",
        "tests/systems/openstack/test_fleet_traces.py",
        "tests/systems/openstack/test_ironic_*.py",
    ),
    # Machines without KVM, which take a core each.
    "machines": (
        "tests/dags/test_vm_image.py",
        "tests/dags/test_killed_vm_image.py",
        "tests/dags/test_vm_in_cloud.py",
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
    "webhooks": ("tests/systems/webhooks/*.py",),
    "jenkins": ("tests/systems/jenkins/*.py",),
    # A browser takes a core.
    "browser": ("tests/browser/*.py",),
    # Users with one role each, and an application that is there for all of them.
    "people": ("tests/people/*.py",),
}


def group(path: str) -> str:
    """Return the group of a test file, by its path from the checkout."""
    return next(
        (name for name, patterns in GROUPS.items() if any(fnmatch.fnmatch(path, one) for one in patterns)),
        path,
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say each test's group to pytest-xdist, and take the groups, which take longest, first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(_path(item))))
    items.sort(key=lambda item: group(_path(item)) not in GROUPS)


def _path(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
