"""Who uses the cloud: services, a tenant, and Slipway, which logs in by an application credential.

https://docs.openstack.org/api-ref/identity/v3/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as Identity

from lab.openstack import tenants
from lab.openstack.cloud import CATALOGUE, REGION, Cloud
from lab.openstack.login import PROJECT, USER, administrator, connect, identity

CREDENTIAL = "slipway"
ROLE = "member"


def seed(cloud: Cloud) -> None:
    """Make the services' users and endpoints, the tenant and its user, and write ``clouds.yaml``."""
    with administrator(cloud) as admin:
        keystone = identity(admin)
        services, tenant = _ensure_project(keystone, "service"), _ensure_project(keystone, PROJECT)
        for name, kind in CATALOGUE.items():
            user = _ensure_user(keystone, name, cloud.password(name))
            _grant(keystone, services, user, "admin", "service")
            _ensure_endpoints(keystone, name, kind, cloud.endpoint(name))
        _grant(keystone, tenant, _ensure_user(keystone, USER, cloud.password(USER)), ROLE)
        tenants.ensure(keystone, cloud)
    with connect(cloud, USER, PROJECT) as slipway:
        credential = _ensure_credential(slipway, cloud.password(f"{USER}-credential"))
    _write(cloud, credential)


def exports(cloud: Cloud) -> Mapping[str, str]:
    """Return the login's variables, for OpenStack's clients and Airflow's connection, once it is made."""
    if not cloud.clouds_yaml.exists():
        return {}
    auth = yaml.safe_load(cloud.clouds_yaml.read_text())["clouds"][USER]["auth"]
    return {
        "OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml),
        "OS_CLOUD": USER,
        "SLIPWAY_OPENSTACK_URL": auth["auth_url"],
        "SLIPWAY_OPENSTACK_REGION": REGION,
        "SLIPWAY_OPENSTACK_CREDENTIAL_ID": auth["application_credential_id"],
        "SLIPWAY_OPENSTACK_CREDENTIAL_SECRET": auth["application_credential_secret"],
        **tenants.exports(cloud),
    }


def _ensure_project(keystone: Identity, name: str) -> Any:
    return keystone.find_project(name, domain_id="default") or keystone.create_project(
        name=name, domain_id="default"
    )


def _ensure_user(keystone: Identity, name: str, password: str) -> Any:
    return keystone.find_user(name, domain_id="default") or keystone.create_user(
        name=name, password=password, domain_id="default"
    )


def _grant(keystone: Identity, project: Any, user: Any, *roles: str) -> None:
    for name in roles:
        role = keystone.find_role(name, ignore_missing=False)
        keystone.assign_project_role_to_user(project, user, role)


def _ensure_endpoints(keystone: Identity, name: str, kind: str, url: str) -> None:
    service = keystone.find_service(name) or keystone.create_service(name=name, type=kind)
    have = {endpoint.interface for endpoint in keystone.endpoints(service_id=service.id)}
    for interface in {"public", "internal", "admin"} - have:
        keystone.create_endpoint(service_id=service.id, interface=interface, url=url, region_id=REGION)


def _ensure_credential(slipway: Connection, secret: str) -> Mapping[str, str]:
    keystone, user = identity(slipway), str(slipway.current_user_id)
    made = keystone.find_application_credential(user, CREDENTIAL)
    made = made or keystone.create_application_credential(
        user, CREDENTIAL, secret=secret, roles=[{"name": ROLE}], description="What Slipway logs in with"
    )
    return {"application_credential_id": made.id, "application_credential_secret": secret}


def _of_the_system(login: Mapping[str, str]) -> Mapping[str, str]:
    unscoped = {name: value for name, value in login.items() if not name.startswith("project_")}
    return {**unscoped, "system_scope": "all"}


def _write(cloud: Cloud, credential: Mapping[str, str]) -> None:
    """https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html"""
    common = {"region_name": REGION, "identity_api_version": "3"}
    administrator_login = {
        "auth_url": cloud.identity,
        "username": "admin",
        "password": cloud.password("admin"),
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
    }
    slipway_login = {"auth_url": cloud.identity, **credential}
    clouds = {
        USER: {**common, "auth_type": "v3applicationcredential", "auth": slipway_login},
        "admin": {**common, "auth": administrator_login},
        "system": {**common, "auth": _of_the_system(administrator_login)},
    }
    aside = cloud.clouds_yaml.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    aside.rename(cloud.clouds_yaml)
