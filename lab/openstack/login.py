"""Logging in to the cloud as its administrator or as one of its users.

https://docs.openstack.org/openstacksdk/latest/user/connection.html
"""

from __future__ import annotations

from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as Identity

from lab.openstack.cloud import REGION, Cloud
from lab.patience import stretched

SECONDS = 60
PROJECT = "demo"
USER = "slipway"


def connect(cloud: Cloud, user: str, project: str) -> Connection:
    """Return a connection by password; the settings of who runs this are not read."""
    return Connection(
        auth={
            "auth_url": cloud.identity,
            "username": user,
            "password": cloud.password(user),
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=REGION,
        api_timeout=stretched(SECONDS),
    )


def administrator(cloud: Cloud) -> Connection:
    """Return a connection that may do everything."""
    return connect(cloud, "admin", "admin")


def system(cloud: Cloud) -> Connection:
    """Return a connection of the administrator of the whole system, as some services ask for.

    https://docs.openstack.org/keystone/latest/admin/tokens-overview.html
    """
    auth = {
        "auth_url": cloud.identity,
        "username": "admin",
        "password": cloud.password("admin"),
        "user_domain_id": "default",
        "system_scope": "all",
    }
    return Connection(auth=auth, region_name=REGION, api_timeout=stretched(SECONDS))


def identity(connection: Connection) -> Identity:
    """Return Keystone's third API: the SDK knows the second one too."""
    found = connection.identity
    assert isinstance(found, Identity)
    return found


def tenant(admin: Connection) -> str:
    """Return the id of the tenant's project."""
    return str(identity(admin).find_project(PROJECT, ignore_missing=False, domain_id="default").id)
