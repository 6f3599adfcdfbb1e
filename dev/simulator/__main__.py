"""Start the simulator: ``python dev/simulator``."""

import sys
from pathlib import Path

if not __package__:
    # Started as a folder: its files must be found as a package, not as modules of their own.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from simulator.cli import main

if __name__ == "__main__":
    main()
