"""``auto-labeling launch``: serves delegated operations, oldest first, each in a watched process.

``server.py`` is the service, ``child.py`` the process in which operations run, ``fleet.py`` one
service for each GPU.
"""
