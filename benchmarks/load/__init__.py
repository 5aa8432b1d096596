"""The load generator: a process of its own that sends prepared requests and measures the answers."""

from benchmarks.load.measurement import Measurement
from benchmarks.load.request import encode_request
from benchmarks.load.run import Load, Series, UnexpectedAnswerError, send

__all__ = ["Load", "Measurement", "Series", "UnexpectedAnswerError", "encode_request", "send"]
