"""Measure this project beside its peers, for the record: model, memory, data, detection, ..."""

import sys
from pathlib import Path

# Not installed: found beside this folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.command import run_part
from video_clips.commands import run_command

if __name__ == '__main__':
    sys.exit(run_command(run_part))
