"""The one command: ``python -m mmaction_timesformer SUBCOMMAND ...``."""

import sys

from mmaction_timesformer.commands import main

if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
