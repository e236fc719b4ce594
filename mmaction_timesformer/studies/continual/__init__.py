"""Learning on: cameras that come one after another, and then a class."""
