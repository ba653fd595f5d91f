"""OpenStack Ironic: an application's nodes, allocated, deployed, rebuilt in place, put back."""
