"""A target: which one is meant, whether it may be refreshed, what it holds, and the way back."""
