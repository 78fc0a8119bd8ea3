"""``python -m tracker`` is the command `track`."""

import sys

from tracker.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
