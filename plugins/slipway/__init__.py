"""Slipway: one push, every platform."""

__version__ = "0.1.0"
