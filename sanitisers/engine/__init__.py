"""The columnar engine: blocks of COPY lines in, blocks of COPY lines out, no Python for each row."""
