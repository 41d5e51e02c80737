"""A worker whose Segment Anything is tiny.

``python -m tests.support.browser.tiny_sam_worker delegated launch`` is FiftyOne's own command in a
process of its own. Only the size of the network differs, which the library's own code builds: the
real one takes too long on a CPU.
"""

import importlib

from tests.support.tiny_sam import tiny_sam


def main():
    builders = importlib.import_module("segment_anything.build_sam")
    builders.build_sam_vit_b = tiny_sam
    from fiftyone.core.cli import main as fiftyone

    fiftyone()


if __name__ == "__main__":
    main()
