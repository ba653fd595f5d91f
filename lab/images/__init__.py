"""Base images made from the machine itself, for the registry that stands for Docker Hub."""
