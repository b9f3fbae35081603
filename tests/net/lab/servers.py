"""
What stands in the way in the lab, made by hand: name servers, things that are no SSTP server, and an
SSTP server that stops where it is told to. Each runs in a thread, its sockets on a host of the lab.
"""

import os
import socket
import ssl
import struct
import threading
import time

from harness import mschapv2, sstp

PATH = sstp.PATH


class Listener:
    """serve(connection) in a thread of its own for each connection; close() ends it all."""

    def __init__(self, host, address, port, serve):
        self._serve = serve
        self._socket = host.call(lambda: socket.create_server(
            (address, port), backlog=64,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET))
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            connection.settimeout(20)
            self._serve(connection)
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            try:
                connection.close()
            except OSError:
                pass

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        for connection in self._open:
            try:
                connection.close()
            except OSError:
                pass


# --- names


class NameServer:
    """names: {name: [addresses]}; what is not there is NXDOMAIN. rcode answers all with an error."""

    def __init__(self, host, address):
        self.set()
        self._socket = host.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.settimeout(0.1)
        self._socket.bind((address, 53))
        self._done = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def set(self, names=None, rcode=None):
        self.names, self.rcode = names or {}, rcode

    def _run(self):
        while not self._done:
            try:
                query, peer = self._socket.recvfrom(2048)
                self._socket.sendto(self._answer(query), peer)
            except (OSError, IndexError):
                pass

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question, kind = query[12:at + 5], struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        addresses = [socket.inet_pton(family, a) for a in self.names.get(name, [])
                     if family and (":" in a) == (kind == 28)]
        rcode = self.rcode or (0 if name in self.names else 3)
        answers = b"" if rcode else b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(a)) + a for a in addresses)
        return (query[:2] + struct.pack(">HHHHH", 0x8180 | rcode, 1, 0 if rcode else len(addresses), 0, 0)
                + question + answers)

    def close(self):
        self._done = True
        self._thread.join()
        self._socket.close()


# --- TLS and HTTP


def context(certificate, key, **settings):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, value in settings.items():
        if name == "ciphers":
            c.set_ciphers(value)
        else:
            setattr(c, name, value)
    c.load_cert_chain(certificate, key)
    return c


def read_head(stream):
    head = b""
    while b"\r\n\r\n" not in head:
        octets = stream.recv(4096)
        if not octets:
            raise OSError("closed")
        head += octets
    return head.decode("latin-1")


