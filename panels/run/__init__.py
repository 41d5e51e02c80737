"""The page of one run: its progress, its end, and what can be done with it."""
