"""Glance: images of virtual machines and of bare metal, and how their bytes get there."""
