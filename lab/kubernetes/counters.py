"""Takes kube-proxy's packet counters out of the kernel, where they stay when its rules are gone.

Debian has a program for it (nfacct) that nothing else here needs; the message is 44 bytes.
https://github.com/torvalds/linux/blob/master/include/uapi/linux/netfilter/nfnetlink_acct.h
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

COUNTERS = ("ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts")
NETLINK_NETFILTER = 12
DELETE = 7 << 8 | 3  # subsystem acct, its message del
REQUEST_ACKNOWLEDGED = 5
NAME = 1


def remove_counters(names: tuple[str, ...] = COUNTERS) -> None:
    """Remove the counters called ``names`` from this network; one that is not there is as good as removed."""
    with suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.settimeout(5)
        for name in names:
            kernel.send(deletion(name))
            kernel.recv(4096)


def deletion(name: str) -> bytes:
    """Return the message that deletes the counter ``name``."""
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), NAME) + text + b"\0" * (-len(text) % 4)
    body = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0) + attribute
    return struct.pack("=IHHII", 16 + len(body), DELETE, REQUEST_ACKNOWLEDGED, 1, 0) + body
