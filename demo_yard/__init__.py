"""A railway yard rendered from scratch, and the demo that trains on it; not installed."""
