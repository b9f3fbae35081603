# SPDX-License-Identifier: Apache-2.0
"""
An SSTP server in plain sight, for tests of our client: one that listens late, walks its own list of
authentication methods, or ends the link for a reason. Written from [MS-SSTP] and RFC 1661, not from src/.

    with LooseServer(host, certificate, key, walk=[sstp.AUTH_PAP, sstp.AUTH_MSCHAPV2]) as server: …

It serves one connection after the other. `calls` keeps what each of them did, with times.
"""

import os
import socket
import ssl
import struct
import threading
import time

from . import mschapv2, sstp
from .sstp import ACK, IPCP, LCP, NAK, REJECT, REQUEST, TERMINATE_ACK, TERMINATE_REQUEST


class Call(sstp.Framing):
    """One connection from the client, as far as the server carries it."""

    def __init__(self, server, stream):
        super().__init__(stream)
        self.server = server
        self.heard = []     # (seconds since the call began, message)
        self.naks = []      # what the client's Naks of the method asked for
        self.began = time.monotonic()
        self.walk = list(server.walk)
        self.opened = self.up = None  # seconds since the call began
        self.terminated = None        # what the client said when it ended the link

    def next_message(self, timeout):
        message = self.read(timeout)
        if message.name == "CALL_DISCONNECT":
            self.send(sstp.control("CALL_DISCONNECT_ACK"))
            raise sstp.Closed(True)
        if message.name == "ECHO_REQUEST":
            self.send(sstp.control("ECHO_RESPONSE"))
        self.heard.append((time.monotonic() - self.began, message))
        if message.protocol == LCP and message.code == TERMINATE_REQUEST:
            self.send_ppp(LCP, sstp.packet(TERMINATE_ACK, message.identifier))
            self.terminated = message.payload.decode("latin-1")
        return message

    def run(self):
        self.http_and_sstp()
        self.sleep_through()
        self.lcp()
        self.authenticate()
        self.server.network(self)

    def http_and_sstp(self):
        while b"\r\n\r\n" not in self.rest:
            self._more()
        self.rest = self.rest.split(b"\r\n\r\n", 1)[1]
        self.send(self.server.http_answer)
        assert self.next_message(15).name == "CALL_CONNECT_REQUEST"
        self.send(sstp.control("CALL_CONNECT_ACK", struct.pack(">BBHBBBB", 0, 4, 40, 0, 0, 0, 2)
                               + os.urandom(32), 1))

    def sleep_through(self):
        """No pppd yet: what comes now is dropped."""
        end = time.monotonic() + self.server.deaf
        while time.monotonic() < end:
            try:
                self.next_message(end - time.monotonic())
            except (TimeoutError, ssl.SSLWantReadError):
                return

    def lcp_request(self):
        self.identifier += 1
        method = self.walk[0]
        self.send_ppp(LCP, sstp.packet(REQUEST, self.identifier, sstp.put_options(
            [(3, method), (5, b"\x01\x02\x03\x04")])))

    def lcp(self):
        ours = theirs = False
        self.lcp_request()
        while not (ours and theirs):
            m = self.next_message(15)
            if m.protocol != LCP:
                continue
            if m.code == REQUEST:
                self.send_ppp(LCP, sstp.packet(ACK, m.identifier, m.payload))
                theirs = True
            elif m.code == ACK and m.identifier == self.identifier:
                ours = True
            elif m.code in (NAK, REJECT) and m.identifier == self.identifier:
                self.naks += [v for n, v in sstp.options(m.payload) if n == 3]
                self.walk.pop(0)
                if not self.walk:
                    return self.terminate(self.server.hang_up)
                self.lcp_request()
        self.opened = time.monotonic() - self.began

    def terminate(self, text):
        self.send_ppp(LCP, sstp.packet(TERMINATE_REQUEST, 200, text))
        self.carry_on()

    def authenticate(self):
        assert self.walk[0] == sstp.AUTH_MSCHAPV2, "only this method is carried through"
        theirs = os.urandom(16)
        self.send_ppp(sstp.CHAP, sstp.packet(1, 7, b"\x10" + theirs + b"loose"))
        m = self.wait(lambda m: m.protocol == sstp.CHAP and m.code == 2)
        user = m.payload[50:].decode()
        proof = mschapv2.authenticator_response(theirs, m.payload[1:17], user,
                                                self.server.password, m.payload[25:49])
        self.send_ppp(sstp.CHAP, sstp.packet(3, m.identifier, proof.encode()))

    def wait(self, wanted, seconds=15):
        end = time.monotonic() + seconds
        while True:
            m = self.next_message(end - time.monotonic())
            if wanted(m):
                return m

    def ipcp(self, deaf=0):
        """Gives 10.99.0.2 and is 10.99.0.1; IPv6CP gets a Protocol-Reject."""
        end = time.monotonic() + deaf
        while time.monotonic() < end:
            try:
                self.next_message(end - time.monotonic())
            except (TimeoutError, ssl.SSLWantReadError):
                break
        own, give = socket.inet_aton("10.99.0.1"), socket.inet_aton("10.99.0.2")
        ours = theirs = False
        self.send_ppp(IPCP, sstp.packet(REQUEST, 1, sstp.put_options([(3, own)])))
        while not (ours and theirs):
            m = self.next_message(15)
            if m.protocol == sstp.IPV6CP:
                self.send_ppp(LCP, sstp.packet(sstp.PROTOCOL_REJECT, 9, struct.pack(
                    ">H", sstp.IPV6CP) + sstp.packet(m.code, m.identifier, m.payload)))
            elif m.protocol == IPCP and m.code == ACK:
                ours = True
            elif m.protocol == IPCP and m.code == REQUEST:
                asked = dict(sstp.options(m.payload))
                rest = [(n, v) for n, v in asked.items() if n != 3]
                if rest:
                    answer, body = REJECT, sstp.put_options(rest)
                elif asked.get(3) != give:
                    answer, body = NAK, sstp.put_options([(3, give)])
                else:
                    answer, body, theirs = ACK, m.payload, True
                self.send_ppp(IPCP, sstp.packet(answer, m.identifier, body))
        self.up = time.monotonic() - self.began

    def carry_on(self):
        while True:
            self.next_message(60)


def serve_addresses(call):
    call.ipcp(call.server.network_deaf)
    call.carry_on()


class LooseServer:
    """
    walk      the values of Authentication-Protocol that it asks for, one after the other, whatever a
              Nak says; behind the last it hangs up with `hang_up`
    deaf      seconds behind CALL_CONNECT_ACK in which it drops what comes, then it speaks first
    network   what it does behind the login: a function of the Call
    """

    http_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"

    def __init__(self, host, certificate, key, password, walk=(sstp.AUTH_MSCHAPV2,), deaf=0,
                 network=serve_addresses, network_deaf=0, hang_up=b"", address="192.0.2.1"):
        self.walk, self.deaf, self.network = walk, deaf, network
        self.network_deaf, self.hang_up, self.password = network_deaf, hang_up, password
        self.calls, self.failure = [], None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = host.call(lambda: socket.create_server((address, 443)))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                tcp, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(tcp,), daemon=True).start()

    def _one(self, tcp):
        tcp.settimeout(15)
        try:
            with self.context.wrap_socket(tcp, server_side=True) as stream:
                call = Call(self, stream)
                self.calls.append(call)
                call.run()
        except (sstp.Closed, OSError):
            pass  # the client ended it
        except AssertionError as e:
            self.failure = e

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        assert not self.failure, self.failure
