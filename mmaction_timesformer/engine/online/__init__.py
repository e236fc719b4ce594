"""Training of models that take streams: the backbone, what it hides and predicts, the head."""
