"""OpenStack: Keystone, Glance, Placement, Neutron and Nova as published, without agents and broker."""
