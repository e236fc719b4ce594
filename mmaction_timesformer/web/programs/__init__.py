"""Programs that pages start and stop."""
