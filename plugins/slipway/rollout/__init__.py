"""The rollout of a release: the common part of every platform's branch in ``deploy``."""
