"""What a run has to report, however it ends."""
