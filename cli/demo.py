"""``demo``: a private database, the App and a worker on this machine."""

import argparse

from auto_labeling.cli.verbs import argument, verb


@verb(
    "demo",
    argument(
        "--headless", action="store_true", help="run the main workflow without a browser, then exit"
    ),
    argument("--port", type=int, default=5151, help="use this port for the App (default: 5151)"),
    argument("--images", type=int, default=60, help="create this many images (default: 60)"),
    examples=("demo", "demo --headless"),
)
def demo(args: argparse.Namespace) -> int:
    """Start a private database, the App and a worker, with images and models to try.

    Needs extra packages: pip install 'auto-labeling[demo]'. With --headless, the last line is
    always JSON.
    """
    from auto_labeling.demo.__main__ import main

    arguments = ["--port", str(args.port), "--images", str(args.images)]
    arguments += ["--headless"] if args.headless or args.json else []
    return main(arguments)
