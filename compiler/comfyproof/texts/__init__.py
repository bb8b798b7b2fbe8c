"""YAML and JSON as plain data, with the place of every path: one file a language, and what both refuse."""
