"""``python -m auto_labeling.cli``."""

import sys

from auto_labeling.cli import main

if __name__ == "__main__":
    sys.exit(main())
