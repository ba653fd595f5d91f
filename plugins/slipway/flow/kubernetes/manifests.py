"""An application's own manifests: read, checked against what a tenant may run, given the image.

Manifests come from repositories that are not trusted. What a pod may ask of its node follows the Baseline
profile of https://kubernetes.io/docs/concepts/security/pod-security-standards/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.flow.document import DocumentError
from slipway.flow.document_tree import BrokenDocumentError, DocumentNode, read_all
from slipway.flow.kubernetes.objects import KINDS, Json, ObjectRef, containers, items, mapping, pod_spec
from slipway.flow.kubernetes.workload import runs_image, with_image

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_METADATA = frozenset({"name", "namespace", "labels", "annotations"})
_CAPABILITIES = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"}
    | {"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)
RECORD_SUFFIX = ".slipway"
"""Ends the names of objects that Slipway keeps for itself."""


@dataclass(frozen=True)
class ManifestDocument:
    """One document of a file."""

    file: str
    node: DocumentNode
    body: Json

    def broken(self, field: str, rule: str) -> DocumentError:
        """Return the error that ``field`` (a dotted path) breaks a rule."""
        return DocumentError(f"{self.file}:{self._line(field)}: {field}: {rule}.")

    def _line(self, field: str) -> int:
        node, line = self.node, self.node.line
        for step in re.findall(r"[^.\[\]]+", field):
            key: str | int = int(step) if step.isdigit() else step
            if key not in node.inside:
                break
            line = node.key_lines.get(key, line) if isinstance(key, str) else node.inside[key].line
            node = node.inside[key]
        return line


def from_manifests(
    files: Mapping[str, bytes], application: str, namespace: str, reference: str
) -> list[Json]:
    """Return the objects of manifests, with the image set and the namespace said.

    :param files: content by the file's path in the repository.
    :param reference: of the image, by digest.
    :raises DocumentError: naming file, line, field, rule and cure.
    """
    manifests = [one for file, content in files.items() for one in _read(file, content)]
    seen: dict[ObjectRef, ManifestDocument] = {}
    for manifest in manifests:
        _check(manifest, namespace)
        ref = ObjectRef.of(manifest.body)
        if (other := seen.setdefault(ref, manifest)) is not manifest:
            raise manifest.broken("metadata.name", f"{ref} is in {other.file} too. Keep one of them")
    if not any(runs_image(manifest.body, application) for manifest in manifests):
        raise DocumentError(
            f"{', '.join(files)}: no container is named {application!r}, so nothing would run the new image. "
            "Give the application's container that name."
        )
    return [_complete(manifest.body, application, namespace, reference) for manifest in manifests]


def _read(file: str, content: bytes) -> Iterator[ManifestDocument]:
    try:
        nodes = [node for node in read_all(content) if node.value is not None]
    except BrokenDocumentError as error:
        raise DocumentError(f"{file}:{error.line}: {error.rule}.") from None
    if not nodes:
        raise DocumentError(f"{file}: is empty. Write a manifest, or remove the file from slipway.yaml.")
    for node in nodes:
        if not isinstance(node.value, dict):
            raise DocumentError(f"{file}:{node.line}: must be a mapping: apiVersion, kind, metadata, spec.")
        yield ManifestDocument(file, node, node.value)


def _check(manifest: ManifestDocument, namespace: str) -> None:
    body = manifest.body
    _check_kind(manifest)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        raise manifest.broken("metadata", "must be a mapping with a name")
    name = metadata.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith(RECORD_SUFFIX):
        raise manifest.broken("metadata.name", f"must be a DNS name that does not end in {RECORD_SUFFIX}")
    if metadata.get("namespace", namespace) != namespace:
        raise manifest.broken(
            "metadata.namespace",
            f"must be {namespace!r}, the namespace of this environment in apps.yaml. Correct or remove it",
        )
    if foreign := sorted(set(metadata) - _METADATA):
        raise manifest.broken(
            f"metadata.{foreign[0]}", f"is not supported; only {', '.join(sorted(_METADATA))} are"
        )
    for field in ("labels", "annotations"):
        _check_texts(manifest, f"metadata.{field}", metadata.get(field))
    if body["kind"] == "Service" and mapping(body.get("spec")).get("externalIPs"):
        raise manifest.broken("spec.externalIPs", "would take traffic of other tenants. Remove it")
    _check_pods(manifest)


def _check_kind(manifest: ManifestDocument) -> None:
    api_version, kind = str(manifest.body.get("apiVersion")), str(manifest.body.get("kind"))
    if (api_version, kind) in KINDS:
        return
    if versions := [known for known, name in KINDS if name == kind]:
        raise manifest.broken("apiVersion", f"of a {kind} must be {' or '.join(versions)}")
    allowed = ", ".join(dict.fromkeys(name for _, name in KINDS))
    raise manifest.broken(
        "kind",
        f"{kind[:60]!r} may not be deployed by an application: it is cluster-scoped, or reserved for the "
        f"platform. Allowed: {allowed}. Ask the platform team for anything else",
    )


def _check_texts(manifest: ManifestDocument, field: str, value: object) -> None:
    texts = value.values() if isinstance(value, dict) else ()
    if value is not None and (not isinstance(value, dict) or not all(isinstance(one, str) for one in texts)):
        raise manifest.broken(field, "must be a mapping of strings; put numbers and truth values in quotes")


def _check_pods(manifest: ManifestDocument) -> None:
    spec = pod_spec(manifest.body)
    where = (
        "spec.jobTemplate.spec.template.spec" if manifest.body["kind"] == "CronJob" else "spec.template.spec"
    )
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            raise manifest.broken(f"{where}.{field}", "would open the node to the application. Remove it")
    for number, volume in enumerate(items(spec.get("volumes"))):
        if "hostPath" in mapping(volume):
            raise manifest.broken(
                f"{where}.volumes[{number}].hostPath",
                "would open the node's files to the application. Use a claim, a Secret or an emptyDir",
            )
    for container in containers(spec):
        _check_container(manifest, where, container)


def _check_container(manifest: ManifestDocument, where: str, container: Json) -> None:
    name = str(container.get("name"))[:60]
    security = mapping(container.get("securityContext"))
    if security.get("privileged"):
        raise manifest.broken(
            f"{where}.containers", f"{name!r} is privileged, which is not allowed. Remove it"
        )
    asked = {str(one).removeprefix("CAP_") for one in items(mapping(security.get("capabilities")).get("add"))}
    if more := sorted(asked - _CAPABILITIES):
        raise manifest.broken(f"{where}.containers", f"{name!r} adds the capability {more[0]}. Remove it")
    if any(mapping(port).get("hostPort") for port in items(container.get("ports"))):
        raise manifest.broken(
            f"{where}.containers", f"{name!r} has a hostPort, which opens a port of the node. Use a Service"
        )


def _complete(body: Json, application: str, namespace: str, reference: str) -> Json:
    done = with_image(body, application, reference)
    done.pop("status", None)
    done["metadata"]["namespace"] = namespace
    # Server-side apply knows a port by number and protocol; clusters before 1.23 do not fill the latter in.
    for container in containers(pod_spec(done)):
        _say_protocol(container.get("ports"))
    if done["kind"] == "Service":
        _say_protocol(mapping(done.get("spec")).get("ports"))
    return done


def _say_protocol(ports: object) -> None:
    for port in items(ports):
        if isinstance(port, dict):
            port.setdefault("protocol", "TCP")
