"""An application on Kubernetes: its objects, what one release of it is, and when a rollout has ended."""
