"""A person's login, as OpenStack's own clients take it: ``OS_*`` variables or ``clouds.yaml``.

https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html
"""

from __future__ import annotations

import getpass
import os
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from keystoneauth1.exceptions import (
    ClientException,
    ConnectFailure,
    DiscoveryFailure,
    HttpError,
    Unauthorized,
)
from keystoneauth1.identity import BaseIdentityPlugin
from keystoneauth1.session import Session
from openstack.config import OpenStackConfig
from openstack.exceptions import ConfigException

from slipway.openstack.errors import OpenstackError, TransientOpenstackError, may_pass
from slipway.openstack.keystone.token import Token

TIMEOUT_SECONDS = 30


def log_in(options: Namespace, *, ask_password: object) -> Token:
    """Log in for one project; without one being named, for the only one that the user has.

    :param options: ``cloud``, ``auth_url``, ``project``, ``project_domain``, ``user_domain``; None: not said.
    :raises OpenstackError: when Keystone refuses, or the project is not clear.
    :raises TransientOpenstackError: when Keystone does not answer.
    """
    settings = settings_of(options, os.environ)
    user = os.environ.get("OS_USERNAME")
    if ask_password and user and "OS_PASSWORD" not in os.environ and not _has_cloud(options, os.environ):
        settings["password"] = getpass.getpass(f"OpenStack password of {user}: ")
    session, plugin = _session(options, settings)
    access = asked(lambda: plugin.get_access(session))
    if not access.project_id:
        project = only_project(projects(session, plugin))
        session, plugin = _session(options, {**settings, "project_id": project["id"]})
        access = asked(lambda: plugin.get_access(session))
    return Token(str(access.auth_token), access.expires)


def settings_of(options: Namespace, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the arguments say beside the environment; they come first.

    A user or project without a domain is one of the domain ``default``.
    """
    named = {
        "auth_url": options.auth_url,
        "user_domain_name": options.user_domain,
        "project_domain_name": options.project_domain,
    }
    found = {name: value for name, value in named.items() if value}
    if options.project:
        found["project_id" if _is_id(options.project) else "project_name"] = options.project
    if not _has_cloud(options, environment) and "OS_USERNAME" in environment:
        for kind in ("user", "project"):
            said = (f"OS_{kind.upper()}_DOMAIN_NAME", f"OS_{kind.upper()}_DOMAIN_ID", "OS_DEFAULT_DOMAIN")
            named_project = "project_name" in found or "OS_PROJECT_NAME" in environment
            if f"{kind}_domain_name" in found or any(name in environment for name in said):
                continue
            if kind == "user" or named_project:
                found[f"{kind}_domain_id"] = "default"
    return found


def projects(session: Session, plugin: BaseIdentityPlugin) -> list[dict[str, Any]]:
    """Return the projects that the user has a role in."""
    access = asked(lambda: plugin.get_access(session))
    headers = {"X-Auth-Token": str(access.auth_token)}
    url = f"{str(plugin.auth_url).rstrip('/')}/auth/projects"
    answer = asked(lambda: session.get(url, headers=headers, authenticated=False))
    found: list[dict[str, Any]] = [one for one in answer.json()["projects"] if one.get("enabled", True)]
    return sorted(found, key=lambda one: (one["name"], one["id"]))


def only_project(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one project.

    :raises OpenstackError: when there are several, or none.
    """
    if not found:
        raise OpenstackError(
            "this user has no role in any project. Ask an administrator of the project for one."
        )
    if len(found) > 1:
        names = ", ".join(f"{one['name']} ({one['id']})" for one in found[:20])
        raise OpenstackError(f"this user has several projects: {names}. Name one: OS_PROJECT_ID, --project.")
    return found[0]


def session_of(options: Namespace) -> tuple[Session, BaseIdentityPlugin]:
    """Return a session and its login, not logged in yet.

    :raises OpenstackError: when something is missing.
    """
    return _session(options, settings_of(options, os.environ))


def asked(ask: Any) -> Any:
    """Ask Keystone; its refusals become ours, without the request that has the password in it."""
    try:
        return ask()
    except Unauthorized:
        raise OpenstackError(
            "Keystone refuses the login: user, domain, password or project is wrong or disabled, or the user "
            "has no role there (any more). Try it with `openstack token issue`."
        ) from None
    except (ConnectFailure, DiscoveryFailure) as error:
        raise TransientOpenstackError(f"Keystone does not answer: {error}") from None
    except HttpError as error:
        kind = TransientOpenstackError if may_pass(error.http_status) else OpenstackError
        raise kind(f"Keystone answers {error.http_status}: {error.message}") from None
    except ClientException as error:
        raise OpenstackError(f"the login does not work: {error}") from None


def _session(options: Namespace, settings: dict[str, Any]) -> tuple[Session, BaseIdentityPlugin]:
    try:
        config = OpenStackConfig(app_name="slipway")
        cloud = config.get_one(cloud=options.cloud, auth=dict(settings), api_timeout=TIMEOUT_SECONDS)
        session = cloud.get_session()
    except (ConfigException, ClientException) as error:
        raise OpenstackError(
            f"the login is not complete: {error}. Set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, or OS_CLOUD."
        ) from None
    plugin = session.auth
    if not isinstance(plugin, BaseIdentityPlugin):
        raise OpenstackError(
            "this kind of login gives no token: use a password or an application credential."
        )
    return session, plugin


def _has_cloud(options: Namespace, environment: Mapping[str, str]) -> bool:
    return bool(options.cloud or environment.get("OS_CLOUD"))


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)
