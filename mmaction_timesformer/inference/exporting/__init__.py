"""Trained models as files for other runtimes: ONNX, compiled packages, int8.

``export`` writes and verifies a file, ``exported_model`` runs it.
"""
