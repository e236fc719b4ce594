"""Events: from scores of windows to intervals of danger."""
