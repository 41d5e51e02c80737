"""Which models there are, and loading them through FiftyOne."""
