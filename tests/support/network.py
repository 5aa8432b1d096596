"""A private network for the test process and everything that it starts.

Kubernetes refuses loopback addresses in an EndpointSlice, and a test must not touch the interfaces of the machine.
So the process moves into a network namespace of its own, which has nothing but `lo`, and `lo` carries a few more
addresses that no API server takes for loopback. As a gift, no test can reach the outside, and no port that a test
binds is taken by another program.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct

ADDRESSES = ("10.231.0.10", "10.231.0.11", "10.231.0.12", "10.231.0.13")
"""Addresses of this machine inside the private network, free to bind. IPv4, a /32 each."""

# Set for the children (pytest-xdist's workers among them), which are in the namespace already.
_ENTERED = "SCIM_OPERATOR_TEST_NETWORK"

# <linux/sched.h>
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

# <linux/sockios.h>, <linux/if.h>
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP = 0x1


class PrivateNetworkError(Exception):
    """This system doesn't let the process make a network namespace; the message says why."""


def enter_private_network() -> None:
    """Move this process into its own network namespace, once.

    Call it at start, before any thread exists: the kernel lets only a single-threaded process make a user
    namespace, which an ordinary user needs for this. Children inherit the network. A second call, also in a
    child, does nothing.

    Raises PrivateNetworkError where the system forbids namespaces; nothing has changed then.
    """
    if inside_private_network():
        return
    if os.geteuid() == 0:
        _unshare(_CLONE_NEWNET)
    else:
        uid, gid = os.geteuid(), os.getegid()
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        _keep_identity(uid, gid)
    _bring_up_loopback()
    os.environ[_ENTERED] = _namespace_id()


def inside_private_network() -> bool:
    """Whether this process, or the one that started it, has entered the private network."""
    return os.environ.get(_ENTERED) == _namespace_id()


def _namespace_id() -> str:
    return os.readlink("/proc/self/ns/net")


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) == 0:
        return
    number = ctypes.get_errno()
    hint = {
        errno.EPERM: "the system forbids it (a container needs CAP_SYS_ADMIN, or user namespaces for this user)",
        errno.EINVAL: "the process has more than one thread already",
        errno.ENOSPC: "the limit of user.max_user_namespaces or user.max_net_namespaces is reached",
    }.get(number, "unexpected")
    raise PrivateNetworkError(f"unshare: {os.strerror(number)}: {hint}")


def _keep_identity(uid: int, gid: int) -> None:
    """Be the same user and group inside the new user namespace as outside it (user_namespaces(7))."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _bring_up_loopback() -> None:
    """By ioctl (netdevice(7)): the command `ip` isn't everywhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        reply = fcntl.ioctl(control, _SIOCGIFFLAGS, _ifreq("lo", b""))
        (flags,) = struct.unpack_from("h", reply, 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, _ifreq("lo", struct.pack("h", flags | _IFF_UP)))
        for index, address in enumerate(ADDRESSES):
            alias = f"lo:{index}"
            fcntl.ioctl(control, _SIOCSIFADDR, _ifreq(alias, _sockaddr_in(address)))
            fcntl.ioctl(control, _SIOCSIFNETMASK, _ifreq(alias, _sockaddr_in("255.255.255.255")))


def _ifreq(name: str, value: bytes) -> bytes:
    """`struct ifreq`: a name of 16 bytes and a union of 24."""
    return struct.pack("16s24s", name.encode(), value)


def _sockaddr_in(address: str) -> bytes:
    return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
