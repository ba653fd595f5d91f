"""diskimage-builder: a bare-metal machine's image from elements."""
