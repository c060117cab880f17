"""A target: which one is meant, what it holds, and the way back."""
