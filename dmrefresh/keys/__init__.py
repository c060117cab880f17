"""Keys: the private one for the length of a run, the public one that backups are encrypted to, and signatures."""
