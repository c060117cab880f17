"""What people do by hand, step by step, and the record of it."""
