"""The lab's servers, and what each knows of the others."""

from __future__ import annotations

from collections.abc import Mapping

from lab.airflow.server import Airflow
from lab.engine.server import EngineServer
from lab.git.server import Git
from lab.ground import Ground
from lab.kubernetes.server import kubernetes
from lab.openstack.cloud import Cloud
from lab.openstack.nameserver import Nameserver
from lab.openstack.services import hypervisors, openstack
from lab.openstack.sushy import Redfish
from lab.server import Server
from lab.servers.artifactory import Artifactory
from lab.servers.docker_hub import DockerHub
from lab.servers.jenkins import Jenkins
from lab.servers.jira import Jira
from lab.servers.keystone_auth import KeystoneAuth
from lab.servers.postgres import Postgres
from lab.servers.registry import Registry


def servers(ground: Ground) -> list[Server]:
    """Return every server of the lab that stands on ``ground``, in the order people read them."""

    def systems() -> Mapping[str, str]:
        others = (server for server in found if server.name != "airflow")
        return {name: value for server in others for name, value in server.exports().items()}

    postgres = Postgres(ground)
    engine = EngineServer(ground)
    registry = Registry(ground, "registry", "SLIPWAY_REGISTRY", "slipway", 5001)
    dockerhub = DockerHub(ground, "dockerhub", "SLIPWAY_DOCKERHUB", "hub", 5002)
    airflow = Airflow(ground, postgres, systems)
    found: list[Server] = [
        postgres,
        engine,
        registry,
        dockerhub,
        Artifactory(ground, registry),
        Git(ground, airflow),
        Jenkins(ground, airflow),
        Jira(ground),
        kubernetes(ground, engine, registry),
        Redfish(Cloud(ground)),
        Nameserver(Cloud(ground)),
        *openstack(ground),
        *hypervisors(ground),
        KeystoneAuth(ground),
        airflow,
    ]
    return found
