"""The folder of results: records, scores, pictures, annotated copies, the report."""
