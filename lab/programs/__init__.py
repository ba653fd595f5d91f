"""Programs that no Debian release has: built or fetched once, then kept in the lab's cache."""
