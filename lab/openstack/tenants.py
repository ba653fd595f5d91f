"""People who use the cloud: alice and bob in a project each, another alice in another domain, and a reader.

The reader is what ``tenant_sync`` logs in as: it may see everything, and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from openstack.identity.v3._proxy import Proxy as Identity
from openstack.identity.v3.domain import Domain
from openstack.identity.v3.user import User

from lab.openstack.cloud import Cloud

READER = "slipway-tenants"
PARTNERS = "Partners"
DOMAINS = ("Default", PARTNERS)
PEOPLE = (("alice", "Default", "demo"), ("bob", "Default", "other"), ("alice", PARTNERS, "shop"))
"""Name, domain, and the project of that domain in which they are members."""


def ensure(keystone: Identity, cloud: Cloud) -> None:
    """Make them, and give them their roles, unless they are there."""
    role = keystone.find_role("member", ignore_missing=False)
    for name, domain_name, project_name in PEOPLE:
        domain = keystone.find_domain(domain_name) or keystone.create_domain(name=domain_name)
        project = keystone.find_project(project_name, domain_id=domain.id)
        project = project or keystone.create_project(name=project_name, domain_id=domain.id)
        keystone.assign_project_role_to_user(project, _user(keystone, cloud, name, domain), role)
    reader = _user(keystone, cloud, READER, keystone.find_domain("Default", ignore_missing=False))
    reading = keystone.find_role("reader", ignore_missing=False)
    keystone.assign_system_role_to_user(reader, reading, "all")


def exports(cloud: Cloud) -> Mapping[str, str]:
    """Return the reader's login, and the passwords of people, by name and domain."""
    people = {f"SLIPWAY_{secret(*one[:2])}_PASSWORD": cloud.password(secret(*one[:2])) for one in PEOPLE}
    reader = {"SLIPWAY_KEYSTONE_USER": READER, "SLIPWAY_KEYSTONE_PASSWORD": cloud.password(READER)}
    return reader | {name.upper().replace("-", "_"): password for name, password in people.items()}


def secret(name: str, domain: str) -> str:
    """Return what a person's password is kept under."""
    return name if domain == "Default" else f"{name}-{domain.lower()}"


def _user(keystone: Identity, cloud: Cloud, name: str, domain: Domain) -> User:
    password = cloud.password(secret(name, str(domain.name)))
    found = keystone.find_user(name, domain_id=domain.id)
    return found or keystone.create_user(name=name, password=password, domain_id=domain.id)
