"""The pages, one a file: each is a list of routes."""
