"""``slipway kubeconfig``: a kubeconfig whose users log in with OpenStack credentials; it has no secret.

https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import argparse
import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from slipway.cli import OK
from slipway.cli.keystone_token_command import GROUP
from slipway.flow.record import SlipwayError

HINT = "slipway keystone-token is part of Slipway: pip install slipway"


def run(options: argparse.Namespace) -> int:
    """Print the kubeconfig, or write it to ``--output``."""
    text = yaml.safe_dump(kubeconfig(options, _projects(options)), sort_keys=False, allow_unicode=True)
    if not options.output:
        print(text, end="")
        return OK
    path = Path(options.output)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    print(f"{path}: {len(yaml.safe_load(text)['contexts'])} contexts; kubectl --kubeconfig={path} get pods")
    return OK


def kubeconfig(options: argparse.Namespace, projects: list[Mapping[str, str]]) -> dict[str, Any]:
    """Return the document: a user and a context for each project.

    :param projects: each with ``id``, ``name`` and ``domain``.
    """
    names = _names(options, projects)
    cluster = {"name": options.cluster_name, "cluster": _cluster(options)}
    contexts, users = [], []
    for project, name in zip(projects, names, strict=True):
        context = {"cluster": options.cluster_name, "user": name, "namespace": _namespace(options, project)}
        contexts.append({"name": name, "context": context})
        users.append({"name": name, "user": {"exec": _exec(options, project)}})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": users,
        "contexts": contexts,
        "current-context": names[0],
    }


def _projects(options: argparse.Namespace) -> list[Mapping[str, str]]:
    """Return the project that is named, or every one that the user has."""
    if options.project and options.namespace:
        return [{"id": options.project, "name": options.project, "domain": options.project_domain or ""}]
    from slipway.openstack.keystone.login import asked, projects, session_of

    session, plugin = session_of(options)
    found = projects(session, plugin)
    if options.project:
        found = [one for one in found if options.project in (one["id"], one["name"])]
    if not found:
        raise SlipwayError(
            f"this user has no role in {options.project or 'any project'}. Name another with --project, or "
            "ask its administrator for a role."
        )
    if options.namespace and len(found) > 1:
        raise SlipwayError("--namespace is for one project: name it with --project.")
    domain = asked(lambda: plugin.get_access(session)).user_domain_name
    return [
        {"id": one["id"], "name": one["name"], "domain": options.project_domain or domain} for one in found
    ]


def _names(options: argparse.Namespace, projects: list[Mapping[str, str]]) -> list[str]:
    """Return what users and contexts are called: by the project, with its id where two have one name."""
    if options.name and len(projects) == 1:
        return [options.name]
    names = [project["name"] for project in projects]
    return [
        project["name"] if names.count(project["name"]) == 1 else f"{project['name']}-{project['id'][:8]}"
        for project in projects
    ]


def _cluster(options: argparse.Namespace) -> dict[str, str]:
    found = {"server": options.server}
    if options.certificate_authority:
        try:
            authority = Path(options.certificate_authority).read_bytes()
        except OSError as error:
            raise SlipwayError(f"{options.certificate_authority} cannot be read: {error.strerror}.") from None
        found["certificate-authority-data"] = base64.b64encode(authority).decode()
    return found


def _namespace(options: argparse.Namespace, project: Mapping[str, str]) -> str:
    if options.namespace:
        return str(options.namespace)
    from slipway.flow.tenancy.directory import Project
    from slipway.flow.tenancy.names import own, wished

    name, domain = project["name"], project["domain"]
    wish = wished(options.namespace_format, name, domain)
    return wish or own(options.namespace_format, Project(project["id"], name, domain), domain)


def _exec(options: argparse.Namespace, project: Mapping[str, str]) -> dict[str, Any]:
    arguments = ["keystone-token", f"--project={project['id']}"]
    named = {"auth-url": options.auth_url or os.environ.get("OS_AUTH_URL"), "cloud": options.cloud}
    named |= {"user-domain": options.user_domain or os.environ.get("OS_USER_DOMAIN_NAME")}
    if project["id"] == project["name"]:
        named |= {"project-domain": project["domain"]}
    arguments += [f"--{name}={value}" for name, value in named.items() if value]
    return {
        "apiVersion": f"{GROUP}/{options.exec_version}",
        "command": options.command_path,
        "args": arguments,
        "installHint": HINT,
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": False,
    }
