"""Which services a cloud has."""

from __future__ import annotations

from keystoneauth1.identity import BaseIdentityPlugin
from openstack.connection import Connection


def services(cloud: Connection) -> set[str]:
    """Return the types of the cloud's services; the SDK itself takes a cloud that is away for an empty one.

    :raises keystoneauth1.exceptions.ClientException: when Keystone does not answer, or refuses the login.
    """
    auth = cloud.session.auth
    assert isinstance(auth, BaseIdentityPlugin)
    return {entry["type"] for entry in auth.get_access(cloud.session).service_catalog.catalog}
