"""Statements and rows into the server, and what must hold before the commit."""
