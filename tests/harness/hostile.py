# SPDX-License-Identifier: Apache-2.0
"""
An SSTP server that knows one user and then does what a test wants: any IPCP, any packet. Written
from [MS-SSTP], RFC 1661 and RFC 1332, not from src/.

    server = HostileServer(net.srv, tmp_path)          the certificate is server.certificate
    client = connect("--ca", server.certificate, trust=False, wait=False)
    s = server.session()                               TLS to MS-CHAPv2; then
    s.ipcp(own="10.9.0.1", give="10.9.0.2", dns=["10.9.0.1"]); s.ipv6cp(); s.send_ip(packet)

The hostile client is harness/sstp.py's Tunnel.
"""

import contextlib
import os
import socket
import ssl
import struct
import threading

from . import mschapv2
from .certificate import make_certificate
from .program import PASSWORD, USER
from .sstp import (ACK, CHAP, IPCP, LCP, NAK, REJECT, REQUEST, Closed, Framing, Tunnel, control, options,
                   packet, put_options)


class HostileServer:
    def __init__(self, host, folder, address="192.0.2.1", port=443):
        self.certificate, self._key = make_certificate(folder)
        self.tcp = host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.tcp.listen(8)
        self.tcp.settimeout(30)

    def accept(self):
        tcp, _ = self.tcp.accept()
        return Session(tcp, self.certificate, self._key)

    def session(self, user=USER, password=PASSWORD):
        """The next connection, as far as the login."""
        return self.accept().login(user, password)

    def serve(self, behave, user=USER, password=PASSWORD):
        """Every connection from now on: as far as the login, then behave(session)."""
        def one(tcp):
            try:
                behave(Session(tcp, self.certificate, self._key).login(user, password))
            except (OSError, AssertionError, Closed):
                tcp.close()  # it asked something else, or is through

        def accept():
            while True:
                try:
                    tcp, _ = self.tcp.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(tcp,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self.tcp.shutdown(socket.SHUT_RDWR)  # ends accept() in another thread
        self.tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Session(Tunnel):
    """One client's connection, seen from the server. What Tunnel knows of messages holds here."""

    def __init__(self, tcp, certificate, key, timeout=30):
        self.tcp, self.timeout = tcp, timeout
        tcp.settimeout(timeout)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        Framing.__init__(self, context.wrap_socket(tcp, server_side=True))
        self.peer_request = {}
        self.address = self.server_address = self.ifid = self.server_ifid = None
        self.wants_ipv6, self.insist = True, None

    def login(self, user, password):
        self.http()
        self.sstp()
        self.negotiate(LCP, [(1, struct.pack(">H", 1400)), (3, b"\xc2\x23\x81"), (5, self.magic)],
                       self.follow)
        return self.chap(user, password)

    def http(self):
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        assert head.startswith(b"SSTP_DUPLEX_POST "), head
        self.send(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n"
                  b"Server: Microsoft-HTTPAPI/2.0\r\n\r\n")
        return self

    def sstp(self):
        self.expect(lambda m: m.name == "CALL_CONNECT_REQUEST")
        self.send(control("CALL_CONNECT_ACK", bytes.fromhex("0004002800000003") + os.urandom(32),
                          1))
        return self

    def chap(self, user, password):
        challenge, identifier = os.urandom(16), self._next()
        self.send_ppp(CHAP, packet(1, identifier, b"\x10" + challenge + b"hostile"))
        response = self.expect(lambda m: m.protocol == CHAP and m.code == 2).payload
        peer, proof = response[1:17], response[25:49]
        assert proof == mschapv2.nt_response(challenge, peer, user, password), "wrong password"
        text = mschapv2.authenticator_response(challenge, peer, user, password, proof)
        self.send_ppp(CHAP, packet(3, identifier, f"{text} M=in".encode()))
        return self

    def ipcp(self, own="10.9.0.1", give="10.9.0.2", dns=(), request=None, raw=None):
        """
        Both directions of IPCP, the first time or again. request: our own options, instead of
        `own`; [] asks for nothing. raw: our first request as the octets of an SSTP
        packet. Each of the client's requests is brought to `give` and `dns`.
        """
        mine = [(3, socket.inet_aton(own))] if request is None else request
        want = {3: socket.inet_aton(give)} if give else {}
        want.update(zip((129, 131), (socket.inet_aton(d) for d in dns)))
        identifier, mine_done, theirs_done = self._next(), False, False
        if raw:
            identifier = raw[9]
            self.send(raw)
        else:
            self.send_ppp(IPCP, packet(REQUEST, identifier, put_options(mine)))
        while not (mine_done and theirs_done):
            message = self.expect(lambda m: m.protocol == IPCP)
            if message.code == REQUEST:
                theirs_done = self._judge_ipcp(message, want)
            elif message.identifier == identifier and message.code == ACK:
                mine_done = True
            elif message.identifier == identifier and message.code in (NAK, REJECT):
                mine = self.follow(message.code, mine, options(message.payload))
                identifier = self._next()
                self.send_ppp(IPCP, packet(REQUEST, identifier, put_options(mine)))
        self.address, self.server_address = give, own
        return self

    def ping(self, destination=None, sequence=1):
        """Whether the client answers an echo; so it has taken all that was sent before."""
        source = self.server_address if self.server_address != destination else "10.9.0.99"
        return self.echo(source, destination or self.address, sequence, 30)

    def _judge_ipcp(self, message, want):
        asked = options(message.payload)
        rejected = [(n, v) for n, v in asked if n not in want]
        naked = [(n, want[n]) for n, v in asked if n in want and v != want[n]]
        code, body = (REJECT, rejected) if rejected else (NAK, naked) if naked else (ACK, asked)
        self.send_ppp(IPCP, packet(code, message.identifier, put_options(body)))
        return code == ACK
