"""Two states of this repository, measured beside each other in one run: `python -m benchmarks.compare --help`."""
