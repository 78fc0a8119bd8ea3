"""``python -m reid``: the same commands as ``track reid``."""

import sys

from reid.cli import main

if __name__ == "__main__":
    sys.exit(main())
