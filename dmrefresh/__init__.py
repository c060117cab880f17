"""Fresh production data, sanitised in the stream and published in one transaction."""

__version__ = "0.1.0"
