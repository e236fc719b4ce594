"""Exact frames of a video file: opening, packets, the index of frames, decoding."""
