"""Know a video dataset before training on it: measure, check and report; split it without leaks.

Needs neither torch nor mmaction2, and imports nothing until it is used::

    from data_analysis.analysis import AnalysisSettings, analyze
    from data_analysis.inputs.datasets import input_from_folder
    analyze(input_from_folder('videos'), AnalysisSettings(out=Path('report')))
"""
