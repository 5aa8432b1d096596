"""OpenTelemetry traces, where the environment asks for them. Nothing here is imported by a server that has none."""
