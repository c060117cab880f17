"""What people do by hand, shown and walked through."""
