"""A Keystone of its own with 10,000 users, 1,000 projects in ten domains, and 50,000 role assignments.

The server is the real one; its tables are filled without it: 60,000 requests would take longer than all the
rest.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from lab.ground import ground_of
from lab.openstack.cloud import Cloud
from lab.openstack.keystone import KEYSTONE
from lab.openstack.service import Service
from lab.paths import Paths, this_checkout

USERS, PROJECTS, DOMAINS, ASSIGNMENTS = 10_000, 1_000, 10, 50_000


@contextmanager
def large_cloud() -> Iterator[Cloud]:
    """Start it; stop it and remove it afterwards."""
    with TemporaryDirectory(prefix="slipway-keystone-", ignore_cleanup_errors=True) as folder:
        paths = Paths(checkout=Path(folder), cache=this_checkout().cache)
        paths.make()
        cloud = Cloud(ground_of(paths))
        server = Service(cloud, KEYSTONE)
        # The lab's own extensions and code are in the real checkout.
        (Path(folder) / "lab").symlink_to(this_checkout().checkout / "lab")
        try:
            server.start()
            _fill(cloud.of("keystone") / "keystone.db")
            yield cloud
        finally:
            server.stop()


def _fill(database: Path) -> None:
    chance = random.Random(1)
    root = "<<keystone.domain.root>>"

    def ident() -> str:
        return UUID(int=chance.getrandbits(128)).hex

    domains, projects, users = ([ident() for _ in range(n)] for n in (DOMAINS, PROJECTS, USERS))
    with sqlite3.connect(database) as tables:
        roles = dict(tables.execute("select name, id from role"))
        add = tables.executemany
        place = (
            "insert into project (id, name, extra, description, enabled, domain_id, parent_id, is_domain) "
        )
        place += "values (?, ?, '{}', '', 1, ?, ?, ?)"
        add(place, [(one, f"domain-{n}", root, None, 1) for n, one in enumerate(domains)])
        add(
            place,
            [
                (one, f"project-{n}", domains[n % DOMAINS], domains[n % DOMAINS], 0)
                for n, one in enumerate(projects)
            ],
        )
        people = [(one, domains[n % DOMAINS]) for n, one in enumerate(users)]
        add("insert into user (id, extra, enabled, domain_id) values (?, '{}', 1, ?)", people)
        named = [(*one, f"user-{n}") for n, one in enumerate(people)]
        add("insert into local_user (user_id, domain_id, name, failed_auth_count) values (?, ?, ?, 0)", named)
        wanted: set[tuple[str, str, str]] = set()
        while len(wanted) < ASSIGNMENTS:
            role = roles[chance.choice(("member", "reader"))]
            wanted.add((chance.choice(users), chance.choice(projects), role))
        add("insert into assignment values ('UserProject', ?, ?, ?, 0)", sorted(wanted))
    tables.close()
