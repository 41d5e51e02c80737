"""Basics that all modules share: runs, settings, errors, names, and text formatting."""
