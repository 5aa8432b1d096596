"""What a server does by itself: see `worker`."""
