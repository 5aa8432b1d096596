"""Commands that measure, and print ratios: `python -m benchmarks --help`."""
