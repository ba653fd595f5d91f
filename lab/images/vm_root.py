"""The files of the lab's virtual machines: busybox, an SSH server, and what starts them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.command import run
from lab.images.vm_kernel import Kernel
from lab.patience import stretched

GUEST = Path(__file__).with_name("guest")
BUSYBOX = Path("/bin/busybox")
"""Debian's busybox-static: needs no library."""
PROGRAMS = (Path("/usr/sbin/dropbear"), Path("/usr/bin/scp"))
FOLDERS = ("dev", "proc", "sys", "run", "tmp", "mnt", "root/.ssh", "srv/www", "var", "etc/acpi/PWRF", "lib64")
_LIBRARY = re.compile(r"(/\S+) \(0x")


def make_root(folder: Path) -> None:
    """Write the system's root to ``folder``; its files are root's, as whoever calls this must be."""
    for name in ("bin", "usr/bin", "usr/sbin", *FOLDERS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    (folder / "root").chmod(0o700)
    _busybox(folder)
    (folder / "sbin").symlink_to("bin")
    for program in PROGRAMS:
        shutil.copy(program, folder / program.relative_to("/"))
        for library in _libraries(program):
            target = folder / library.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    for name in ("start", "dhcp"):
        _install(GUEST / name, folder / "etc/slipway" / name)
    _install(GUEST / "inittab", folder / "etc/inittab")
    # The first of the button's two codes: https://git.busybox.net/busybox/tree/util-linux/acpid.c
    _install(GUEST / "power-button", folder / "etc/acpi/PWRF/00000080")
    _write(folder / "etc", SETTINGS)
    (folder / "etc/dropbear").symlink_to("/run/dropbear")
    (folder / "etc/resolv.conf").symlink_to("/run/resolv.conf")
    (folder / "srv/www/index.html").write_text("nothing is installed here yet\n")


SETTINGS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    # Nobody logs in by a password: a key comes from the cloud, or from who builds upon this image.
    "shadow": "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "shells": "/bin/sh\n",
    "hosts": "127.0.0.1 localhost\n",
    "issue": "Slipway's lab\n",
    "os-release": 'ID=slipway-lab\nNAME="Slipway lab"\nVERSION_ID=1\n',
}


def make_initrd(target: Path, kernel: Kernel, folder: Path, log: Path) -> None:
    """Write the archive that the kernel starts with: busybox, modules, and ``init``."""
    for name in ("bin", "dev", "proc", "sys", "root", "modules"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    _busybox(folder)
    modules = kernel.modules()
    for module in modules:
        shutil.copy(module, folder / "modules")
    (folder / "modules/order").write_text("".join(f"{module.stem}\n" for module in modules))
    _install(GUEST / "init", folder / "init")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    command = ["cpio", "--create", "--quiet", "--format=newc", "--owner=0:0", f"--file={target}"]
    run(command, log=log, folder=folder, given="\n".join([".", *names, ""]))


def _busybox(folder: Path) -> None:
    shutil.copy(BUSYBOX, folder / "bin/busybox")
    for applet in set(run([str(BUSYBOX), "--list"]).split()) - {"busybox"}:
        (folder / "bin" / applet).symlink_to("busybox")


def _libraries(program: Path) -> Iterable[Path]:
    shown = subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, timeout=stretched(30), check=True
    )
    return [Path(found) for found in _LIBRARY.findall(shown.stdout)]


def _install(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).write_text(content)
    (folder / "shadow").chmod(0o600)
