"""Splits without leaks, and what training needs: lists, class names, a config."""
