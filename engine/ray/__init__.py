"""A run with several workers, on Ray: the driver here, actors on this machine or a cluster."""
