"""The lab's part in Neutron, announced as packages announce their parts: by an entry point.

https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

from pathlib import Path

from lab.openstack.cloud import Cloud

MECHANISM = "lab"
ENTRY_POINTS = f"""\
[neutron.ml2.mechanism_drivers]
{MECHANISM} = lab.openstack.inside.mechanism:Mechanism
"""


def folder(cloud: Cloud) -> Path:
    """Return what the services' ``PYTHONPATH`` must name."""
    return cloud.folder / "extension"


def write(cloud: Cloud) -> None:
    """Write the metadata of a package whose code is the checkout's."""
    metadata = folder(cloud) / "slipway_lab-1.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "METADATA": "Metadata-Version: 2.1\nName: slipway-lab\nVersion: 1\n",
        "entry_points.txt": ENTRY_POINTS,
    }.items():
        path = metadata / name
        if not path.exists() or path.read_text() != text:
            aside = path.with_suffix(f".{id(text)}")
            aside.write_text(text)
            aside.rename(path)
