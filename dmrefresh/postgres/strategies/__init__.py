"""The ways in which new data takes the place of the old."""
