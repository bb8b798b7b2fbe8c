"""The pipeline's vocabulary: one file a stage, with its fields and how it becomes nodes."""
