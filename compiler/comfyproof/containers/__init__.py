"""Files that carry texts beside their contents, a module for each sort of file."""
