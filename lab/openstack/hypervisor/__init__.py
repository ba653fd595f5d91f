"""A compute host that boots what it is given: libvirt and qemu, a bridge, and addresses by DHCP."""
