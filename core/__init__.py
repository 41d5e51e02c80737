"""The nouns that everything knows: runs, settings, errors, names, and how numbers are said."""
