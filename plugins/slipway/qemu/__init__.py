"""QEMU: an image is started to see that it boots."""
