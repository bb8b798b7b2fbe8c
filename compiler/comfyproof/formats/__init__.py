"""Formats of workflows, reading and writing side by side."""
