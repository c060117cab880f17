"""Side by side with the plain pipeline."""
