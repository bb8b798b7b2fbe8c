"""Memory and time of a pipeline, predicted before it runs."""
