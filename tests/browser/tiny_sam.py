"""A worker whose Segment Anything is tiny: ``python -m tests.browser.tiny_sam delegated launch``.

It is FiftyOne's own command in a process of its own. Only the size of the network differs, of which
the library's own code is built; nobody could wait for the real one on a CPU.
"""

import importlib

from tests.integration.test_adapters_sam import tiny_sam


def main():
    builders = importlib.import_module("segment_anything.build_sam")
    builders.build_sam_vit_b = tiny_sam
    from fiftyone.core.cli import main as fiftyone

    fiftyone()


if __name__ == "__main__":
    main()
