"""
Bulk data through a tunnel, compared at both ends.

    python3 pump.py tcp listen|connect send|receive ADDR PORT OCTETS
    python3 pump.py udp listen|connect send|receive ADDR PORT OCTETS [OCTETS_A_SECOND]

Whichever side connects, either may send. Over TCP both print count and SHA-256; no two blocks are
alike, so octets lost, doubled, or swapped between records show. Over UDP each datagram says its
number and its length, and all else in it follows from the number: the receiver tells how many came,
how many of them twice, after a later one, or damaged. Datagrams of all sizes leave in super-packets
where the kernel cuts them (UDP_SEGMENT) and are taken as such (UDP_GRO).
"""

import concurrent.futures
import errno
import hashlib
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time

BLOCK = 1 << 20
UDP_SEGMENT, UDP_GRO = 103, 104  # linux/udp.h
SEGMENTS = 40  # datagrams of one send; the kernel takes 64 and 64 KiB
LARGEST = 1352  # a tunnel's MTU of 1400 less IPv6 and UDP header
HEAD = struct.Struct(">QH")  # number and length of a datagram
QUIET_S = 1  # after the sender has ended: then nothing is on its way any more
POOL = random.Random(2759).randbytes(1 << 18)


class Result:
    def __init__(self, sent, received, seconds):
        self.sent, self.received, self.seconds = sent, received, seconds


class Datagrams:
    def __init__(self, sent, received, seconds):
        self.sent, self.seconds = int(sent), seconds
        self.received, self.doubled, self.late, self.damaged = map(int, received.split())

    @property
    def lost(self):
        return self.sent - self.received

    def assert_right(self):
        wrong = (self.doubled, self.late, self.damaged)
        assert not any(wrong), "datagrams doubled, after a later one, damaged: %d, %d, %d" % wrong
        assert 0 < self.received <= self.sent, f"{self.received} datagrams of {self.sent}"


def _run(kind, sender, receiver, address, port, octets, listener, rate, seconds):
    argv = [sys.executable, "-B", os.path.abspath(__file__), kind]
    ends = {}
    try:
        for role in ("listen", "connect"):
            mine = "receive" if (role == "listen") == (listener is receiver) else "send"
            host = receiver if mine == "receive" else sender
            ends[mine] = host.popen(*argv, role, mine, address, port, octets, rate, text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if role == "listen":
                assert ends[mine].stdout.readline() == "listening\n"
        start = time.monotonic()
        sent = ends["send"].communicate(timeout=seconds)[0].strip()
        received = ends["receive"].communicate(timeout=seconds)[0].strip()  # ends its input
        return sent, received, time.monotonic() - start
    finally:
        for p in ends.values():
            p.kill()
            p.wait()


def transfer(source, sink, address, octets, port=5001, seconds=240):
    """TCP from host `source` to `address` on host `sink`; returns both ends' words about it."""
    return Result(*_run("tcp", source, sink, address, port, octets, sink, 0, seconds))


def fetch(source, sink, address, octets, port=5001, seconds=240):
    """The same, but `sink` calls `source` at `address`, as it has to through a translation."""
    return Result(*_run("tcp", source, sink, address, port, octets, source, 0, seconds))


def datagrams(source, sink, address, octets, rate=0, port=6001, seconds=240):
    """UDP from host `source` to `address` on host `sink`, `rate` octets a second (0: no pause)."""
    return Datagrams(*_run("udp", source, sink, address, port, octets, sink, rate, seconds))


def fetch_datagrams(source, sink, address, octets, rate=0, port=6001, seconds=240):
    return Datagrams(*_run("udp", source, sink, address, port, octets, source, rate, seconds))


def all_at_once(jobs):
    """Runs [(function, arguments...)] side by side; returns their results."""
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(*job) for job in jobs]]


