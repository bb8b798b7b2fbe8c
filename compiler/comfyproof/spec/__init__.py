"""The language: from a text to the blocks of a pipeline, each value knowing where it was written."""
