"""Ports and sockets of others, and kinds of sockets that no app needs."""
import errno
import socket
import struct

from attack import CONTEXT, NotHere, TARGETS, attempt

PORT = TARGETS["port"]
IPPROTO_MPTCP = 262


def reaches(family, address, port, kind=socket.SOCK_STREAM, protocol=0):
    def connect():
        client = socket.socket(family, kind, protocol)
        client.settimeout(3)
        client.connect((address, port))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.recv(100) and True
    return connect


def addresses():
    """Of this host, but loopback: what leads back to it all the same."""
    try:
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.connect(("192.0.2.1", 9))
        return [probe.getsockname()[0]]
    except OSError:
        return []


V4, V6, UDP = socket.AF_INET, socket.AF_INET6, socket.SOCK_DGRAM
attempt("connect to another app's port", "network")(reaches(V4, "127.0.0.1", PORT))
attempt("connect to it by another loopback address", "network")(reaches(V4, "127.8.8.8", PORT))
attempt("connect to it by 0.0.0.0", "network")(reaches(V4, "0.0.0.0", PORT))
attempt("connect to it over IPv6", "network")(reaches(V6, "::1", PORT))
attempt("connect to it by a mapped address", "network")(reaches(V6, "::ffff:127.0.0.1", PORT))
attempt("connect to it by MPTCP", "network")(reaches(V4, "127.0.0.1", PORT, protocol=IPPROTO_MPTCP))
attempt("send it a datagram", "network")(reaches(V4, "127.0.0.1", PORT, UDP))
attempt("send it a datagram over IPv6", "network")(reaches(V6, "::1", PORT, UDP))


@attempt("connect to it by an address of the host", "network")
def _():
    for address in addresses():
        return reaches(V4, address, PORT)()
    raise NotHere("the host has no other address")


@attempt("send it data with the first packet (fast open)", "network")
def _():
    client = socket.socket()
    client.settimeout(3)
    client.sendto(b"GET / HTTP/1.0\r\n\r\n", socket.MSG_FASTOPEN, ("127.0.0.1", PORT))
    return client.recv(100) and True


@attempt("connect to it with its own port as the source", "network")
def _():
    client = socket.socket()
    client.settimeout(3)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.bind(("127.0.0.3", 0))
    client.connect(("127.0.0.1", PORT))
    return True


def takes(address, family, port, kind=socket.SOCK_STREAM):
    def bind():
        server = socket.socket(family, kind)
        if family == V6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind((address, port))
        if kind == socket.SOCK_STREAM:
            server.listen(0)
        return True
    return bind


attempt("listen on another app's port too", "network")(takes("0.0.0.0", V4, PORT))
attempt("listen on it at 127.0.0.1", "network")(takes("127.0.0.1", V4, PORT))
attempt("listen on it at another loopback address", "network")(takes("127.8.8.8", V4, PORT))
attempt("listen on it over IPv6", "network")(takes("::", V6, PORT))
attempt("take its datagrams", "network")(takes("127.0.0.1", V4, PORT, UDP))
attempt("listen on a port that the next app will get", "network")(
    takes("0.0.0.0", V4, TARGETS["free_port"]))
attempt("listen on the router's port too", "network")(takes("127.0.0.1", V4, TARGETS["router_port"]))
attempt("listen on a port below 1024", "network")(takes("0.0.0.0", V4, 81))


@attempt("listen on any other port of the host", "network")
def _():
    return takes("0.0.0.0", V4, TARGETS["other_port"] + {"build": 1, "release": 2}.get(CONTEXT, 0))()


for who, name in TARGETS["abstract"].items():
    @attempt(f"connect to an abstract socket of {who}", "network")
    def connect(name=name):
        socket.socket(socket.AF_UNIX).connect("\0" + name)
        return True


@attempt("see in /proc/net who is connected to whom", "network")
def _():
    wanted = f":{PORT:04X} "
    return any(wanted in line for line in open("/proc/net/tcp")) and "ports and addresses"


