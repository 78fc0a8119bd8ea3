"""``python -m tracker`` is the command `track`."""

import sys

from tracker.commands.main import main

sys.exit(main())
