"""The ground floor: a clip, its annotation, and its exact frames. No torch, no pandas."""
