"""What goes over a host's interface: written as a pcap file for tshark, or counted."""

import ctypes
import socket
import struct
import threading
import time


class Capture:
    def __init__(self, host, interface, path):
        self.path = path
        self._socket = host.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                                       socket.htons(3)))
        self._socket.bind((interface, 3))
        self._socket.settimeout(0.1)
        self._done = threading.Event()
        self._file = open(path, "wb")
        self._file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._done.is_set():
            try:
                frame = self._socket.recv(262144)
            except (socket.timeout, TimeoutError):
                continue
            now = time.time()
            self._file.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame),
                                         len(frame)) + frame)

    def stop(self):
        time.sleep(0.3)  # what is on its way
        self._done.set()
        self._thread.join()
        self._socket.close()
        self._file.close()
        return self.path


# Classic BPF (linux/filter.h): what came in, is longer than 1400 octets, and of one protocol.
_LEN, _WORD, _OCTET, _SHIFT, _EQUAL, _GREATER, _RETURN = 0x80, 0x20, 0x30, 0x74, 0x15, 0x25, 0x06
_PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE
_SO_ATTACH_FILTER, _SOL_PACKET, _PACKET_STATISTICS = 26, 263, 6


class SuperPackets:
    """Counts super-packets of TCP (6) or UDP (17) that the owner of a TUN writes into it."""

    def __init__(self, host, interface, protocol):
        program = [(_LEN, 0, 0, 0), (_GREATER, 0, 9, 1400),
                   (_WORD, 0, 0, _PACKET_TYPE), (_EQUAL, 0, 7, 0),  # PACKET_HOST
                   (_OCTET, 0, 0, 0), (_SHIFT, 0, 0, 4), (_EQUAL, 0, 2, 4),
                   (_OCTET, 0, 0, 9), (_EQUAL, 3, 2, protocol),  # IPv4
                   (_OCTET, 0, 0, 6), (_EQUAL, 1, 0, protocol),  # IPv6
                   (_RETURN, 0, 0, 0), (_RETURN, 0, 0, 64)]
        code = ctypes.create_string_buffer(
            b"".join(struct.pack("HBBI", *line) for line in program))
        self._socket = host.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                                struct.pack("HP", len(program), ctypes.addressof(code)))
        self._socket.bind((interface, 3))  # ETH_P_ALL

    def count(self):
        """How many since the last call."""
        return struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[0]

    def close(self):
        self._socket.close()
