"""Models beside their peers: speed, memory, FLOPs, exported files."""
