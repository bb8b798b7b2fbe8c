"""comfyproof: compile, prove and run ComfyUI pipelines written as code."""

__version__ = "0.1.0"
