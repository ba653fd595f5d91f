"""The least that boots: a disk, and a kernel, that say a text on the serial console and do no more.

For tests of what becomes of an image that boots, or that does not say what it should: such a machine is
there at once where one with an operating system takes a core for a quarter of a minute.

https://docs.kernel.org/arch/x86/boot.html
"""

from __future__ import annotations

SECTOR = 512
ENTRY = 0x200
"""Where a kernel's real-mode code begins."""
CODE = 0x40
"""Where ours is after that; the header is in between."""
SAID = 22
"""Where a disk's text begins."""
_SPEAK = bytes.fromhex("ac 84c0 7406 baf803 ee ebf5 fa f4 ebfd")
"""lodsb; test al, al; jz end; mov dx, 0x3f8; out dx, al; jmp to the first; end: cli; hlt; jmp to hlt."""


def disk(text: str) -> bytes:
    """Return a disk's first sector, which the firmware loads at 0x7c00 if the disk has a mebibyte or so."""
    begin = bytes.fromhex("31c0 8ed8 be")  # xor ax, ax; mov ds, ax; mov si, text
    content = begin + (0x7C00 + SAID).to_bytes(2, "little") + _SPEAK + _said(text)
    assert len(content) <= SECTOR - 2
    return content.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def kernel(text: str) -> bytes:
    """Return a kernel of one sector of setup, which takes a ramdisk and a command line."""
    begin = bytes.fromhex("8cc8 8ed8 be")  # mov ax, cs; mov ds, ax; mov si, text
    at = CODE + len(begin) + 2 + len(_SPEAK)
    content = begin + at.to_bytes(2, "little") + _SPEAK + _said(text)
    assert len(content) <= SECTOR - CODE
    found = bytearray(4 * SECTOR)
    found[0x1F1] = 1  # sectors of setup
    found[0x1FE:ENTRY] = b"\x55\xaa"
    found[ENTRY : ENTRY + 2] = bytes([0xEB, CODE - 2])  # jmp to the code
    found[0x202:0x206] = b"HdrS"
    found[0x206:0x208] = (0x203).to_bytes(2, "little")  # version of the protocol
    found[0x211] = 1  # the rest is loaded high
    found[0x22C:0x230] = (0x37FFFFFF).to_bytes(4, "little")  # how high a ramdisk may be
    found[ENTRY + CODE : ENTRY + CODE + len(content)] = content
    return bytes(found)


def _said(text: str) -> bytes:
    return f"{text}\r\n".encode() + b"\0"
