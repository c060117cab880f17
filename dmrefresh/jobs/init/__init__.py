"""The first use: settings, and a ruleset to begin with."""
