"""Images in Glance, found by what they are made from.

An image's id is derived, so that two runs cannot make two of them: the second gets a conflict and finds the
first. Glance never gives an id away again, not even after a deletion; where one is used up the next
generation's is taken. Whoever looks for an image asks for its property ``slipway_key``.

https://docs.openstack.org/api-ref/image/v2/index.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

import requests
from openstack.connection import Connection
from openstack.image.v2.image import Image

from slipway.flow.property_keys import CloudKey
from slipway.flow.record import SlipwayError
from slipway.openstack.errors import OpenstackError, TransientOpenstackError
from slipway.openstack.glance.errors import accepted, told

log = logging.getLogger(__name__)

GENERATIONS = 200
PAGE = 100
STUCK = timedelta(hours=6)
"""An upload that takes longer has lost its Glance."""
AT_WORK = {"saving", "importing", "uploading"}
_NAMESPACE = UUID("6c7f4b0e-8f6a-4e0c-9a55-5f1c6b9d2a31")


@dataclass(frozen=True)
class NewImage:
    """The settings of a new image, besides its bytes."""

    name: str
    disk_format: str = "qcow2"
    container_format: str = "bare"
    hidden: bool = True
    """Not in Glance's lists until it has passed its boot test."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """With ``slipway_run`` among them: the run that makes it."""


def image_id(key: str, generation: int = 0) -> str:
    """Return the id of the image that ``key`` names."""
    return str(uuid5(_NAMESPACE, f"{key}#{generation}"))


