"""
Echo requests, and how long each answer took.

Each request has its own time for an answer. The ping of iputils is no judge of that: once one answer
has come, it waits for the others no longer than two round trips (or the interval), whatever -W says,
so on a busy machine it calls an answer lost that comes 0.2 s later.
"""

import errno
import os
import select
import socket
import struct
import threading
import time

REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
HEAD = struct.Struct(">BBHHH")  # type, code, checksum, identifier, sequence
UNREACHABLE = (errno.EMSGSIZE, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EPERM,
               errno.EADDRNOTAVAIL, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ENOBUFS)


def checksum(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets[:len(octets) // 2 * 2]))
    total += octets[-1] << 8 if len(octets) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Echo:
    """`count` requests (None: until stop()); each answer may take `wait` seconds."""

    def __init__(self, host, address, count=3, size=56, wait=5, interval=0.2):
        self.count, self.size, self.wait, self.interval = count, size, wait, interval
        self.times = {}  # sequence → seconds
        self._sent, self._stop = {}, threading.Event()
        self._identifier = struct.unpack(">H", os.urandom(2))[0]
        self._socket, self._to = host.call(lambda: self._open(address))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _open(self, address):
        """Scopes are names of the host's interfaces, so this runs there."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        to = socket.getaddrinfo(address, 0, family, flags=socket.AI_NUMERICHOST)[0][4]
        s = socket.socket(family, socket.SOCK_RAW, PROTOCOL[family])
        s.setblocking(False)
        return s, to

    def _send(self):
        sequence = len(self._sent) + 1
        head = (REQUEST[self._socket.family], 0, 0, self._identifier, sequence & 0xFFFF)
        packet = HEAD.pack(*head) + bytes(n & 0xFF for n in range(self.size))
        if self._socket.family == socket.AF_INET:  # else the kernel's work
            packet = HEAD.pack(*head[:2], checksum(packet), *head[3:]) + packet[HEAD.size:]
        self._sent[sequence] = time.monotonic()
        try:
            self._socket.sendto(packet, self._to)
        except OSError as e:  # no way there at this time: an echo without an answer
            if e.errno not in UNREACHABLE:
                raise

    def _receive(self):
        packet = self._socket.recv(65536)
        family = self._socket.family
        message = packet[(packet[0] & 15) * 4:] if family == socket.AF_INET else packet
        kind, _, _, identifier, sequence = HEAD.unpack_from(message)
        if (kind, identifier) == (REPLY[family], self._identifier) and sequence in self._sent:
            self.times.setdefault(sequence, time.monotonic() - self._sent[sequence])

    def _sends_more(self):
        return not self._stop.is_set() and (self.count is None or len(self._sent) < self.count)

    def _run(self):
        due = time.monotonic()
        with self._socket:
            while True:
                now = time.monotonic()
                if self._sends_more() and now >= due:
                    self._send()
                    due = now + self.interval
                end = due if self._sends_more() else self._sent[len(self._sent)] + self.wait
                if not self._sends_more() and (len(self.times) == len(self._sent) or now >= end):
                    return
                if select.select([self._socket], [], [], max(0, end - now))[0]:
                    self._receive()

    def answered(self):
        """Waits for the end of it."""
        self._thread.join()
        return len(self.times)

    def stop(self):
        """No more requests; waits until the last has had its time."""
        self._stop.set()
        return self.answered()

    @property
    def sent(self):
        return len(self._sent)
