# SPDX-License-Identifier: Apache-2.0
"""
The client's records of a TLS 1.3 connection, by hand: after Python's TLS has done the handshake, this
writes what Python would never send (RFC 8446 sections 5 and 7). Only writing; what comes is left.

    t = Tunnel(host, "192.0.2.1").tls(tls13.context())
    r = tls13.Records(t)
    r.tcp.sendall(r.data(b"GET") + r.key_update() + r.record(21, b"\\1\\0"))
"""

import hashlib
import hmac
import os
import socket
import ssl
import struct
import tempfile

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

ALERT, HANDSHAKE, DATA = 21, 22, 23


def context():
    """TLS 1.3 alone, with its secrets written to context.keylog_filename."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    descriptor, made.keylog_filename = tempfile.mkstemp(prefix="culvert-keys-")
    os.close(descriptor)
    return made


def traffic_secret(made):
    with open(made.keylog_filename, encoding="ascii") as f:
        words = [line.split() for line in f]
    os.unlink(made.keylog_filename)
    return next(bytes.fromhex(w[2]) for w in words if w[0] == "CLIENT_TRAFFIC_SECRET_0")


class Records:
    def __init__(self, tunnel):
        """Takes over the writing of `tunnel`, whose Tunnel.send() calls were a record each."""
        self.secret = traffic_secret(tunnel.stream.context)
        self.hash = {32: "sha256", 48: "sha384"}[len(self.secret)]
        cipher = tunnel.stream.cipher()[0]
        self.length = 16 if "AES_128" in cipher else 32
        self.aead = ChaCha20Poly1305 if "CHACHA20" in cipher else AESGCM
        self._keys()
        self.sequence = tunnel.sent
        # wrap_socket() has taken the descriptor; a second one, below TLS
        self.tcp = socket.socket(fileno=os.dup(tunnel.stream.fileno()))

    def _expand(self, label, length):
        info = struct.pack(">HB", length, 6 + len(label)) + b"tls13 " + label + b"\0\1"
        return hmac.new(self.secret, info, self.hash).digest()[:length]

    def _keys(self):
        self.key = self.aead(self._expand(b"key", self.length))
        self.iv = int.from_bytes(self._expand(b"iv", 12), "big")
        self.sequence = 0

    def rekey(self):
        self.secret = self._expand(b"traffic upd", hashlib.new(self.hash).digest_size)
        self._keys()

    def record(self, kind, text, padding=0):
        inner = text + bytes([kind]) + bytes(padding)
        header = struct.pack(">BHH", 23, 0x0303, len(inner) + 16)
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return header + self.key.encrypt(nonce, inner, header)

    def data(self, text):
        return self.record(DATA, text)

    def key_update(self, asked=False):
        made = self.record(HANDSHAKE, b"\x18\0\0\1" + bytes([asked]))
        self.rekey()
        return made
