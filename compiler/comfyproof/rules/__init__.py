"""Checks over a graph, each one function with its page as its docstring."""
