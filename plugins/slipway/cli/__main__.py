"""``python -m slipway.cli``: the command where no entry point is installed."""

import sys

from slipway.cli import main

sys.exit(main())
