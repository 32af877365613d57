"""Applications that say their name, over HTTP and gRPC, and a pod that asks them."""
