"""The variables that Slipway hands to a template that declares them. Pure."""

from __future__ import annotations

from slipway.flow.push import PushEvent
from slipway.packer.workplace import PackerWorkplace

COMMIT = "slipway_commit"
NAMES = frozenset(
    {
        COMMIT,
        "slipway_accelerator",
        "slipway_application",
        "slipway_base",
        "slipway_base_checksum",
        "slipway_name",
        "slipway_output",
        "slipway_run",
        "slipway_seed",
        "slipway_ssh_key",
    }
)


def lasting(push: PushEvent) -> dict[str, str]:
    """Return those that decide what the image holds: another value, another image."""
    return {COMMIT: push.commit}


def passing(place: PackerWorkplace, application: str, run: str) -> dict[str, str]:
    """Return those that name what a build uses on its way, and that leave no trace in the image."""
    return {
        "slipway_application": application,
        "slipway_run": run,
        "slipway_name": place.name,
        "slipway_output": str(place.output),
        "slipway_seed": str(place.seed),
        "slipway_ssh_key": str(place.key),
    }


def upon(base: str, checksum: str, accelerator: str) -> dict[str, str]:
    """Return what says what the image is built upon.

    :param base: path of a file, or for the cloud's builder an image's id.
    :param checksum: of the base's bytes, as ``iso_checksum`` takes it.
    :param accelerator: ``kvm`` or ``tcg``.
    """
    return {
        "slipway_base": base,
        "slipway_base_checksum": checksum,
        "slipway_accelerator": accelerator,
    }
