"""Local mode: a folder of manifests instead of a cluster, and the server in this process."""
