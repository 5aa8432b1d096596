"""What one run of the load generator found."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    seconds: float
    """That this series had, without the warm-up and the turns of others."""
    latencies: tuple[float, ...]
    """Seconds from sending a request to the last byte of its answer, in the order of the answers."""
    cores: float
    """Processor time of the generator per second: near 1.0 it would measure itself."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    @property
    def p50(self) -> float:
        """Seconds."""
        return statistics.median(self.latencies)

    @property
    def p99(self) -> float:
        """Seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
