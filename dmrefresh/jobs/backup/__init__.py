"""A backup of production: made, stored, and read back."""
