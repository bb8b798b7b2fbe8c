"""Many jobs on many servers, with nothing lost and nothing done twice."""
