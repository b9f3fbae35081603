"""
Bulk data over TCP with a checksum at both ends. `python3 pump.py listen ADDR PORT` prints what it
got; `python3 pump.py send ADDR PORT OCTETS` prints what it sent. No two blocks are alike, so octets
lost, doubled, or swapped between records show.
"""

import hashlib
import os
import socket
import struct
import subprocess
import sys
import time

BLOCK = 1 << 20


class Result:
    def __init__(self, sent, received, seconds):
        self.sent, self.received, self.seconds = sent, received, seconds


def transfer(source, sink, address, octets, port=5001, seconds=240):
    """Sends from host `source` to `address` on host `sink`; returns both ends' words about it."""
    argv = [sys.executable, os.path.abspath(__file__)]
    listener = sink.popen(*argv, "listen", address, port, stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout.readline() == "listening\n"
        start = time.monotonic()
        sent = source.run(*argv, "send", address, port, octets, timeout=seconds)
        received = listener.communicate(timeout=seconds)[0].strip()
        return Result(sent, received, time.monotonic() - start)
    finally:
        listener.kill()
        listener.wait()


def _listen(address, port):
    with socket.create_server((address, port)) as s:
        print("listening", flush=True)
        connection, _ = s.accept()
    digest, total = hashlib.sha256(), 0
    buffer = bytearray(BLOCK)
    while n := connection.recv_into(buffer):
        digest.update(memoryview(buffer)[:n])
        total += n
    print(total, digest.hexdigest())


def _send(address, port, octets):
    block = bytearray(os.urandom(BLOCK))
    digest, left, number = hashlib.sha256(), octets, 0
    with socket.create_connection((address, port), timeout=30) as s:
        while left:
            struct.pack_into(">Q", block, 0, number)
            part = memoryview(block)[:min(left, BLOCK)]
            s.sendall(part)
            digest.update(part)
            left -= len(part)
            number += 1
    print(octets, digest.hexdigest())


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        _listen(sys.argv[2], int(sys.argv[3]))
    else:
        _send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
