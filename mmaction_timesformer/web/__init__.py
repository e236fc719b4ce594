"""Pages to try a model, watch cameras, review alarms, label recordings and let a model learn."""
