"""Which nodes exist: pinned snapshots of a server's /object_info."""
