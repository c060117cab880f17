"""Where a server is, and a session on it."""
