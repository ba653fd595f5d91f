"""diskimage-builder itself, as root, on elements built in seconds: good ones, bad ones, hostile ones.

What each leaves is looked at by the fixture.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.diskimage_builder.build import BuiltFiles
from slipway.diskimage_builder.errors import DiskimageBuildError
from slipway.streams.disk_format import check_file
from tests.systems.diskimage_builder.conftest import COMMIT, Checkout, leavings

pytestmark = pytest.mark.usefixtures("root")

SCRIPT = "#!/bin/bash\nset -eu\n"


def file_in(image: Path, path: str) -> str:
    """Return a file of a partition image, read without mounting it."""
    raw = image.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True, timeout=500)
    shown = subprocess.run(
        ["debugfs", "-R", f"cat {path}", raw], check=True, timeout=500, capture_output=True, text=True
    )
    return shown.stdout


def test_elements_become_an_image_with_its_kernel_and_ramdisk_and_are_kept_in(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One build, which takes its seconds, with every element that may not spoil it."""
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "the worker's own secret")
    other = tmp_path / "other-application"
    other.mkdir()
    (other / "slipway.yaml").write_text("name: other\n")
    reach = hostile(checkout, other)
    untidy(checkout)
    partitioning(checkout)
    before = loops()
    made = checkout.build("hostile", "untidy", "disk", release="test-release")
    assert_is_made(made, caplog.messages)
    assert_nothing_was_changed_or_learnt(checkout, made, reach, other)
    # What an element leaves running, mounted and attached ends with the build.
    assert loops() <= before
    # A disk is partitioned without the device mapper.
    if not Path("/sys/class/misc/device-mapper").exists():
        assert file_in(made.image, "/etc/size") == f"{16 * 1024**2}\n"


def loops() -> set[Path]:
    return set(Path("/sys/block").glob("loop*/loop"))


def assert_is_made(made: BuiltFiles, said: list[str]) -> None:
    check_file(made.image, "qcow2")
    assert made.parts["kernel"].read_text() == "a kernel\n"
    assert made.parts["ramdisk"].read_text() == "a ramdisk\n"
    assert file_in(made.image, "/etc/commit") == f"{COMMIT}\n"
    assert file_in(made.image, "/etc/debian_version") == "test-release\n"
    steps = [line for line in said if line.startswith("[")]
    assert [line.partition("] ")[2] for line in steps] == [
        "reading elements",
        "element tiny: root.d/10-tiny",
        "measuring the image",
        "element baremetal: cleanup.d/99-extract-kernel-and-ramdisk",
        "converting the image",
        "finished",
    ][: len(steps)] or "element tiny: root.d/10-tiny" in "\n".join(steps)


def hostile(checkout: Checkout, other: Path) -> list[str]:
    """Have an element that reaches out of its build; returns the paths that it writes to."""
    mark = f"slipway-{os.getpid()}"
    reach = [
        *(f"/etc/{mark}", f"/usr/{mark}", f"/usr/bin/{mark}", f"/opt/{mark}"),
        *(f"{other}/slipway.yaml", f"{Path.home()}/{mark}"),
    ]
    checkout.element(
        "hostile",
        "root.d/50-reach-out",
        f"""#!/bin/bash
        for path in {" ".join(reach)}; do
          mkdir -p "$(dirname "$path")" && echo changed > "$path"
        done
        mount -o remount,rw /usr; echo changed > /usr/{mark}
        echo changed > {checkout.folder}/elements/tiny/root.d/10-tiny
        exec > "$TARGET_ROOT/etc/seen" 2>&1
        env; cat /proc/1/environ; cat /etc/shadow {other}/slipway.yaml; ls /work /home
        true
        """,
    )
    return [path for path in reach if mark in path]


def assert_nothing_was_changed_or_learnt(
    checkout: Checkout, made: BuiltFiles, reach: list[str], other: Path
) -> None:
    assert [path for path in reach if Path(path).exists()] == []
    assert (other / "slipway.yaml").read_text() == "name: other\n"
    assert "changed" not in (checkout.folder / "elements/tiny/root.d/10-tiny").read_text()
    seen = file_in(made.image, "/etc/seen")
    assert "SLIPWAY_COMMIT" in seen
    for secret in ("FERNET_KEY", "own secret", "AIRFLOW", "root:*", "root:$", "name: other"):
        assert secret not in seen


