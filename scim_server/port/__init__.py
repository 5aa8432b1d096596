"""Listening ports: sockets, TLS, and the uvicorn that serves an application behind them."""

from scim_server.port.certificate import Certificate, CertificateUnusable
from scim_server.port.port import Port
from scim_server.port.tls_listener import Handshakes

__all__ = ["Certificate", "CertificateUnusable", "Handshakes", "Port"]
