"""The one command: ``python -m mmaction_timesformer SUBCOMMAND ...``."""

import sys

from mmaction_timesformer.commands import main
from video_clips.commands import run_command

if __name__ == '__main__':
    sys.exit(run_command(lambda: main(sys.argv[1:])))
