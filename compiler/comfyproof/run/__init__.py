"""Running compiled graphs on servers, and keeping what comes back."""
