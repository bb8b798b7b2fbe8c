"""A small ComfyUI on this machine: same routes, same refusals, real pixels."""
