"""OpenStack Nova (and Neutron, for addresses): a release's servers, made, switched to, gone back from."""