def untidy(checkout: Checkout) -> None:
    """Have an element that leaves a process, a mount and loop devices."""
    checkout.element(
        "untidy",
        "root.d/50-leave",
        f"""{SCRIPT}
        setsid sleep 3600 > /dev/null 2>&1 < /dev/null &
        mkdir -p "$TMP_DIR/mine" && mount -t tmpfs mine "$TMP_DIR/mine"
        truncate -s 1M "$TMP_DIR/leaked" && losetup --find "$TMP_DIR/leaked"
        truncate -s 1M "$TMP_DIR/gone" && losetup --find "$TMP_DIR/gone" && rm "$TMP_DIR/gone"
        """,
    )


def partitioning(checkout: Checkout) -> None:
    """Have an element that makes a disk with partitions."""
    checkout.element(
        "disk",
        "root.d/50-disk",
        f"""{SCRIPT}
        # What sudo says would be taken for the device's name, as diskimage-builder reads both of its streams.
        [ "$(uname -n; sudo true 2>&1)" = localhost ]
        [ ! -e /sys/class/misc/device-mapper ] || {{ echo used > "$TARGET_ROOT/etc/mapper"; exit 0; }}
        truncate -s 40M "$TMP_DIR/disk"
        sgdisk --new=1:0:+16M --new=2:0:0 "$TMP_DIR/disk"
        device=$(losetup --show --find "$TMP_DIR/disk")
        kpartx -avs "$device"
        name=$(basename "$device")
        mkfs.ext4 -q "/dev/mapper/${{name}}p2"
        blockdev --getsize64 "/dev/mapper/${{name}}p1" > "$TARGET_ROOT/etc/size"
        kpartx -d "$device"
        [ ! -e "/dev/mapper/${{name}}p1" ] && [ ! -e "/sys/block/$name/${{name}}p1" ]
        losetup --detach "$device"
        """,
    )


def test_failing_script_is_named_with_its_element_and_last_lines(checkout: Checkout) -> None:
    checkout.element(
        "broken", "root.d/50-break", f"{SCRIPT}echo about to fail\necho no such disk >&2\nexit 7\n"
    )
    with pytest.raises(DiskimageBuildError) as refusal:
        checkout.build("broken")
    said = str(refusal.value)
    assert said.startswith("diskimage-builder failed in element broken: root.d/50-break (exit 7)")
    assert "about to fail\n  no such disk" in said


def test_build_that_takes_too_long_is_ended_where_it_was(checkout: Checkout) -> None:
    checkout.element("slow", "root.d/50-wait", f"{SCRIPT}sleep 600\n")
    with pytest.raises(
        DiskimageBuildError, match=r"took longer than 8 s and was stopped, in \w+.*build_seconds"
    ):
        checkout.build("slow", seconds=8)


def test_image_that_is_a_link_is_not_followed(checkout: Checkout) -> None:
    checkout.element(
        "linking",
        "cleanup.d/999-link",
        f'{SCRIPT}rm -f "$IMAGE_NAME.vmlinuz"\nln -s /etc/hostname "$IMAGE_NAME.vmlinuz"\n',
    )
    with pytest.raises(DiskimageBuildError, match=r"made no web\.vmlinuz"):
        checkout.build("linking")


def test_worker_that_is_killed_leaves_nothing_and_the_next_try_builds_a_raw_image(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.element("slow", "block-device.d/10-wait", f"{SCRIPT}sleep 600\n")
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from slipway.diskimage_builder.workplace import DiskimageWorkplace\n"
        "from tests.systems.diskimage_builder.conftest import Checkout\n"
        f"place = DiskimageWorkplace(Path({str(checkout.place.root)!r}), 'build', 'demo/web')\n"
        f"Checkout(Path({str(checkout.folder)!r}), place).build('slow')\n"
    )
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'plugins'}"}
    process = subprocess.Popen([sys.executable, str(worker)], env=environment)
    _until(lambda: any(checkout.place.work.glob("dib_build.*/built/etc/commit")))
    assert leavings(checkout.place) != []
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with checkout.place.occupied():
        pass  # waits for what the dead worker left, and clears it
    assert leavings(checkout.place) == []
    (checkout.folder / "elements/slow/block-device.d/10-wait").unlink()
    made = checkout.build(format="raw")
    assert made.image.suffix == ".raw"
    assert made.image.stat().st_size >= 60 * 1024**2


def _until(true: object) -> None:
    assert callable(true)
    for _ in range(3000):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")
