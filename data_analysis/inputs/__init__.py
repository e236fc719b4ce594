"""Inputs of an analysis: folders, annotation files, mmaction2 configs."""