@attempt("close another's connection (SOCK_DESTROY)", "network")
def _():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
    body = struct.pack("=BBBBI", socket.AF_INET, 6, 0, 0, 0xffffffff)
    body += struct.pack("!HH", PORT, 0) + b"\0" * 32 + b"\0" * 8 + b"\xff" * 8
    link.send(struct.pack("=IHHII", 16 + len(body), 21, 5, 1, 0) + body)
    return answered(link)


@attempt("change an interface or a route (netlink)", "network")
def _():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    body = struct.pack("=BBBBI", 2, 8, 0, 0, 1) + struct.pack("=HH", 8, 2) + b"\x7f\x63\x63\x63"
    link.send(struct.pack("=IHHII", 16 + len(body), 20, 5 | 0x400, 1, 0) + body)
    return answered(link)


@attempt("change the firewall (netlink)", "network")
def _():
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    batch = struct.pack("=IHHII", 20, 16, 1, 0, 0) + struct.pack("=BBH", 0, 0, 0x0a00)
    table = struct.pack("=IHHII", 20 + 12, 0xa00, 5 | 0x400, 1, 0) + struct.pack("=BBH", 1, 0, 0)
    table += struct.pack("=HH", 8, 1) + b"xii\0"
    end = struct.pack("=IHHII", 20, 17, 1, 2, 0) + struct.pack("=BBH", 0, 0, 0x0a00)
    link.send(batch + table + end)
    return answered(link)


def answered(link):
    link.settimeout(3)
    message = link.recv(4096)
    code = -struct.unpack_from("=i", message, 16)[0]
    if code:
        raise OSError(code, "")
    return True


KINDS = {
    "raw": (V4, socket.SOCK_RAW, 1),
    "raw over IPv6": (V6, socket.SOCK_RAW, 58),
    "packet": (17, socket.SOCK_RAW, 0),
    "packet, datagram": (17, socket.SOCK_DGRAM, 0),
    "vsock": (40, socket.SOCK_STREAM, 0),
    "kernel crypto (alg)": (38, socket.SOCK_SEQPACKET, 0),
    "key": (15, socket.SOCK_RAW, 2),
    "XDP": (44, socket.SOCK_RAW, 0),
    "netfilter netlink": (16, socket.SOCK_RAW, 12),
    "audit netlink": (16, socket.SOCK_RAW, 9),
    "generic netlink": (16, socket.SOCK_RAW, 16),
    "SCTP": (V4, socket.SOCK_STREAM, 132),
    "DCCP": (V4, 6, 33),
    "UDP-Lite": (V4, socket.SOCK_DGRAM, 136),
    "L2TP": (V4, socket.SOCK_DGRAM, 115),
    "SMC by its protocol": (V4, socket.SOCK_STREAM, 256),
    "CAN": (29, socket.SOCK_RAW, 1),
    "bluetooth": (31, socket.SOCK_RAW, 1),
    "TIPC": (30, socket.SOCK_SEQPACKET, 0),
    "RDS": (21, socket.SOCK_SEQPACKET, 0),
    "SMC": (43, socket.SOCK_STREAM, 0),
    "appletalk": (5, socket.SOCK_DGRAM, 0),
    "IPX": (4, socket.SOCK_DGRAM, 0),
    "X.25": (9, socket.SOCK_SEQPACKET, 0),
    "AX.25": (3, socket.SOCK_SEQPACKET, 0),
    "ISDN": (34, socket.SOCK_RAW, 0),
    "NFC": (39, socket.SOCK_SEQPACKET, 0),
    "PPP": (24, socket.SOCK_DGRAM, 0),
    "KCM": (41, socket.SOCK_SEQPACKET, 0),
    "QRTR": (42, socket.SOCK_DGRAM, 0),
    "phonet": (35, socket.SOCK_DGRAM, 0),
    "MCTP": (45, socket.SOCK_DGRAM, 0),
}
BEFORE_THE_KERNEL_LOOKED = (errno.EPERM, errno.EACCES)

for name, words in KINDS.items():
    @attempt(f"make a socket of the kind {name}", "network")
    def make(words=words):
        try:
            socket.socket(*words)
            return True
        except OSError as error:
            if error.errno in BEFORE_THE_KERNEL_LOOKED:
                raise
            # The kernel may have loaded a module to find out.
            return "asked the kernel for it: " + errno.errorcode.get(error.errno, "?")


