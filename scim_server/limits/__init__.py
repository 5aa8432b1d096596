"""How much anybody may ask for. Arithmetic only: clocks are handed in, and `http` says what a client is told."""
