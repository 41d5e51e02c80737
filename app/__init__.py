"""Requests of the App, for panels and operators: parameters, answers and target samples."""
