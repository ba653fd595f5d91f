"""Slipway's connections, made from the exports of the lab's other servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def connections(known: Mapping[str, str]) -> dict[str, str]:
    """Return ``AIRFLOW_CONN_*`` variables (JSON) for the servers that ``known`` names.

    :param known: variables of ``.lab/env``; a server that is not among them gets no connection.
    """
    found = {
        "slipway_github": _web(known, "SLIPWAY_GIT", "SLIPWAY_GIT_URL", "slipway_github"),
        "slipway_artifactory": _web(
            known, "SLIPWAY_ARTIFACTORY", "SLIPWAY_ARTIFACTORY_URL", "slipway_artifactory"
        ),
        "slipway_jenkins": _jenkins(known),
        "slipway_registry": _registry(known, "SLIPWAY_REGISTRY"),
        "slipway_dockerhub": _registry(known, "SLIPWAY_DOCKERHUB"),
        "slipway_kubernetes": _kubernetes(known),
        "slipway_tenants": _kubernetes(known, "SLIPWAY_TENANTS_KUBECONFIG"),
        "slipway_openstack": _openstack(known),
        "slipway_keystone": _keystone(known),
        "slipway_jira": _jira(known),
        "slipway_questions": _questions(known),
    }
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in found.items() if value}


def _web(known: Mapping[str, str], prefix: str, address: str, kind: str) -> dict[str, Any] | None:
    if address not in known:
        return None
    return {
        "conn_type": kind,
        "host": known[address],
        "login": known[f"{prefix}_USER"],
        "password": known[f"{prefix}_PASSWORD"],
    }


def _questions(known: Mapping[str, str]) -> dict[str, Any] | None:
    if "SLIPWAY_QUESTIONS_KEY" not in known:
        return None
    return {"conn_type": "generic", "password": known["SLIPWAY_QUESTIONS_KEY"]}


def _jira(known: Mapping[str, str]) -> dict[str, Any] | None:
    if "SLIPWAY_JIRA_URL" not in known:
        return None
    return {
        "conn_type": "jira",
        "host": known["SLIPWAY_JIRA_URL"],
        "login": known["SLIPWAY_JIRA_USER"],
        "password": known["SLIPWAY_JIRA_TOKEN"],
    }


def _registry(known: Mapping[str, str], prefix: str) -> dict[str, Any] | None:
    if prefix not in known:
        return None
    host, _, port = known[prefix].rpartition(":")
    return {
        "conn_type": "docker",
        "host": host,
        "port": int(port),
        "login": known[f"{prefix}_USER"],
        "password": known[f"{prefix}_PASSWORD"],
        "extra": {"reauth": False},
    }


def _jenkins(known: Mapping[str, str]) -> dict[str, Any] | None:
    if "SLIPWAY_JENKINS_URL" not in known:
        return None
    return {
        "conn_type": "slipway_jenkins",
        "host": known["SLIPWAY_JENKINS_URL"],
        "login": known["SLIPWAY_JENKINS_USER"],
        "password": known["SLIPWAY_JENKINS_TOKEN"],
        "extra": {"notifies": True},
    }


def _kubernetes(known: Mapping[str, str], name: str = "SLIPWAY_KUBECONFIG") -> dict[str, Any] | None:
    if name not in known:
        return None
    return {"conn_type": "kubernetes", "extra": {"kube_config_path": known[name]}}


def _keystone(known: Mapping[str, str]) -> dict[str, Any] | None:
    if "SLIPWAY_KEYSTONE_USER" not in known:
        return None
    return {
        "conn_type": "slipway_keystone",
        "host": known["SLIPWAY_OPENSTACK_URL"],
        "login": known["SLIPWAY_KEYSTONE_USER"],
        "password": known["SLIPWAY_KEYSTONE_PASSWORD"],
        "extra": {"region": known["SLIPWAY_OPENSTACK_REGION"]},
    }


def _openstack(known: Mapping[str, str]) -> dict[str, Any] | None:
    if "SLIPWAY_OPENSTACK_URL" not in known:
        return None
    return {
        "conn_type": "slipway_openstack",
        "host": known["SLIPWAY_OPENSTACK_URL"],
        "login": known["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
        "password": known["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
        "extra": {"region": known["SLIPWAY_OPENSTACK_REGION"]},
    }
