# SPDX-License-Identifier: Apache-2.0
"""
The man in the middle that the crypto binding exists for: ends TLS with a certificate of its own and
goes on to the real server over a TLS connection of its own.

    client ──TLS, the relay's certificate──▶ Relay ──TLS, the server's──▶ server

What it does on the way is chosen when it is made:

    Relay(...)                       passes all on; the binding names the wrong certificate
    Relay(..., zero_key=True)        puts the server's certificate into CALL_CONNECTED and computes the
                                     MAC with a key of zeros, as everybody can for PAP and CHAP-MD5
    Relay(..., strip={"CALL_ABORT"}) passes on all but these control messages of the server, and keeps
                                     the client's connection when the server closes its own; "IP": its
                                     packets
    Relay(..., abort_as=(0, 5))      says its CALL_ABORT with another attribute and status
    Relay(..., cut_after=3)          closes both connections so many seconds after CALL_CONNECTED
    Relay(..., delay=0.5)            holds back what the server says
"""

import select
import socket
import ssl
import struct
import threading
import time

from . import sstp

WANT = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Side:
    """One of the two streams: what came, cut into the HTTP head and then into SSTP packets."""

    def __init__(self, stream):
        self.stream, self.rest, self.head_done, self.open = stream, b"", False, True

    def read(self):
        self.stream.settimeout(0)
        try:
            while octets := self.stream.recv(65536):
                self.rest += octets
            self.open = False
        except WANT:
            pass
        except OSError:
            self.open = False

    def send(self, octets):
        self.stream.settimeout(20)
        self.stream.sendall(octets)

    def messages(self):
        if not self.head_done:
            if b"\r\n\r\n" not in self.rest:
                return
            head, self.rest = self.rest.split(b"\r\n\r\n", 1)
            self.head_done = True
            yield head + b"\r\n\r\n"
        while len(self.rest) >= 4:
            n = struct.unpack(">H", self.rest[2:4])[0] & 0xFFF
            if len(self.rest) < n:
                return
            message, self.rest = self.rest[:n], self.rest[n:]
            yield message


def name_of(message):
    """The name of an SSTP control message; "IP" for a packet; "" for what PPP says itself and for HTTP."""
    if len(message) < 8 or message[0] != 0x10:
        return ""
    if not message[1] & 1:
        return "IP" if struct.unpack(">H", message[6:8])[0] in (sstp.IPV4, sstp.IPV6) else ""
    return sstp.MESSAGES.get(struct.unpack(">H", message[4:6])[0], "unknown")


def restatus(message, attribute, status):
    """A CALL_ABORT or CALL_DISCONNECT again, with another Status Info."""
    return message[:8] + struct.pack(">BBHBBBBI", 0, 2, 12, 0, 0, 0, attribute, status)


def rebind(message, certificate, key=bytes(32)):
    """CALL_CONNECTED again, for another certificate and with another key."""
    name = {1: "sha1", 2: "sha256"}[message[15]]
    return sstp.call_connected(message[16:48], certificate, key, name)


class Relay:
    def __init__(self, host, listen, server, certificate, zero_key=False, strip=(), abort_as=None,
                 cut_after=None, delay=0):
        self.host, self.server, self.strip = host, server, set(strip)
        self.zero_key, self.cut_after, self.delay = zero_key, cut_after, delay
        self.abort_as = abort_as
        self.seen = []  # (True from the client, name of the control message)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*certificate)
        self._done = threading.Event()
        self._socket = host.call(lambda: socket.create_server(listen, backlog=64))
        self._socket.settimeout(0.2)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while not self._done.is_set():
            try:
                connection, _ = self._socket.accept()
            except (socket.timeout, TimeoutError):
                continue
            except OSError:
                return
            thread = threading.Thread(target=self._one, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _onward(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        tcp = self.host.call(lambda: socket.create_connection(self.server, 10))
        return context.wrap_socket(tcp, server_hostname="vpn.example")

    def _one(self, connection):
        connection.settimeout(20)
        client = server = None
        try:
            client = _Side(self._tls.wrap_socket(connection, server_side=True))
            server = _Side(self._onward())
            self._copy(client, server)
        except (OSError, ValueError, KeyError):
            pass
        finally:
            for side in (client, server):
                if side:
                    side.stream.close()
            connection.close()

    def _copy(self, client, server):
        certificate = server.stream.getpeercert(binary_form=True)
        until, due = None, []
        while client.open and (server.open or self.strip) and not self._done.is_set():
            waiting = [s.stream for s in (client, server) if s.open]
            select.select(waiting, [], [], 0.02 if due else 0.1)
            client.read()
            for message in client.messages():
                name = name_of(message)
                self._note(True, name)
                if name == "CALL_CONNECTED":
                    until = time.monotonic() + self.cut_after if self.cut_after else None
                    if self.zero_key:
                        message = rebind(message, certificate)
                if server.open:
                    server.send(message)
            if server.open:
                server.read()
            for message in server.messages():
                self._note(False, name_of(message))
                if self.abort_as and name_of(message) == "CALL_ABORT":
                    message = restatus(message, *self.abort_as)
                if name_of(message) not in self.strip:
                    due.append((time.monotonic() + self.delay, message))
            while due and (due[0][0] <= time.monotonic() or not server.open):
                client.send(due.pop(0)[1])
            if until and time.monotonic() >= until:
                return

    def _note(self, from_client, name):
        if name and name != "IP":
            self.seen.append((from_client, name))

    def close(self):
        self._done.set()
        self._socket.close()
        for thread in list(self._threads):
            thread.join(25)
