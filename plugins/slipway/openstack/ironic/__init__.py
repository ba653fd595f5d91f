"""OpenStack Ironic: allocates, deploys, rebuilds and restores an application's nodes."""
