"""OpenStack: everything that talks to a cloud."""
