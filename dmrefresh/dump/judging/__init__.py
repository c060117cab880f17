"""What a dump must be, what of it is executed, and what stops a run."""