def mix(cli, srv, up, down, octets, port=5000):
    """
    TCP and UDP, both ways at once, for each pair of addresses (one of srv, one of cli; IPv4, IPv6).
    An eighth of the octets is UDP, over somewhat more than a second. Everything must be right;
    returns the datagrams that were lost.
    """
    each = octets // (2 * len(up))
    rate = each // 10
    jobs = []
    for n, (to_srv, to_cli) in enumerate(zip(up, down)):
        jobs += [(transfer, cli, srv, to_srv, each * 7 // 8, port + n),
                 (transfer, srv, cli, to_cli, each * 7 // 8, port + 100 + n),
                 (datagrams, cli, srv, to_srv, each // 8, rate, port + n),
                 (datagrams, srv, cli, to_cli, each // 8, rate, port + 100 + n)]
    lost = 0
    for r in all_at_once(jobs):
        if isinstance(r, Datagrams):
            r.assert_right()
            lost += r.lost
        else:
            assert r.sent == r.received
    return lost


# --- one end, in a process on its host

def _open(kind, role, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    if kind == "udp":
        s.setsockopt(socket.SOL_SOCKET, 33, 512 << 20)  # SO_RCVBUFFORCE: no loss at this end
    if role == "listen":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        if kind == "tcp":
            s.listen()
        print("listening", flush=True)
        if kind == "tcp":
            s = s.accept()[0]
    else:
        s.settimeout(30)
        s.connect((address, port))
        s.settimeout(None)
    return s


def _tcp_receive(s, octets):
    digest, total = hashlib.sha256(), 0
    buffer = bytearray(BLOCK)
    while n := s.recv_into(buffer):
        digest.update(memoryview(buffer)[:n])
        total += n
    print(total, digest.hexdigest())


def _tcp_send(s, octets):
    block = bytearray(os.urandom(BLOCK))
    digest, left, number = hashlib.sha256(), octets, 0
    while left:
        struct.pack_into(">Q", block, 0, number)
        part = memoryview(block)[:min(left, BLOCK)]
        s.sendall(part)
        digest.update(part)
        left -= len(part)
        number += 1
    s.close()
    print(octets, digest.hexdigest())


def _datagram(number, length):
    at = number * 7919 % (len(POOL) - LARGEST)
    return HEAD.pack(number, length) + POOL[at:at + length - HEAD.size]


def _udp_send(s, octets, rate, connected):
    if not connected:
        s.connect(s.recvfrom(100)[1])  # the other end's hello
    sizes = random.Random(octets)
    number, begin = 0, time.monotonic()
    sent = 0
    while sent < octets:
        size = sizes.choice((LARGEST, LARGEST, LARGEST, sizes.randint(HEAD.size, LARGEST)))
        last = sizes.choice((size, sizes.randint(HEAD.size, size)))  # which may be shorter
        message = b"".join(_datagram(number + i, size if i < SEGMENTS - 1 else last)
                           for i in range(SEGMENTS))
        try:
            s.sendmsg([message], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("H", size))])
        except OSError as e:
            if e.errno != errno.EIO:  # Linux 6.1 over a device that leaves checksums to the sender
                raise
            for at in range(0, len(message), size):
                s.send(message[at:at + size])
        number += SEGMENTS
        sent += len(message)
        if rate:
            time.sleep(max(0, begin + sent / rate - time.monotonic()))
    print(number)


def _udp_receive(s, connected):
    s.setsockopt(socket.SOL_UDP, UDP_GRO, 1)
    s.setblocking(False)
    seen, count, doubled, late, damaged, newest = set(), 0, 0, 0, 0, -1
    watched, heard = [s, sys.stdin], time.monotonic()
    while True:
        if connected and not count:
            s.send(b"hello")
        if s not in select.select(watched, [], [], 0.1)[0]:
            if sys.stdin in watched and select.select([sys.stdin], [], [], 0)[0]:
                watched = [s]  # the sender has ended
            if sys.stdin not in watched and time.monotonic() - heard > QUIET_S:
                break
            continue
        message, ancillary, _, _ = s.recvmsg(65535, 64)
        heard = time.monotonic()
        size = len(message)
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_UDP, UDP_GRO):
                size = struct.unpack("i", value)[0]
        for at in range(0, len(message), size or 1):
            octets = message[at:at + size]
            number = HEAD.unpack_from(octets)[0] if len(octets) >= HEAD.size else -1
            if octets != _datagram(number, len(octets)):
                damaged += 1
            elif number in seen:
                doubled += 1
            else:
                seen.add(number)
                late += number < newest
                newest = max(newest, number)
                count += 1
    print(count, doubled, late, damaged)


def _main(kind, role, what, address, port, octets, rate):
    s = _open(kind, role, address, int(port))
    if kind == "tcp":
        (_tcp_send if what == "send" else _tcp_receive)(s, int(octets))
    elif what == "send":
        _udp_send(s, int(octets), int(rate), role == "connect")
    else:
        _udp_receive(s, role == "connect")


if __name__ == "__main__":
    _main(*sys.argv[1:])


class Bulk:
    """A transfer that runs beside what a test does; its end is compared octet by octet."""

    def __init__(self, source, sink, address, octets=24 << 20):
        self.result = None
        self.thread = threading.Thread(target=self._run, args=(source, sink, address, octets))
        self.thread.start()

    def _run(self, *arguments):
        self.result = transfer(*arguments)

    def end(self):
        self.thread.join()
        assert self.result and self.result.sent == self.result.received
