"""What the statements of a dump are, and what they say about tables, columns, types and keys."""
