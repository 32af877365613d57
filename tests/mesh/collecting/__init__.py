"""A collector of spans in a pod of the mesh, and what it has collected."""
