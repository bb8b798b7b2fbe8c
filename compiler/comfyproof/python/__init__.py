"""The Python form of a spec: calls that write down the same data as YAML does, and where each value was written."""
