"""The few calls the lab itself makes on a cluster, as the administrator.

https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from lab.server import LabError

TIMEOUT_SECONDS = 10
FIELD_MANAGER = "slipway-lab"
PLURALS = {
    "Namespace": "namespaces",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "RoleBinding": "rolebindings",
}

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A cluster, reached with the current context of a kubeconfig.

    ``proxied`` says whether the environment's HTTP proxy is on the way: never to a node on this machine.
    """

    kubeconfig: str
    proxied: bool = False

    def is_ready(self) -> bool:
        """Say whether the API server answers and calls itself ready."""
        try:
            return self._call("GET", "/readyz") == b"ok"
        except (ApiException, urllib3.exceptions.HTTPError, config.ConfigException, OSError):
            return False

    def find(self, path: str) -> Object | None:
        """Return the object at ``path`` (``/api/v1/nodes/x``), or None when there is none.

        :raises LabError: when the API server refuses or does not answer.
        """
        try:
            found: Object = json.loads(self._call("GET", path))
        except ApiException as error:
            if error.status == 404:
                return None
            raise _refused("reading", path, error) from error
        except urllib3.exceptions.HTTPError as error:
            raise LabError(f"Kubernetes does not answer at {self.url}: {error}") from error
        return found

    def apply(self, wanted: Object) -> None:
        """Make the object what ``wanted`` says (server-side apply).

        :raises LabError: when the API server refuses.
        """
        path = object_path(wanted)
        try:
            self._call("PATCH", path, body=wanted)
        except ApiException as error:
            raise _refused("applying", path, error) from error

    def delete(self, path: str) -> None:
        """Delete the object at ``path``; one that is not there is as good as deleted.

        :raises LabError: when the API server refuses.
        """
        try:
            self._call("DELETE", path)
        except ApiException as error:
            if error.status != 404:
                raise _refused("deleting", path, error) from error

    @property
    def url(self) -> str:
        """The API server's address."""
        return str(self._client.configuration.host)

    @cached_property
    def _client(self) -> Any:
        settings = client.Configuration()
        config.load_kube_config(config_file=self.kubeconfig, client_configuration=settings)
        if not self.proxied:
            settings.proxy = None
        return client.ApiClient(settings)

    def _call(self, method: str, path: str, *, body: Object | None = None) -> bytes:
        applying = method == "PATCH"
        response = self._client.call_api(
            path,
            method,
            query_params=[("fieldManager", FIELD_MANAGER), ("force", "true")] if applying else [],
            header_params={"Content-Type": "application/apply-patch+yaml"} if applying else {},
            body=body,
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            _preload_content=False,
            _request_timeout=TIMEOUT_SECONDS,
        )
        data: bytes = response.data
        return data


def object_path(wanted: Object) -> str:
    """Return the path of an object of one of the kinds in :data:`PLURALS`."""
    version, metadata = wanted["apiVersion"], wanted["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{namespace}/{PLURALS[wanted['kind']]}/{metadata['name']}"


def _refused(doing: str, path: str, error: ApiException) -> LabError:
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    return LabError(f"Kubernetes refused {doing} {path}: {error.status} {error.reason} {body[:300]}")
