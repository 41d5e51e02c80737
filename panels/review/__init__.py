"""The page on which labels are reviewed, and what keeps the grid in step with it."""
