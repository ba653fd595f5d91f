"""The plan of one release on Nova."""

from __future__ import annotations

import hashlib
from typing import Any

from slipway.flow.environments import CLOUD
from slipway.flow.image import Image, input_digest
from slipway.flow.nova.spec import Nova, ServerVolume
from slipway.flow.nova.traffic import Place, Pool, RecordSet
from slipway.flow.push import PushEvent, first_name
from slipway.flow.record import Name, Record, RepositoryName

DIGITS = 16


class NovaPlan(Record):
    """Servers of one release; names of the cloud's things are resolved to ids."""

    push: PushEvent
    names: tuple[RepositoryName, ...] = ()
    """All names that a renamed repository has had, the oldest first: what is theirs is this application's."""
    application: Name
    environment: Name
    cloud: str = CLOUD
    """Connection of the cloud."""
    image: Image
    nova: Nova
    flavor: str
    networks: tuple[str, ...]
    label: str = ""
    """The first network's name: Nova shows addresses by it."""
    security_groups: tuple[str, ...] = ()
    user_data: str = ""
    """In base64, as Nova takes it."""
    root_volume: ServerVolume | None = None
    volumes: tuple[ServerVolume, ...] = ()
    pool: Pool | None = None
    dns: RecordSet | None = None

    @property
    def deployment(self) -> str:
        """What all servers of this application in this environment share, and no others."""
        return deployment_of(first_name(self.push, self.names), self.application, self.environment)

    @property
    def tag(self) -> str:
        """The tag by which Nova finds them."""
        return tag_of(first_name(self.push, self.names), self.application, self.environment)

    @property
    def version(self) -> str:
        """Digest of everything a server is made from: servers of equal versions need not be replaced."""
        nova = self.nova
        inputs: dict[str, Any] = {
            "image": str(self.image.glance),
            "digest": self.image.digest,
            "flavor": self.flavor,
            "networks": self.networks,
            "security_groups": self.security_groups,
            "key_pair": nova.key_pair,
            "config_drive": nova.config_drive,
            "user_data": self.user_data,
            "metadata": dict(nova.metadata),
            "anti_affinity": nova.anti_affinity,
        }
        # What was not always there decides nothing where it is not used: servers that run are not replaced.
        if self.root_volume:
            inputs["root_volume"] = self.root_volume.to_json()
        if self.volumes:
            inputs["volumes"] = [volume.to_json() for volume in self.volumes]
        return input_digest(inputs).partition(":")[2][:DIGITS]

    @property
    def traffic(self) -> Place | None:
        """Where traffic comes to the servers from, besides their own addresses."""
        return self.pool or self.dns

    @property
    def group(self) -> str:
        """The name of the server group that keeps the servers apart."""
        return f"{self.tag}-{self.version}"

    def name(self, index: int) -> str:
        """Return a server's name."""
        return f"{self.application}-{self.environment}-{self.push.short_commit}-{index}"

    def floating_ip(self, index: int) -> str:
        """Return the floating IP of a server; "" when it has none."""
        return self.nova.floating_ips[index] if index < len(self.nova.floating_ips) else ""


def deployment_of(repository: str, application: str, environment: str) -> str:
    """Return what all servers of an application in an environment share, and no others."""
    text = "\n".join([repository.casefold(), application, environment])
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def tag_of(repository: str, application: str, environment: str) -> str:
    """Return the tag of everything that is theirs."""
    return f"slipway-{deployment_of(repository, application, environment)}"