@dataclass(frozen=True)
class Glance:
    """The images of one project."""

    cloud: Connection

    def find(self, image: str | UUID) -> Image | None:
        """Return the image with this id, or None."""
        with told(f"image {image}"):
            answer = self.cloud.image.get(f"/images/{image}")
            if answer.status_code == requests.codes.not_found:
                return None
            return _image(accepted(f"image {image}", answer).json())

    def get(self, image: str | UUID) -> Image:
        """Return the image with this id.

        :raises OpenstackError: when there is none that this project may see.
        """
        if (found := self.find(image)) is None:
            raise OpenstackError(
                f"Glance has no image {image} that this project may see. Correct the id, or share the image."
            )
        return found

    def find_by(self, properties: Mapping[str, str]) -> list[Image]:
        """Return the images with all of ``properties``, hidden ones too, the oldest first."""
        found = [image for hidden in ("false", "true") for image in self._list(properties, hidden)]
        return sorted(found, key=lambda image: (str(image.created_at), str(image.id)))

    def find_own(self, application: str = "") -> list[Image]:
        """Return the project's images that Slipway made, for one application or all; hidden ones too."""
        with told("the project of the login"):
            wanted = {"owner": str(self.cloud.current_project_id)}
        found = self.find_by(wanted | ({CloudKey.APPLICATION: application} if application else {}))
        return [image for image in found if CloudKey.KEY in (image.properties or {})]

    def find_newest(self) -> Image | None:
        """Return the newest active image that this project may see, or None."""
        what = "the newest image"
        with told(what):
            page = "/images?status=active&limit=1&sort=created_at:desc"
            found = accepted(what, self.cloud.image.get(page)).json()["images"]
        return _image(found[0]) if found else None

    def find_key(self, key: str) -> Image | None:
        """Return the image that ``key`` names: an active one before others; None when there is none."""
        found = [
            image for image in self.find_by({CloudKey.KEY: key}) if image.status not in ("killed", "deleted")
        ]
        return next((image for image in found if image.status == "active"), found[-1] if found else None)

    def ensure_image(self, key: str, new: NewImage) -> Image:
        """Return the image that ``key`` names, made (without bytes) where there is none.

        :raises TransientOpenstackError: when another run is sending its bytes.
        :raises OpenstackError: when Glance refuses it.
        """
        found, run = self.find_key(key), new.properties.get(CloudKey.RUN)
        if found is not None and not self._removed(found, run):
            return found
        for generation in range(GENERATIONS):
            image = image_id(key, generation)
            if (made := self._create(image, key, new)) is not None:
                return made
            # Taken: by another a moment ago, or for ever by one that was deleted.
            if (other := self.find(image)) is not None and not self._removed(other, run):
                return other
        raise OpenstackError(
            f"{key} was created and deleted {GENERATIONS} times in Glance. Have its deleted images purged "
            "(glance-manage db purge), or change an input of the image."
        )

    def annotate(self, image: str | UUID, properties: Mapping[str, str]) -> None:
        """Set properties of an image; others that it has stay."""
        self._patch(image, [_change("add", name, value) for name, value in properties.items()])

    def hide(self, image: str | UUID) -> None:
        """Take an image out of the lists; servers may still be made from it."""
        self._patch(image, [_change("replace", "os_hidden", True)])

    def unhide(self, image: str | UUID) -> None:
        """Show an image in the lists."""
        self._patch(image, [_change("replace", "os_hidden", False)])

    def delete(self, image: str | UUID) -> None:
        """Delete an image, whatever became of it; one that is not there is no error.

        :raises TransientOpenstackError: when it is in use (409).
        """
        with told(f"deletion of image {image}"):
            answer = self.cloud.image.delete(f"/images/{image}")
            if answer.status_code not in (requests.codes.not_found, requests.codes.gone):
                accepted(f"deletion of image {image}", answer)

    def discard(self, image: str | UUID) -> None:
        """Delete an image unless it is active: for cleaning up, so that it never fails itself."""
        try:
            found = self.find(image)
            if found is not None and found.status != "active":
                self.delete(image)
        except SlipwayError as error:
            log.warning("image %s may remain without bytes; the next try uses it: %s", image, error)

    def _list(self, properties: Mapping[str, str], hidden: str) -> Iterator[Image]:
        what = f"images with {', '.join(properties)}"
        page = f"/images?{urlencode({**properties, 'os_hidden': hidden, 'limit': PAGE})}"
        while page:
            with told(what):
                found = self.cloud.image.get(page)
            if not found.ok and "marker=" in page and found.status_code < 500:
                # It continues after an image that was deleted meanwhile.
                raise TransientOpenstackError(f"{what}: Glance's list changed while it was read")
            answer = accepted(what, found).json()
            # Glance knows nothing of a property that looks like one of its own filters.
            yield from (_image(one) for one in answer["images"] if properties.items() <= one.items())
            page = str(answer.get("next", "")).removeprefix("/v2")

    def _create(self, image: str, key: str, new: NewImage) -> Image | None:
        """Make an image; returns None when its id is taken."""
        wanted = {
            **new.properties,
            CloudKey.KEY: key,
            "id": image,
            "name": new.name,
            "disk_format": new.disk_format,
            "container_format": new.container_format,
            "visibility": "private",
            "os_hidden": new.hidden,
        }
        what = f"image {new.name}"
        with told(what):
            answer = self.cloud.image.post("/images", json=wanted)
            if answer.status_code == requests.codes.conflict:
                return None
            return _image(accepted(what, answer).json())

    def _removed(self, image: Image, run: str | None) -> bool:
        """Whether ``image`` was of no use to anybody, and is deleted now.

        :raises TransientOpenstackError: when another run is at work on it.
        """
        if image.status in ("queued", "active"):
            return False
        if image.status in AT_WORK:
            begun = datetime.fromisoformat(str(image.updated_at)).astimezone(UTC)
            ours = run is not None and image.properties.get(CloudKey.RUN) == run
            if not ours and datetime.now(UTC) - begun < STUCK:
                sender = image.properties.get(CloudKey.RUN)
                raise TransientOpenstackError(
                    f"image {image.name} ({image.id}) is {image.status}: run {sender} is sending it"
                )
        elif image.status == "deactivated":
            raise OpenstackError(
                f"image {image.name} ({image.id}) is deactivated: an administrator blocked its use. Ask "
                "why; `openstack image set --activate` allows it again."
            )
        self.delete(str(image.id))
        return True

    def _patch(self, image: str | UUID, changes: Sequence[Mapping[str, object]]) -> None:
        what = f"properties of image {image}"
        with told(what):
            answer = self.cloud.image.patch(
                f"/images/{image}",
                data=json.dumps(changes),
                headers={"Content-Type": "application/openstack-images-v2.1-json-patch"},
            )
            accepted(what, answer)


def _change(operation: str, name: str, value: object) -> Mapping[str, object]:
    return {"op": operation, "path": f"/{name}", "value": value}


def _image(shown: Mapping[str, Any]) -> Image:
    links = ("self", "file", "schema")
    found: Image = Image.existing(**{name: value for name, value in shown.items() if name not in links})
    return found
