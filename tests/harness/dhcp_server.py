# SPDX-License-Identifier: Apache-2.0
"""
DHCPINFORM as a server of the harness answers it: RFC 2131 4.3.5, RFC 3442, RFC 3397, RFC 3396. Written
from the documents, not from src/.
"""

import contextlib
import ipaddress
import queue
import socket
import struct
import threading

from .sstp import Closed, icmpv6, link_local, udp

COOKIE = b"\x63\x82\x53\x63"
INFORM, ACK = 8, 5


def option(code, body):
    """RFC 3396: longer ones in pieces of 255."""
    pieces = [body[i:i + 255] for i in range(0, len(body), 255)] or [b""]
    return b"".join(bytes([code, len(p)]) + p for p in pieces)


def classless(routes, gateway):
    body = b""
    for text in routes:
        net = ipaddress.ip_network(text)
        body += bytes([net.prefixlen]) + net.network_address.packed[:(net.prefixlen + 7) // 8]
        body += socket.inet_aton(gateway)
    return body


def names(*domains):
    return b"".join(b"".join(bytes([len(part)]) + part.encode() for part in d.split(".") if part) + b"\0"
                    for d in domains)


def requests(packet):
    """(xid, ciaddr, {option: body}) of an IP packet that is a DHCPINFORM; else None."""
    if packet[:1] != b"\x45" or packet[9] != 17 or packet[20:24] != struct.pack(">HH", 68, 67):
        return None
    boot, rest, found = packet[28:264], packet[268:], {}
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = found.get(rest[0], b"") + rest[2:2 + rest[1]]
        rest = rest[2 + rest[1]:]
    return (boot[4:8], socket.inet_ntoa(boot[12:16]), found) if found.get(53) == bytes([INFORM]) else None


def acknowledgement(xid, address, server, body=b"", ciaddr=None, kind=ACK):
    """The whole IP packet; `body`: options behind 53 and 54."""
    boot = struct.pack(">BBBB4sHH4s4s4s4s16s64s128s", 2, 8, 0, 0, xid, 0, 0,
                       socket.inet_aton(ciaddr or address), bytes(4), bytes(4), bytes(4), bytes(16),
                       bytes(64), bytes(128))
    payload = boot + COOKIE + option(53, bytes([kind])) + option(54, socket.inet_aton(server)) + body + b"\xff"
    return udp(server, address, 67, 68, payload.ljust(300, b"\0"))


def answer(routes=(), dns=(), domain=None, search=(), raw=b"", codes=(121, 249), server="10.9.0.1"):
    """The body of the options of a server's answer; `raw`: before all others."""
    body = raw
    for code in codes if routes else ():
        body += option(code, classless(routes, server))
    if dns:
        body += option(6, b"".join(map(socket.inet_aton, dns)))
    if domain is not None:
        body += option(15, domain if isinstance(domain, bytes) else domain.encode())
    if search:
        body += option(119, names(*search))
    return body


class Responder:
    """
    Reads what the client of a hostile session sends, from now on, and answers each DHCPINFORM as
    `self.pushes` says (the arguments of answer(); None: silence). `self.asked`: what was asked;
    `self.packets`: all that came. Its thread alone uses the session.
    """

    def __init__(self, session, **pushes):
        self.session, self.pushes, self.asked, self.packets = session, pushes, [], []
        self._orders, self._ended = queue.SimpleQueue(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(Closed, OSError, AssertionError):
            while not self._ended:
                while not self._orders.empty():
                    self._orders.get()()
                try:
                    packet = self.session.read_ip(0.05)
                except (socket.timeout, TimeoutError):
                    continue
                self.packets.append(packet)
                found = requests(packet)
                if found:
                    self.asked.append(found)
                    self.push(*found[:2])

    def push(self, xid, address):
        if self.pushes is not None:
            own = self.session.server_address
            self.session.send_ip(acknowledgement(xid, address, own, answer(server=own, **self.pushes)))

    def send_ip(self, packet):
        self._orders.put(lambda: self.session.send_ip(packet))

    def advertise(self, *options, lifetime=0):
        """A router advertisement with these options."""
        head = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
        self.send_ip(icmpv6(link_local(self.session.ifid), "ff02::1", head + b"".join(options), 255))

    def close(self):
        self._ended = True
        self._thread.join()
        self.session.close()


def prefix_information(text, flags=0x40, valid=3600):
    net = ipaddress.ip_network(text)
    return struct.pack(">BBBBIII", 3, 4, net.prefixlen, flags, valid, valid, 0) + net.network_address.packed


def route_information(text, lifetime=1800, preference=0):
    """RFC 4191 section 2.3."""
    net = ipaddress.ip_network(text)
    units = 1 if net.prefixlen == 0 else 2 if net.prefixlen <= 64 else 3
    return struct.pack(">BBBBI", 24, units, net.prefixlen, preference << 3, lifetime) \
        + net.network_address.packed[:8 * (units - 1)]


def search_list(*domains, lifetime=1800):
    """RFC 8106 section 5.2."""
    body = names(*domains)
    body += bytes(-len(body) % 8)
    return struct.pack(">BBHI", 31, 1 + len(body) // 8, 0, lifetime) + body


def name_servers(*servers, lifetime=1800):
    """RFC 8106 section 5.1."""
    return struct.pack(">BBHI", 25, 1 + 2 * len(servers), 0, lifetime) \
        + b"".join(socket.inet_pton(socket.AF_INET6, s) for s in servers)
