"""The nodes that Ironic still chooses while the first ones are deployed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from slipway.flow.record import SlipwayError, TransientError
from slipway.openstack.ironic.errors import IronicRefusedError
from slipway.openstack.ironic.fleets import Fleets
from slipway.openstack.ironic.watch import IronicWatch

log = logging.getLogger(__name__)


class LateAllocation:
    """The allocation of what is missing in a watch, beside the looks at the nodes."""

    def __init__(self, fleets: Fleets, watch: IronicWatch) -> None:
        self.refused = ""
        """Why they cannot be allocated."""
        self._fleets, self._watch = fleets, watch
        self._is_missing = watch.is_partial
        self._asking: asyncio.Task[IronicWatch] | None = None
        self._whole: IronicWatch | None = None

    @property
    def is_coming(self) -> bool:
        """Say whether there will be more nodes."""
        return self._is_missing or self._whole is not None

    def ask(self) -> None:
        """Allocate them, unless they are."""
        if self._is_missing and self._asking is None:
            work = asyncio.to_thread(self._fleets.complete, self._watch)
            self._asking = asyncio.create_task(work)

    def at_look(self) -> IronicWatch | None:
        """Return the whole watch once, at the first look that was begun after its nodes were allocated."""
        whole, self._whole = self._whole, None
        if self._asking is not None and self._asking.done():
            asked, self._asking = self._asking, None
            try:
                self._whole = asked.result()
                self._is_missing = False
            except TransientError as error:
                log.warning("%s; allocating again", error)
            except IronicRefusedError as error:
                self.refused = str(error)
                self._is_missing = False
        return whole

    async def ended(self) -> None:
        """Wait until nothing is allocated any more: whoever goes back then finds all there is."""
        if self._asking is not None:
            with suppress(SlipwayError):
                await self._asking
