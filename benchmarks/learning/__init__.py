"""Benchmarks of learning on."""
