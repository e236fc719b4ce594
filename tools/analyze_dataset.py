"""Measure, check and report a video dataset; the same as `python -m data_analysis`."""

import sys

from data_analysis.cli import main

if __name__ == '__main__':
    sys.exit(main())
