"""The report: the summary as one page, charts and tables."""
