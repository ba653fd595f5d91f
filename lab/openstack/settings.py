"""Settings as oslo.config reads them, and the sections that services have in common.

https://docs.openstack.org/oslo.config/latest/reference/configuration-files.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.openstack.cloud import REGION, Cloud

Section = Mapping[str, str]
Settings = Mapping[str, Section]

NEVER = str(10 * 365 * 24 * 3600)
"""Seconds after which one that does not report counts as dead."""


def login(cloud: Cloud, user: str) -> Section:
    """Return how one service logs in to another, as ``user``."""
    return {
        "auth_url": cloud.identity,
        "auth_type": "password",
        "username": user,
        "password": cloud.password(user),
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": REGION,
    }


def token_check(cloud: Cloud, user: str) -> Section:
    """Return how a service asks Keystone whose a token is.

    https://docs.openstack.org/keystonemiddleware/latest/middlewarearchitecture.html
    """
    return {
        **login(cloud, user),
        "www_authenticate_uri": cloud.identity,
        "service_token_roles_required": "true",
    }


def render(settings: Settings) -> str:
    """Return the file's text."""
    sections = (
        "\n".join([f"[{name}]", *(f"{option} = {value}" for option, value in options.items())])
        for name, options in settings.items()
    )
    return "\n\n".join(sections) + "\n"


def write(path: Path, settings: Settings) -> None:
    """Write the file, for its owner only: there are passwords in it."""
    path.touch(mode=0o600)
    path.write_text(render(settings))
