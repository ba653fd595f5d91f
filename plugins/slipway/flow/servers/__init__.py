"""Servers of one application in one environment: what is to be done next, decided from what is there.

Nothing is kept but in the servers' own metadata (:mod:`.marks`), so that any process may die at any moment.
"""
