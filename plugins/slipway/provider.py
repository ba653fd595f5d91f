"""Slipway as a provider of Airflow: connection types with their forms, and its database tables.

https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
"""

from __future__ import annotations

from typing import Any

PACKAGE = "slipway"
VERSIONS = ["0.1.0"]


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow reads through the entry point ``apache_airflow_provider``."""
    return {
        "package-name": PACKAGE,
        "name": "Slipway",
        "description": "One push, every platform: images built, verified and deployed by Airflow.",
        "versions": VERSIONS,
        "connection-types": [_github(), _artifactory(), _jenkins(), _openstack(), _keystone()],
        "db-managers": ["slipway.webhook.db.SlipwayDBManager"],
    }


def _github() -> dict[str, Any]:
    return {
        "connection-type": "slipway_github",
        "hook-class-name": "slipway.github.hook.GithubHook",
        "hook-name": "Slipway: GitHub",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {"host": "Clone URL", "login": "User", "password": "Token"},
            "placeholders": {
                "host": "https://github.com",
                "login": "x-access-token",
                "password": "fine-grained, contents: read",
            },
        },
        "conn-fields": {
            "webhook_secrets": _field(
                "Webhook secrets",
                "Secret of GitHub's webhook, which signs deliveries of repositories that have no other in "
                "apps.yaml. While it is changed: both, separated by a space.",
                secret=True,
            ),
            "api_url": _field("API URL", "Of the REST API; https://api.github.com when empty."),
        },
    }


def _artifactory() -> dict[str, Any]:
    return {
        "connection-type": "slipway_artifactory",
        "hook-class-name": "slipway.artifactory.hook.ArtifactoryHook",
        "hook-name": "Slipway: Artifactory",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {"host": "URL", "login": "User", "password": "Password or access token"},
            "placeholders": {"host": "https://example.jfrog.io/artifactory"},
        },
        "conn-fields": {
            "generic_repository": _field(
                "Generic repository", "Key of the repository of files; generic-local when empty."
            ),
            "docker_repository": _field(
                "Docker repository", "Key of the repository of built images; docker-local when empty."
            ),
            "docker_remote_repository": _field(
                "Base image repository",
                "Key of the repository that base images are copied to; docker-remote when empty.",
            ),
        },
    }


def _jenkins() -> dict[str, Any]:
    return {
        "connection-type": "slipway_jenkins",
        "hook-class-name": "slipway.jenkins.hook.JenkinsHook",
        "hook-name": "Slipway: Jenkins",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {"host": "URL", "login": "User", "password": "API token"},
            "placeholders": {"host": "https://jenkins.example.org/"},
        },
        "conn-fields": {
            "ca_certificate": _field(
                "CA certificate",
                "Path on workers and triggerers of the authorities' certificates; the system's own when "
                "empty.",
            ),
            "notifies": _field("Builds notify", "`true` when builds notify Slipway's webhook of their end."),
        },
    }


def _openstack() -> dict[str, Any]:
    return {
        "connection-type": "slipway_openstack",
        "hook-class-name": "slipway.openstack.hook.OpenstackHook",
        "hook-name": "Slipway: OpenStack",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {
                "host": "Keystone URL",
                "login": "Application credential id",
                "password": "Application credential secret",
            },
            "placeholders": {"host": "https://keystone.example.org/v3"},
        },
        "conn-fields": {
            "region": _field("Region", "Name of the region; needed when the cloud has several."),
            "ca_certificate": _field(
                "CA certificate",
                "Path on the workers of the authorities' certificates; the system's own when empty.",
            ),
        },
    }


def _keystone() -> dict[str, Any]:
    return {
        "connection-type": "slipway_keystone",
        "hook-class-name": "slipway.openstack.keystone.hook.KeystoneHook",
        "hook-name": "Slipway: Keystone",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "port"],
            "relabeling": {"host": "Keystone URL", "login": "User"},
            "placeholders": {
                "host": "https://keystone.example.org/v3",
                "login": "with the role reader on the system",
            },
        },
        "conn-fields": {
            "user_domain": _field("User's domain", "Name of the domain; Default when empty."),
            "project": _field(
                "Project", "Logs in by the role admin in this project, not on the system: quotas need it."
            ),
            "project_domain": _field("Project's domain", "Name of the domain; Default when empty."),
            "region": _field("Region", "Name of the region; needed when the cloud has several."),
            "ca_certificate": _field(
                "CA certificate",
                "Path on the workers of the authorities' certificates; the system's own when empty.",
            ),
        },
    }


def _field(label: str, description: str, *, secret: bool = False) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": ["string", "null"]}
    return {
        "label": label,
        "description": description,
        "schema": kind | {"format": "password"} if secret else kind,
    }
