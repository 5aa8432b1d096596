"""Latencies of one client that sends to several series in turn."""

from collections.abc import Mapping

from benchmarks.bench import Workshop
from benchmarks.load import Load, Measurement, Series, send


def latencies_in_turn(workshop: Workshop, series: Mapping[str, Series]) -> dict[str, Measurement]:
    """Measure the series side by side, request by request, each from its beginning again when it ends; say p50."""
    sizes = workshop.sizes
    load = Load(turn=0, repeat=True, seconds=sizes.seconds * sizes.rounds, warm_up=sizes.seconds / 2)
    with workshop.doing("measuring, in turn: " + ", ".join(series)):
        found = dict(zip(series, send([*series.values()], load), strict=True))
    for label, measurement in found.items():
        workshop.say_latency(label, measurement)
    return found
