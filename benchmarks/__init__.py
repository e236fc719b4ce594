"""Measurements for the record: each is run, compared in turn with its peers, and written down.

``tools/benchmark.py`` runs them; the records are in ``benchmarks/records/``.
"""
