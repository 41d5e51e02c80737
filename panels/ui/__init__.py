"""The elements of which all pages are made.

Parameters that mean the same in all of ``panels/`` are not repeated in each docstring: ``ctx`` is
the context of the event, ``state`` the :class:`auto_labeling.panels.state.PanelState`, ``panel``
the panel, and ``page`` or ``parent`` the object to add to. ``name`` is the name of what is added,
``label`` its text, ``on_…`` the handler of an event, and ``sx``, ``props`` and ``more`` are styles
and properties of FiftyOne's view.
"""
