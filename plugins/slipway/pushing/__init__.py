"""Pushes that no webhook tells of: the night's rebuilds, and those that never arrived."""
