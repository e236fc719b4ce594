"""Know a video dataset before training on it: annotations, decoding, sampling, measures, splits.

Needs neither torch nor mmaction2. Import what you use from its module (``data_analysis.video``
and so on); nothing is imported here, so that a loader's worker pays only for what it needs.
"""
