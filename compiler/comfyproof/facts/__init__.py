"""What flows where in a graph: families of models, latents and sizes, prompts, noise."""
