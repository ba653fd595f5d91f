"""Why an image of Glance must not be deleted, as the image itself says."""

from __future__ import annotations

from openstack.image.v2.image import Image

from slipway.flow.property_keys import CloudKey


def why_held(image: Image) -> str:
    """Return why, for people; "" when nothing speaks against it."""
    if hold := image.properties.get(CloudKey.HOLD):
        return str(hold)
    if image.is_protected:
        return "it is protected in Glance"
    if image.visibility != "private":
        return f"others may use it: it is {image.visibility} in Glance"
    return "" if image.status == "active" else f"it is {image.status} in Glance"
