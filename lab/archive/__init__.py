"""Packages of a named Debian release, unpacked beside the machine's own: nothing of them is installed."""
