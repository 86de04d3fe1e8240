"""`python -m retrain.local.host`, with a watch that loses its patience sooner.

Two minutes without news are long in a soak that a test waits for. What is younger than that is left
alone, so what is slower than `--patience` may be taken for lost, and is then tried again.
"""

import sys
from datetime import timedelta

from retrain.local.host.__main__ import main
from shared.app import watch

if __name__ == "__main__":
    place = sys.argv.index("--patience")
    seconds = float(sys.argv[place + 1])
    del sys.argv[place : place + 2]
    for name in ("GRACE", "PATIENCE"):
        shorter = min(getattr(watch, name), timedelta(seconds=seconds))
        setattr(watch, name, shorter)
    sys.exit(main())
