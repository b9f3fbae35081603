# SPDX-License-Identifier: Apache-2.0
"""TCP connections inside a tunnel that have to live through what happens to it."""

import contextlib
import os
import socket
import threading
import time

PORT = 7022


class Flow:
    """
    One connection from `near` to a server on `far`, which gives every octet back: an ssh that types a
    few octets ten times a second, or (bulk) a transfer both ways. Each octet is compared.
    """

    def __init__(self, near, far, address, bulk=False, port=PORT):
        self.failure, self.back, self.stopping = None, 0, False
        self.size = 16384 if bulk else 8
        self.pause = 0.01 if bulk else 0.1
        self.listener = far.call(lambda: socket.create_server(("", port)))
        threading.Thread(target=self._echo, daemon=True).start()
        self.socket = near.call(lambda: socket.create_connection((address, port), 30))
        self.socket.settimeout(90)
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self._send, self._receive)]
        self.sent = bytearray()
        self.lock = threading.Lock()
        for t in self.threads:
            t.start()

    def _echo(self):
        with contextlib.suppress(OSError):
            s, _ = self.listener.accept()
            while data := s.recv(65536):
                s.sendall(data)
            s.close()

    def _send(self):
        try:
            while not self.stopping:
                data = os.urandom(self.size)
                with self.lock:
                    self.sent += data
                self.socket.sendall(data)
                time.sleep(self.pause)
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as e:
            self.failure = self.failure or e

    def _receive(self):
        try:
            while data := self.socket.recv(65536):
                with self.lock:
                    assert self.sent.startswith(data), "other octets came back"
                    del self.sent[:len(data)]
                self.back += len(data)
        except (OSError, AssertionError) as e:
            self.failure = self.failure or e

    def moves(self):
        """For wait_for(): has anything come back since the last call of progress()?"""
        assert not self.failure, self.failure
        return self.back > self.mark

    def progress(self):
        self.mark = self.back
        return self

    def abandon(self):
        """For a test that has failed."""
        self.stopping = True
        for s in (self.socket, self.listener):
            with contextlib.suppress(OSError):
                s.close()

    def close(self):
        """Ends it; every octet that was sent has come back."""
        self.stopping = True
        for t in self.threads:
            t.join(90)
        self.socket.close()
        self.listener.close()
        assert not self.failure, self.failure
        assert not self.sent, f"{len(self.sent)} octets did not come back"
