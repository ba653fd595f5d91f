"""The keys under which Slipway writes on what it makes whose it is, and what it is of.

They stay as they are: what an older version wrote is found by them.
"""

from __future__ import annotations


class CloudKey:
    """In OpenStack: an image's properties in Glance, a server's metadata in Nova, an allocation's ``extra``
    and a node's ``instance_info`` in Ironic, and tags of Neutron.
    """

    APPLICATION = "slipway_application"
    ENVIRONMENT = "slipway_environment"
    REPOSITORY = "slipway_repository"
    COMMIT = "slipway_commit"
    RUN = "slipway_run"
    """The run that made it, or that wants it."""

    KEY = "slipway_key"
    """What an image's id is derived from: its path in Artifactory."""
    INPUT_DIGEST = "slipway_input_digest"
    BOOT = "slipway_boot"
    """What the boot test found."""
    HOLD = "slipway_hold"
    """Why an image must not be removed, as a person wrote it."""

    DEPLOYMENT = "slipway_deployment"
    VERSION = "slipway_version"
    INDEX = "slipway_index"
    IMAGE = "slipway_image"
    """Digest of the image."""
    NETWORK = "slipway_network"
    PUSHED_AT = "slipway_pushed_at"
    FLOATING_IP = "slipway_floating_ip"
    TRAFFIC = "slipway_traffic"
    HEALTH = "slipway_health"
    KEPT, BEFORE = "slipway_kept", "slipway_before"
    """How the keys of a release begin that was kept on a server, and of the one before it."""

    FINGERPRINT = "slipway_fingerprint"
    TRY = "slipway_try"
    BEGAN_AFTER = "slipway_began_after"
    LEDGER, RUNNING, TRYING = "slipway_ledger", "slipway_running", "slipway_trying"


class RegistryKey:
    """In Artifactory: a file's properties."""

    APPLICATION = "slipway.application"
    PLATFORM = "slipway.platform"
    REPOSITORY = "slipway.repository"
    """Whose an image is."""
    COMMIT = "slipway.commit"
    REF = "slipway.ref"
    RUN = "slipway.run"
    DIGEST = "slipway.digest"
    INPUT_DIGEST = "slipway.input_digest"
    BASES = "slipway.bases"
    """Digests of what an image was built upon."""
    GLANCE = "slipway.glance"
    """Id of the same image in Glance."""
    SHA512 = "slipway.sha512"
    """Glance's name of the same bytes."""
    FORMAT = "slipway.disk_format"
    """The format that the bytes were checked for."""
    PUBLISHED = "slipway.published"
    """Whether others rely on what is at this path."""
    BOOT = "slipway.boot"
    """What the boot test found."""
    HOLD = "slipway.hold"
    """Why an image must not be removed, as a person wrote it."""
    FAILED, PROMOTED = "slipway.failed", "slipway.promoted"
    """How the keys begin that say in which environments an image was taken back, or promoted to."""
