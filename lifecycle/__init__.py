"""What happens to a run from its start to its end, below the ways in and above the storage."""
