# SPDX-License-Identifier: Apache-2.0
"""
DHCPINFORM as clients send it through a tunnel, and the answers read: written from RFC 2131, RFC 3442,
RFC 3396 and RFC 3397, not from src/.
"""

import json
import os
import socket
import struct

from . import sstp

VECTORS = os.path.join(os.path.dirname(__file__), "..", "unit", "vectors.json")
COOKIE = bytes([99, 130, 83, 99])
ASKED = bytes([1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252])
WINDOWS = [(53, b"\x08"), (61, b"\x01\0\x53\x45\0\0\0"), (12, b"CLIENT"), (60, b"MSFT 5.0"),
           (77, b"RRAS.Microsoft"), (55, ASKED)]


def put(options):
    return b"".join(bytes([n, len(body)]) + body for n, body in options)


def message(ciaddr, options=WINDOWS, xid=0x12345678, hlen=6, op=1, rest=b"\xff", giaddr="0.0.0.0"):
    """`options`: pairs, or octets."""
    head = struct.pack(">BBBBIHH", op, 1, hlen, 0, xid, 0, 0) + socket.inet_aton(ciaddr) + bytes(8)
    head += socket.inet_aton(giaddr) + bytes.fromhex("00534500000000000000000000000000") + bytes(192)
    return head + COOKIE + (options if isinstance(options, bytes) else put(options)) + rest


def packet(source, payload, to="255.255.255.255", sport=68, dport=67):
    """With UDP's checksum, as clients send it."""
    octets = sstp.udp(source, to, sport, dport, payload)
    pseudo = octets[12:20] + struct.pack(">HH", 17, 8 + len(payload))
    total = sstp.checksum(pseudo + octets[20:] + b"\0" * (len(octets) % 2))
    return octets[:26] + struct.pack(">H", total or 0xffff) + octets[28:]


def of_vectors(address):
    """The constructed request of the vectors, of this address: only that is another."""
    with open(VECTORS) as f:
        one = next(v for v in json.load(f)["vectors"] if v["id"] == "dhcpinform-constructed")
    octets = bytes.fromhex(one["outputs"]["inform_ipv4"])
    payload = octets[28:]
    own = socket.inet_aton(address)
    return packet(address, payload[:12] + own + payload[16:])


class Ack:
    """A whole answer, its options joined; asserts what every answer has to be."""

    def __init__(self, octets):
        assert octets[0] == 0x45 and octets[9] == 17 and sstp.checksum(octets[:20]) == 0
        assert struct.unpack(">H", octets[2:4])[0] == len(octets)
        self.octets = octets
        self.source, self.to = (socket.inet_ntoa(octets[n:n + 4]) for n in (12, 16))
        self.sport, self.dport, length = struct.unpack(">HHH", octets[20:26])
        assert length == len(octets) - 20
        pseudo = octets[12:20] + struct.pack(">HH", 17, length)
        assert sstp.checksum(pseudo + octets[20:] + b"\0" * (length % 2)) == 0
        m = octets[28:]
        assert len(m) >= 300, "the least of BOOTP"
        self.op, self.htype, self.hlen, _, self.xid = struct.unpack(">BBBBI", m[:8])
        self.ciaddr, self.yiaddr, self.siaddr, self.giaddr = (
            socket.inet_ntoa(m[n:n + 4]) for n in (12, 16, 20, 24))
        self.chaddr = m[28:44]
        assert m[236:240] == COOKIE
        self.options, self.pieces, at = {}, [], 240
        while m[at] != 255:
            if m[at] == 0:
                at += 1
                continue
            body = m[at + 2:at + 2 + m[at + 1]]
            assert len(body) == m[at + 1], "an option past the end"
            self.pieces.append((m[at], len(body)))
            self.options[m[at]] = self.options.get(m[at], b"") + body
            at += 2 + m[at + 1]
        assert self.op == 2 and self.options[53] == b"\x05"
        assert not {51, 58, 59} & set(self.options), "an INFORM leases nothing"

    @staticmethod
    def _routes(body):
        found, at = [], 0
        while at < len(body):
            length, n = body[at], (body[at] + 7) // 8
            net = body[at + 1:at + 1 + n] + bytes(4 - n)
            found.append((f"{socket.inet_ntoa(net)}/{length}",
                          socket.inet_ntoa(body[at + 1 + n:at + 5 + n])))
            at += 5 + n
        return found

    def routes(self, number=121):
        return [net for net, _ in self._routes(self.options.get(number, b""))]

    def gateways(self, number=121):
        return {via for _, via in self._routes(self.options.get(number, b""))}

    @property
    def dns(self):
        body = self.options.get(6, b"")
        return [socket.inet_ntoa(body[n:n + 4]) for n in range(0, len(body), 4)]

    @property
    def domain(self):
        return self.options.get(15, b"").decode()

    @property
    def search(self):
        """RFC 1035 section 4.1.4, pointers included."""
        body, at, found = self.options.get(119, b""), 0, []

        def name(at):
            labels = []
            while body[at]:
                if body[at] >= 192:
                    rest, _ = name((body[at] & 63) << 8 | body[at + 1])
                    return labels + rest, at + 2
                labels.append(body[at + 1:at + 1 + body[at]].decode())
                at += 1 + body[at]
            return labels, at + 1
        while at < len(body):
            labels, at = name(at)
            found.append(".".join(labels))
        return found


def answers(t, packets, wanted=None):
    """Sends all, and returns the answers (to port 68, or `wanted`) that come before an echo's."""
    for p in packets:
        t.send_ip(p)
    t.send_ip(sstp.echo_request(t.address, t.server_address, 77))
    found = []
    while True:
        octets = t.read_ip(15)
        if octets[0] == 0x45 and octets[9] == 1 and octets[26:28] == b"\0\x4d":
            return found
        if octets[0] == 0x45 and octets[9] == 17 and octets[22:24] == struct.pack(">H", wanted or 68):
            found.append(Ack(octets))


def ask(t, options=WINDOWS, **kw):
    """The one answer to one request."""
    found = answers(t, [packet(t.address, message(t.address, options, **kw))])
    assert len(found) == 1, found
    return found[0]
