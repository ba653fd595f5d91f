"""``python -m lab.openstack.inside.pool <pools>``: which name servers Designate has.

Its own command asks Designate's central part, which is in another process then, and not to be reached there.

https://docs.openstack.org/designate/latest/admin/pools.html
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from designate import cmd as cmd  # chooses threads for all that follows
from designate import rpc, utils
from designate.central import service
from designate.manage.pool import PoolCommands

from lab.openstack.inside import sqlite


def main() -> None:
    """Start that part here, and ask it."""
    sqlite.lock_at_begin()
    pools = Path("pools.yaml")
    pools.write_text(sys.argv[1])
    settings = os.environ["LAB_DESIGNATE_FILES"].split(os.pathsep)[-1]
    utils.read_config("designate", ["designate-manage", "--config-file", settings])
    central = service.Service()
    central.start()
    PoolCommands().update(str(pools), delete=False)
    central.stop()
    rpc.cleanup()


if __name__ == "__main__":
    main()
