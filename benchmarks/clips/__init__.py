"""Loading of clips, and the analysis of data sets."""
