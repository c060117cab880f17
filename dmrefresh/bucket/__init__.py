"""The bucket of dumps: what is in it, notes beside dumps, leave to put something there, copies on this machine."""
