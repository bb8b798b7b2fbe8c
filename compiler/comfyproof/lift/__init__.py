"""Graph to spec: stages where the graph holds what they lower to, and ComfyUI's own nodes for the rest."""
