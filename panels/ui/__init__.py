"""The elements of which all pages are made."""
