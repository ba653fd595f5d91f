"""The container engine and the container registries."""
