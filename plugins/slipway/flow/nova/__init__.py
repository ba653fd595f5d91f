"""Virtual machines on Nova: what ``slipway.yaml`` says of them, and what is to be done next with an
application's servers in one environment, decided from what is there.

Nothing is kept but in the servers' own metadata (:mod:`.marks`), so that any process may die at any moment.
"""
