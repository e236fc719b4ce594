"""The summary: everything known of a dataset, as plain data."""
