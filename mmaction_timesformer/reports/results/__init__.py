"""The results page: metrics, charts and examples of one run or several."""
