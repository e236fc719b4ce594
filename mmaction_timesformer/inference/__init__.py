"""One way to load a trained model and to score clips with it."""
