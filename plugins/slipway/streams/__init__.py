"""Bytes on their way from one place to several, read once, hashed as they pass."""
