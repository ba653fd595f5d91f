"""The common part of virtual and bare-metal machine images in ``slipway.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from slipway.flow.record import Matching, Record

GlanceProperty = Annotated[
    str,
    Matching(
        r"^(os_(distro|version|type|admin_user)|(hw|img)_[a-z0-9_:]{1,60})$",
        "must be os_distro, os_version, os_type, os_admin_user or start with hw_ or img_",
        max_length=80,
    ),
]
Printed = Annotated[
    str, Matching(r"^[!-~]([ -~]{0,200}[!-~])?$", "must be printable text of at most 200 characters")
]


class Boot(Record):
    """How the image is tried before it is handed on: it boots, and says so on its serial console."""

    says: Printed = "login:"
    """What it prints, besides the commit when the template takes ``slipway_commit``."""
    ssh: bool = False
    """It must answer on port 22, too."""
    within_seconds: Annotated[int, Field(ge=5, le=3600)] = 300
    memory_mib: Annotated[int, Field(ge=64, le=65536)] = 1024
