"""The worker's own machine: what builds leave on it."""
