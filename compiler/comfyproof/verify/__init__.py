"""Whether a picture that came back is what was promised."""
