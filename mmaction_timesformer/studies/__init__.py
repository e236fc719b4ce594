"""Studies: which of several recipes is best, on cameras that none of them has seen."""
