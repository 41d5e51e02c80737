"""The page on which a run is configured, and what is on it before a start."""
