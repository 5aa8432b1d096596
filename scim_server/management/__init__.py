"""The management port: configuration in, status out, probes, metrics. Never exposed to identity providers."""
