"""Whether a picture or video that came back is what was promised."""
