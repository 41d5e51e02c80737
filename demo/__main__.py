"""``python -m auto_labeling.demo``: the whole product on this machine.

It starts a private MongoDB, the App and a worker process, with real models and images. With
``--headless`` it runs the main workflow and prints the results, with JSON in the last line.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.demo import services


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo until Ctrl-C, or with ``--headless`` until the main workflow is done."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--headless", action="store_true", help="run the main workflow without a browser, then exit"
    )
    parser.add_argument("--port", type=int, default=5151, help="the App's port (default: 5151)")
    parser.add_argument(
        "--images", type=int, default=60, help="how many images to create (default: 60)"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    folder = services.home()
    try:
        with services.prepare(folder), services.Worker(folder / "worker.log"):
            # Imported here, since FiftyOne connects to its database when it is imported.
            from auto_labeling.demo import show

            if options.headless:
                show.headless(folder, options.images)
            else:
                show.app(folder, options.images, options.port)
    except KeyboardInterrupt:
        print("\nStopped.")
    except AutoLabelingError as error:
        print(f"The demo cannot continue: {error}", file=sys.stderr)
        return 1
    finally:
        services.end_children()
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
