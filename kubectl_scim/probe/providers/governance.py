"""CyberArk and SailPoint: they read all of discovery first, single items too."""

from kubectl_scim.probe.providers.generic import play_without_discovery
from kubectl_scim.probe.session import Probe
from kubectl_scim.probe.steps import GROUP, USER, discovery, listed


def play(probe: Probe) -> None:
    needed = f"{probe.who} can't set up the connection without it"
    for path in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
        discovery(probe, f"discovery: {path}", path, fatal=needed)
    for path in ("/ResourceTypes/User", "/ResourceTypes/Group", f"/Schemas/{USER}", f"/Schemas/{GROUP}"):
        discovery(probe, f"discovery: {path}", path, fatal=needed)
    listed(probe, "aggregation: users", "/Users?startIndex=1&count=100", most=100)
    listed(probe, "aggregation: groups", "/Groups?startIndex=1&count=100", most=100)
    play_without_discovery(probe)
