"""Machines with Ironic: what ``slipway.yaml`` says of them, and what is to be done next with an application's
nodes in one environment, decided from what Ironic shows.
"""
