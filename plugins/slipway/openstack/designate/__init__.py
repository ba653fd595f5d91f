"""Names: https://docs.openstack.org/designate/latest/"""
