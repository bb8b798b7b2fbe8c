"""Several servers at once: which there are, what each has, and which can run what."""
