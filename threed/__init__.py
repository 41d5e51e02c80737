"""Three dimensions: reading point clouds, clusters, boxes, and cameras that see them."""
