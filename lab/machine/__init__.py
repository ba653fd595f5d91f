"""A fresh machine of Debian 12 or 13, emulated on this one: what a user's first start meets.

It has what a user's machine has and the machine of the tests may not: systemd, cgroup v2, Debian's kernel and
nothing installed. It runs without KVM: its programs are some twelve times slower than here.
"""
