"""`python -m data_analysis`."""

import sys

from data_analysis.cli import main
from video_clips.commands import run_command

if __name__ == '__main__':
    sys.exit(run_command(main))
