"""Load balancers: https://docs.openstack.org/octavia/latest/"""
