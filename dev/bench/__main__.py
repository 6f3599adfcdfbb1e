"""Start the benchmark: ``python dev/bench``."""

import sys
from pathlib import Path

if not __package__:
    # Started as a folder: its files must be found as a package, not as modules of their own.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.cli import main
from common import command

if __name__ == "__main__":
    command(main)
