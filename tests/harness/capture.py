"""What goes over a host's interface, written as a pcap file for tshark."""

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
