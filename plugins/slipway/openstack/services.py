"""Which services a cloud has."""

from __future__ import annotations

from keystoneauth1.identity import BaseIdentityPlugin
from openstack.connection import Connection

ALSO_CALLED = {"block-storage": ("block-store", "volumev3", "volume")}


def services(cloud: Connection) -> set[str]:
    """Return the types of the cloud's services; the SDK itself takes a cloud that is away for an empty one.

    :raises keystoneauth1.exceptions.ClientException: when Keystone does not answer, or refuses the login.
    """
    auth = cloud.session.auth
    assert isinstance(auth, BaseIdentityPlugin)
    return {entry["type"] for entry in auth.get_access(cloud.session).service_catalog.catalog}


def offers(known: set[str], service: str) -> bool:
    """Say whether a service is among those of a catalogue, which may have it by an older name.

    https://service-types.openstack.org
    """
    return bool(known & {service, *ALSO_CALLED.get(service, ())})
