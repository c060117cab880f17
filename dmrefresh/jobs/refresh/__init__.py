"""A refresh of a target: found, read, sanitised, published; and what a refresh would do."""
