"""Detection in long videos: speed, endurance, quality of events."""
