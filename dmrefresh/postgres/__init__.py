"""The target: connect, guard, publish, check."""
