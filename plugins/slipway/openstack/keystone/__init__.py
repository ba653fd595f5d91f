"""Keystone: who there is, and whose a token is."""
