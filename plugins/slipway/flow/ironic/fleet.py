"""One release of an application on Ironic: how many nodes of which kind, and the image on their disks."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from slipway.flow.environments import CLOUD
from slipway.flow.image import Image
from slipway.flow.ironic.spec import Ironic
from slipway.flow.property_keys import CloudKey
from slipway.flow.push import PushEvent
from slipway.flow.record import Digest, Name, Record, RepositoryName

ROOT_GIB = 10


class IronicPlan(Record):
    """An application's nodes for one environment."""

    push: PushEvent
    names: tuple[RepositoryName, ...] = ()
    """All names that a renamed repository has had, the oldest first: what is theirs is this application's."""
    application: Name
    environment: Name
    cloud: str = CLOUD
    """Connection of the cloud."""
    image: Image
    kind: Literal["partition", "whole-disk"]
    """As ``instance_info.image_type`` has it."""
    url: str = ""
    """Where Ironic fetches the image when Glance has none."""
    sha512: str = ""
    """Glance's own hash of the image, hexadecimal; what the URL serves is held against ``image.digest``."""
    user_data: str = ""
    ironic: Ironic

    @property
    def fingerprint(self) -> Digest:
        """Digest of all that makes a node of this release: equal for releases that need no rebuild."""
        ironic = self.ironic
        parts = {
            "image": self.image.digest,
            "kind": self.kind,
            "user_data": self.user_data,
            "root_gib": ironic.root_gib,
            "capabilities": dict(ironic.capabilities),
        }
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def prefix(application: str, environment: str, project: str) -> str:
    """Return how the names of the allocations begin; names are unique in the whole of Ironic.

    :param project: id of the tenant's project.
    """
    return f"{application}.{environment}.{project[:8]}."


def instance_info(fleet: IronicPlan, index: int, effort: str, tries: int, began_after: str) -> dict[str, Any]:
    """Return the instance info of a node: what is written to it, and whose it is.

    https://docs.openstack.org/ironic/latest/install/standalone/deploy.html

    :param effort: the run, or that it goes back.
    :param tries: how often this effort has begun, with this time.
    :param began_after: ``provision_updated_at`` of the node as it was read before.
    """
    ironic, image = fleet.ironic, fleet.image
    info: dict[str, Any] = {
        "image_source": fleet.url or str(image.glance),
        # Said always: Ironic 39 breaks on a rebuild for which it has to find out by itself.
        "image_type": fleet.kind,
        **_hash(fleet),
        "display_name": f"{fleet.application}-{fleet.environment}-{index}",
        "traits": list(ironic.traits),
        CloudKey.APPLICATION: fleet.application,
        CloudKey.ENVIRONMENT: fleet.environment,
        CloudKey.COMMIT: fleet.push.commit,
        CloudKey.RUN: effort,
        CloudKey.FINGERPRINT: fleet.fingerprint,
        CloudKey.TRY: tries,
        CloudKey.BEGAN_AFTER: began_after,
    }
    if ironic.capabilities:
        info["capabilities"] = dict(ironic.capabilities)
    if fleet.kind == "partition":
        info["root_gb"] = str(ironic.root_gib or ROOT_GIB)
        info |= {name: str(part.glance) for name, part in image.parts.items() if part.glance}
    return info


def _hash(fleet: IronicPlan) -> dict[str, str]:
    if fleet.url:
        algorithm, _, value = fleet.image.digest.partition(":")
        return {"image_os_hash_algo": algorithm, "image_os_hash_value": value}
    if fleet.sha512:
        return {"image_os_hash_algo": "sha512", "image_os_hash_value": fleet.sha512}
    return {}
