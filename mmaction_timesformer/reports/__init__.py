"""Pages and files that show a run: results, explanations, and the index of everything."""
