"""The lab's servers, one file each."""
