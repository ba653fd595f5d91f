"""Builds that a pipeline hands to another build system, and waits for."""
