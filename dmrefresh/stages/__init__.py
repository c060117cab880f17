"""Bytes in, bytes out: one file a stage, each proving its own end."""
