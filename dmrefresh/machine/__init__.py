"""This machine: processes, signals, folders, memory, and the programs that are installed."""