def answer(status, *headers, date=None):
    lines = [f"HTTP/1.1 {status}", f"Date: {date or http_date()}", *headers, "Content-Length: 0",
             "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http_date(offset=0):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + offset))


def over_tls(tls, serve):
    def one(connection):
        stream = tls.wrap_socket(connection, server_side=True)
        serve(stream)
        try:
            stream.unwrap()
        except (OSError, ssl.SSLError):
            pass
    return one


def says(octets):
    """Answers every request with the same octets."""
    def serve(stream):
        read_head(stream)
        stream.sendall(octets)
    return serve


# --- SSTP


def accepted(date=None):
    return (f"HTTP/1.1 200 OK\r\nDate: {date or http_date()}\r\n"
            "Content-Length: 18446744073709551615\r\n\r\n").encode()


class Sstp:
    """
    An SSTP server that falls silent after a step: http, sstp, lcp, auth, or ends the call otherwise.
    It knows one user and gives no address.
    """

    def __init__(self, stop, user, password, ending=None):
        self.stop, self.user, self.password, self.ending = stop, user, password, ending
        self.message = b"no"  # what it says to who is refused
        self.health = "200 OK"  # the answer to HEAD

    def __call__(self, stream):
        if read_head(stream).startswith("HEAD"):
            stream.sendall(answer(self.health))
            return
        if self.stop == "http":
            return self._silence(stream)
        stream.sendall(accepted())
        self.stream, self.rest = stream, b""
        self._packet()
        getattr(self, "_" + self.stop)()

    @staticmethod
    def _silence(stream):
        stream.settimeout(15)
        while stream.recv(4096):
            pass

    def _packet(self):
        while len(self.rest) < 4 or len(self.rest) < struct.unpack(">H", self.rest[2:4])[0]:
            octets = self.stream.recv(4096)
            if not octets:
                raise OSError("closed")
            self.rest += octets
        length = struct.unpack(">H", self.rest[2:4])[0]
        packet, self.rest = self.rest[:length], self.rest[length:]
        return sstp.Message(packet)

    def _sstp(self):
        self._silence(self.stream)

    @staticmethod
    def _status(attribute, status):
        return struct.pack(">BBH3xBI", 0, 2, 12, attribute, status)

    def _nak(self):
        while True:
            self.stream.sendall(sstp.control("CALL_CONNECT_NAK", self._status(1, 4), 1))
            self._packet()

    def _abort(self):
        self.stream.sendall(sstp.control("CALL_ABORT", self._status(2, 7), 1))
        self._silence(self.stream)

    def _no_binding(self):
        """CALL_CONNECT_ACK with another attribute than the crypto binding request."""
        self.stream.sendall(sstp.control("CALL_CONNECT_ACK", self._status(1, 0), 1))
        self._silence(self.stream)

    def _other_hash(self):
        self.stream.sendall(sstp.control(
            "CALL_CONNECT_ACK", struct.pack(">BBH3xB", 0, 4, 40, 4) + os.urandom(32), 1))
        self._silence(self.stream)

    def _goes(self):
        """The end of the connection in place of an answer."""

    def _acknowledge(self):
        self.stream.sendall(sstp.control(
            "CALL_CONNECT_ACK", struct.pack(">BBH3xB", 0, 4, 40, 3) + os.urandom(32), 1))

    def _hangup(self):
        """Insists on EAP; the client's Terminate-Request it answers with the end of the call alone."""
        self._acknowledge()
        mine = sstp.put_options([(3, b"\xc2\x27"), (5, b"labo")])
        self._say(sstp.LCP, sstp.packet(1, 1, mine))
        while True:
            m = self._packet()
            if m.protocol != sstp.LCP:
                continue
            if m.code == 1:
                self._say(sstp.LCP, sstp.packet(2, m.identifier, m.payload))
            elif m.code in (3, 4):
                self._say(sstp.LCP, sstp.packet(1, m.identifier + 1, mine))
            elif m.code == 5:
                break
        if self.ending:
            self.stream.sendall(sstp.control(self.ending, self._status(0, 0), 1))

    def _lcp(self):
        self._acknowledge()
        self._silence(self.stream)

    def _agree(self):
        self._acknowledge()
        mine = sstp.put_options([(3, b"\xc2\x23\x81"), (5, b"labo")])
        self.stream.sendall(sstp.data(sstp.ppp(sstp.LCP, sstp.packet(1, 1, mine))))
        acked = asked = False
        while not (acked and asked):
            m = self._packet()
            if m.protocol != sstp.LCP:
                continue
            if m.code == 1:
                asked = True
                self._say(sstp.LCP, sstp.packet(2, m.identifier, m.payload))
            acked |= m.code == 2

    def _say(self, protocol, payload):
        self.stream.sendall(sstp.data(sstp.ppp(protocol, payload)))

    def _auth(self):
        self._agree()
        self._silence(self.stream)

    def _refuse(self):
        """Everything works, but nobody is let in."""
        self._agree()
        self._say(sstp.CHAP, sstp.packet(1, 7, b"\x10" + os.urandom(16) + b"lab"))
        while self._packet().protocol != sstp.CHAP:
            pass
        self._say(sstp.CHAP, sstp.packet(4, 7, b"E=691 R=0 C=" + b"0" * 32 + b" V=3 M=" + self.message))
        self._silence(self.stream)

    def _no_agreement(self):
        """It logs the user in and asks for its own address, and never answers what the client asks."""
        self._let_in()
        self._say(sstp.IPCP, sstp.packet(1, 1, sstp.put_options([(3, b"\x0a\x09\0\1")])))
        self._silence(self.stream)

    def _goes_after_lcp(self):
        self._agree()

    def _challenges(self):
        """Challenge after Challenge, whatever the answer."""
        self._agree()
        for n in range(1000):
            self._say(sstp.CHAP, sstp.packet(1, n & 255, b"\x10" + os.urandom(16) + b"lab"))
        self._silence(self.stream)

    def _ncp(self):
        self._let_in()
        self._silence(self.stream)

    def _let_in(self):
        self._agree()
        challenge = os.urandom(16)
        self._say(sstp.CHAP, sstp.packet(1, 7, b"\x10" + challenge + b"lab"))
        while True:
            m = self._packet()
            if m.protocol == sstp.CHAP and m.code == 2:
                break
        peer, response = m.payload[1:17], m.payload[25:49]
        proof = mschapv2.authenticator_response(challenge, peer, self.user, self.password, response)
        self._say(sstp.CHAP, sstp.packet(3, 7, proof.encode() + b" M=welcome"))


# --- proxies


class Proxy:
    """
    An HTTP proxy: `scheme` None, "Basic", "Digest" or "NTLM"; opens the way to `target` for who
    logs in as `user`. deny answers all with 403. through: where it goes instead.
    """

    def __init__(self, host, address, port, scheme=None, user="", password="", deny=False,
                 through=None):
        self.host, self.scheme, self.user, self.password = host, scheme, user, password
        self.deny, self.through = deny, through
        self._listener = Listener(host, address, port, self._serve)
        self.close = self._listener.close

    def _wanted(self):
        return {"Basic": 'Basic realm="lab"', "NTLM": "NTLM", "Bearer": "Bearer",
                "Digest": 'Digest realm="lab", nonce="abc123", qop="auth", algorithm=MD5'}[
                    self.scheme]

    def _allowed(self, head):
        import base64
        import hashlib
        import re
        line = next((ln for ln in head.split("\r\n") if ln.startswith("Proxy-Authorization:")), "")
        if self.scheme == "Basic":
            return line.endswith(base64.b64encode(
                f"{self.user}:{self.password}".encode()).decode())
        if self.scheme == "Digest" and "Digest" in line:
            part = dict(re.findall(r'(\w+)="?([^",]+)"?', line))
            md5 = lambda t: hashlib.md5(t.encode()).hexdigest()
            want = md5(":".join((md5(f"{self.user}:lab:{self.password}"), "abc123", part["nc"],
                                 part["cnonce"], "auth", md5("CONNECT:" + part["uri"]))))
            return part["response"] == want
        return False

    def _serve(self, connection):
        head = read_head(connection)
        if self.deny:
            connection.sendall(answer("403 Forbidden", "Via: 1.1 lab-proxy"))
            return
        if self.scheme and not self._allowed(head):
            connection.sendall(answer("407 Proxy Authentication Required",
                                      f"Proxy-Authenticate: {self._wanted()}"))
            return
        name, port = head.split()[1].rsplit(":", 1)
        address = "192.0.2.1" if name in ("vpn.example", "lab.example") else name
        where = self.through or (address, int(port))
        other = self.host.call(lambda: socket.create_connection(where, 5))
        for end in (connection, other):  # from here on silence is no fault
            end.settimeout(None)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for end in (connection, other):
            end.settimeout(None)  # a lane may be silent for a minute, and a session is in between
        pump = threading.Thread(target=self._copy, args=(other, connection), daemon=True)
        pump.start()
        self._copy(connection, other)
        pump.join()

    @staticmethod
    def _copy(source, sink):
        try:
            while octets := source.recv(65536):
                sink.sendall(octets)
        except OSError:
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
