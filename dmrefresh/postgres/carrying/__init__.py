"""What a target has beside the data, and goes along when new data takes its place."""
