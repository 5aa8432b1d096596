"""One file per endpoint; each handler reads a request, calls one use case and writes its answer."""
