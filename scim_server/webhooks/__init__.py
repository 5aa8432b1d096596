"""Sending events to applications: what is sent, how it is signed, and where it may go."""
