"""Packer: a virtual machine's image from a template."""
