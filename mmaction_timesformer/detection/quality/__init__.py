"""Quality of events: truth, metrics, and thresholds chosen by them."""
