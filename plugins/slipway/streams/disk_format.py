"""Whether a disk image is what it is said to be, and nothing worse.

A qcow2 image may name a backing file or an external data file: whoever opens it then reads that file of
the host, such as ``/etc/passwd``, into a guest. An image of one format that is said to be another gets past
those who look at names only. https://wiki.openstack.org/wiki/OSSN/OSSN-0059,
https://www.qemu.org/docs/master/interop/qcow2.html; the reading is done by
https://docs.openstack.org/oslo.utils/latest/reference/imageutils.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from oslo_utils.imageutils.format_inspector import ImageFormatError, InspectWrapper, SafetyCheckFailed

from slipway.flow.record import SlipwayError
from slipway.streams.files import open_regular
from slipway.streams.tee import Sink

HEAD = 1024**2
"""Bytes that decide: every format's header lies within them."""
FOUND_IN = {
    "qcow2": {"qcow2"},
    "raw": {"raw", "gpt"},
    "iso": {"iso", "gpt"},
    "vmdk": {"vmdk"},
    "vhd": {"vhd"},
    "vdi": {"vdi"},
    "aki": {"raw", "gpt"},
    "ari": {"raw", "gpt"},
    "ami": {"raw", "gpt"},
}
"""Glance's ``disk_format`` and what its bytes may be; a PC's boot sector counts as ``gpt``."""
NOTHING_TO_FOLLOW = {"raw", "gpt", "iso"}
"""Formats that cannot lead to another file; a kernel has a boot sector, and no partitions."""
QCOW2 = b"QFI\xfb"
UNSAFE = {
    "backing_file": "it names a backing file",
    "data_file": "it names an external data file",
    "unknown_features": "it has unknown features",
}


class DiskFormatError(SlipwayError):
    """The image is refused before anything opens it."""


def check_file(path: Path, disk_format: str) -> None:
    """Check a file of the worker; reads its head only.

    :raises DiskFormatError: when its bytes are another format, or would lead a reader elsewhere.
    """
    check_head(file_head(path), disk_format, path.name)


def file_head(path: Path) -> bytes:
    """Return the bytes of a file that decide."""
    with open_regular(path) as file:
        return file.read(HEAD)


def detect(head: bytes, what: str) -> str:
    """Return ``qcow2`` or ``raw``, whichever the first bytes of ``what`` are, checked.

    :raises DiskFormatError: as :func:`check_file`.
    """
    disk_format = "qcow2" if head[: len(QCOW2)] == QCOW2 else "raw"
    check_head(head, disk_format, what)
    return disk_format


def check_head(head: bytes, disk_format: str, what: str) -> None:
    """Check the first :data:`HEAD` bytes (or all there are) of ``what``.

    :raises DiskFormatError: as :func:`check_file`.
    """
    if (allowed := FOUND_IN.get(disk_format)) is None:
        raise DiskFormatError(
            f"{what} is declared as {disk_format}, which Slipway cannot check. Make it one of "
            f"{', '.join(FOUND_IN)}."
        )
    found = _inspected(head, what)
    names = {str(one) for one in found}
    if not names or not names <= allowed:
        raise DiskFormatError(
            f"{what} is refused: it is declared as {disk_format}, but is {' and '.join(sorted(names))}. "
            "Correct the format, or convert it with qemu-img convert."
        )
    for one in found:
        if str(one) not in NOTHING_TO_FOLLOW:
            _check_safe(one, what)


def checking(disk_format: str, what: str) -> Sink:
    """Return a guard that stops a stream when :func:`check_head` refuses its first bytes."""

    def check(chunks: Iterable[bytes]) -> None:
        head, checked = bytearray(), False
        for chunk in chunks:
            if not checked:
                head += chunk[: HEAD - len(head)]
                if len(head) >= HEAD:
                    check_head(bytes(head), disk_format, what)
                    checked = True
        if not checked:
            check_head(bytes(head), disk_format, what)

    return check


def _inspected(head: bytes, what: str) -> list[Any]:
    inspected = InspectWrapper(cast("BinaryIO", iter([head])))
    for _ in inspected:
        pass
    try:
        return list(inspected.formats or [])
    except ImageFormatError as error:
        raise DiskFormatError(f"{what} is refused: {error}.") from error


def _check_safe(found: Any, what: str) -> None:
    try:
        found.safety_check()
    except SafetyCheckFailed as error:
        why = " and ".join(UNSAFE.get(name, str(failed)) for name, failed in error.failures.items())
        raise DiskFormatError(
            f"{what} is refused, because opening it may be unsafe: {why}. Make a self-contained image with "
            "qemu-img convert, from a source that you trust."
        ) from error
    except ImageFormatError as error:
        raise DiskFormatError(f"{what} is refused: its header cannot be read ({error}).") from error
