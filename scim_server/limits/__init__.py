"""How much a client may ask for. `http` decides what is counted, and what a refused client is told."""
