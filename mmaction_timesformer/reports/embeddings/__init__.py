"""The embeddings page: features of clips in the plane."""
