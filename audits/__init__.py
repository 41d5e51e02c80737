"""Statistics of an audit of labels: plans, intervals, the ledger's rules and certificates.

Pure: nothing here reads a database or a file. ``docs/quality.md`` has the formulas and sources.
"""
