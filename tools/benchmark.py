"""Measure this project beside its peers, for the record: model, memory, data, detection, ..."""

import sys
from pathlib import Path

# Not installed: found beside this folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.command import run_part

if __name__ == '__main__':
    run_part()
