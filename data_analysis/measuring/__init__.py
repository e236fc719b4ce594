"""Measuring of files, side by side, each once; the table of clips that comes of it."""
