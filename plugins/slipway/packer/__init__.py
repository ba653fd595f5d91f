"""Packer: a machine's image from a template."""
