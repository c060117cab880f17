"""Side by side with the plain pipeline: `python -m bench`, see `bench.__main__`."""
