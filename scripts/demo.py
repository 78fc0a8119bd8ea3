"""Set up what is needed and run the demo with DeepSORT: `python3 scripts/demo.py [options of track demo]`."""

import sys

from environment import call, ensure

if __name__ == "__main__":
    ensure("video")
    sys.exit(call("track", "demo", "--algo", "deepsort", *sys.argv[1:]))
