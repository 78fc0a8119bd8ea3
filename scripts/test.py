"""Set up what is needed, check the code and run every test: `python3 scripts/test.py [options of pytest]`.

With options only pytest runs, with those options: `python3 scripts/test.py -k sort`.
"""

import sys

from check import check
from environment import call, ensure_development

if __name__ == "__main__":
    ensure_development()
    options = sys.argv[1:]
    sys.exit(call("pytest", *options) if options else check() or call("pytest", "-m", "slow or not slow"))
