"""A release on its way to its platforms: what every platform's part in ``deploy`` has in common."""
