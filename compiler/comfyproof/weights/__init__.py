"""Model files: what they are, told from their headers alone."""

from .header import BadHeader, Header
from .identify import Weights, identify
from .reading import read_header

__all__ = ["BadHeader", "Header", "Weights", "identify", "read_header"]
