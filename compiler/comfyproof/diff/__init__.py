"""What differs between two graphs, by what they mean."""
