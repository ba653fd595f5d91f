"""The product's ``docker-compose.yaml`` on the lab's engine: base images, settings, one push."""
