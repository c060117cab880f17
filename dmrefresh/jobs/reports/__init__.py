"""What becomes of the reports of runs."""
