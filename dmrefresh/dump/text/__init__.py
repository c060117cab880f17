"""The text of a dump: where statements, rows, quotes and lines begin and end, and in which encoding."""
