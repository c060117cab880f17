"""Rulesets: suggested, checked, explained, previewed, and run as a filter."""
