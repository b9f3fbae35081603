"""
An SSTP client in plain sight, for tests that must stop half-way, lie, or look at single messages.
Written from [MS-SSTP] and RFC 1661, not from src/: Python's TLS, hand-made frames, blocking reads.

    t = Tunnel(host, "192.0.2.1", 443)
    t.tls(); t.http(); t.sstp(); t.lcp(); t.authenticate("alice", "Secret-1"); t.bind(); t.ipcp()
    t.send_ip(packet); t.read_ip()
"""

import hashlib
import hmac
import os
import socket
import ssl
import struct
import time

from . import mschapv2

PATH = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
LCP, PAP, CHAP, IPCP, IPV6CP, CCP = 0xC021, 0xC023, 0xC223, 0x8021, 0x8057, 0x80FD
IPV4, IPV6 = 0x0021, 0x0057
PPP_NAMES = {LCP: "LCP", PAP: "PAP", CHAP: "CHAP", IPCP: "IPCP", IPV6CP: "IPV6CP", CCP: "CCP",
             IPV4: "IPv4", IPV6: "IPv6"}
MESSAGES = {1: "CALL_CONNECT_REQUEST", 2: "CALL_CONNECT_ACK", 3: "CALL_CONNECT_NAK",
            4: "CALL_CONNECTED", 5: "CALL_ABORT", 6: "CALL_DISCONNECT", 7: "CALL_DISCONNECT_ACK",
            8: "ECHO_REQUEST", 9: "ECHO_RESPONSE"}
NUMBERS = {name: number for number, name in MESSAGES.items()}
REQUEST, ACK, NAK, REJECT, TERMINATE_REQUEST, TERMINATE_ACK = 1, 2, 3, 4, 5, 6
# Values of LCP's Authentication-Protocol
AUTH_PAP, AUTH_EAP = b"\xc0\x23", b"\xc2\x27"
AUTH_CHAP_MD5, AUTH_MSCHAPV1, AUTH_MSCHAPV2 = (b"\xc2\x23" + bytes([n]) for n in (5, 0x80, 0x81))
CODE_REJECT, PROTOCOL_REJECT, ECHO_REQUEST, ECHO_REPLY, IDENTIFICATION = 7, 8, 9, 10, 12


def octets(text):
    return text if isinstance(text, bytes) else text.encode()


def control(message, attributes=b"", count=0):
    return struct.pack(">BBHHH", 0x10, 1, 8 + len(attributes), NUMBERS[message],
                       count) + attributes


def data(frame):
    return struct.pack(">BBH", 0x10, 0, 4 + len(frame)) + frame


def ppp(protocol, payload):
    return b"\xff\x03" + struct.pack(">H", protocol) + payload


MSCHAPV2, EAP = b"\xc2\x23\x81", b"\xc2\x27"  # values of LCP's option 3


def packet(code, identifier, body=b""):
    """What LCP, the NCPs, PAP and CHAP share: code, identifier, length, then the rest."""
    return struct.pack(">BBH", code, identifier, 4 + len(body)) + body


def options(body):
    """The options of a Configure packet as [(number, value)]."""
    found = []
    while len(body) >= 2:
        number, length = body[0], body[1]
        assert 2 <= length <= len(body), f"option {number} of length {length}"
        found.append((number, body[2:length]))
        body = body[length:]
    return found


def put_options(pairs):
    return b"".join(bytes([n, 2 + len(v)]) + v for n, v in pairs)


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, ttl=64):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def echo_request(source, destination, sequence=1, payload=b"culvert"):
    icmp = struct.pack(">BBHHH", 8, 0, 0, 0x4356, sequence) + payload
    icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
    return ipv4(source, destination, 1, icmp)


def udp(source, destination, source_port, destination_port, payload):
    return ipv4(source, destination, 17, struct.pack(
        ">HHHH", source_port, destination_port, 8 + len(payload), 0) + payload)


def ipv6(source, destination, next_header, payload, hops=64, length=None):
    head = struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, next_header,
                       hops)
    return (head + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, destination) + payload)


def icmpv6(source, destination, body, hops=64, before=b"", first=58):
    """`body` begins with type and code; its checksum is set. `before`: headers in front of it."""
    pseudo = ipv6(source, destination, 58, b"")[8:40] + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body[:2] + b"\0\0" + body[4:])) + body[4:]
    return ipv6(source, destination, first, before + body, hops)


def advertisement(prefix=None, flags=0xC0, length=64, lifetime=1800, valid=3600, dns=()):
    """The ICMPv6 body of a router advertisement; flags: 0x80 on-link, 0x40 autonomous."""
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
    if prefix:
        body += struct.pack(">BBBBIII", 3, 4, length, flags, valid, valid, 0)
        body += socket.inet_pton(socket.AF_INET6, prefix)
    if dns:
        body += struct.pack(">BBHI", 25, 1 + 2 * len(dns), 0, 600)
        body += b"".join(socket.inet_pton(socket.AF_INET6, d) for d in dns)
    return body


def link_local(ifid):
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + ifid)


def solicited_node(address):
    """The group that a neighbour solicitation for `address` goes to (RFC 4291 section 2.7.1)."""
    low = socket.inet_pton(socket.AF_INET6, address)[13:]
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + low)


def compound_mac(higher_layer_key, message, name):
    """[MS-SSTP] 3.2.5.2: `message` is the CALL_CONNECTED with its MAC field zero."""
    size = {"sha1": 20, "sha256": 32}[name]
    seed = b"SSTP inner method derived CMK" + struct.pack("<H", size) + b"\x01"
    key = hmac.new(higher_layer_key, seed, name).digest()
    return hmac.new(key, message, name).digest()


def call_connected(nonce, certificate, higher_layer_key, name="sha256"):
    size = hashlib.new(name).digest_size
    head = control("CALL_CONNECTED", bytes(104), 1)[:8]
    attribute = struct.pack(">BBHBBBB", 0, 3, 104, 0, 0, 0, 1 if name == "sha1" else 2) + nonce
    attribute += hashlib.new(name, certificate).digest() + bytes(32 - size)
    mac = compound_mac(higher_layer_key, head + attribute + bytes(32), name)
    return head + attribute + mac + bytes(32 - size)


class Closed(Exception):
    """The server ended the connection; .clean says whether TLS was closed properly."""

    def __init__(self, clean):
        super().__init__("close_notify" if clean else "closed without close_notify")
        self.clean = clean


class Message:
    """One SSTP packet from the server, taken apart as far as a test needs it."""

    def __init__(self, octets):
        self.octets = octets
        self.control = bool(octets[1] & 1)
        self.body = octets[4:]
        self.protocol = self.code = self.identifier = None
        self.payload = b""
        if self.control:
            number, self.count = struct.unpack(">HH", self.body[:4])
            self.name = MESSAGES.get(number, f"message {number}")
            return
        frame = self.body[2:] if self.body[:2] == b"\xff\x03" else self.body
        if frame[0] & 1:
            self.protocol, self.payload = frame[0], frame[1:]
        else:
            self.protocol, self.payload = struct.unpack(">H", frame[:2])[0], frame[2:]
        self.name = PPP_NAMES.get(self.protocol, f"{self.protocol:04x}")
        if self.protocol >= 0x8000:
            self.code, self.identifier, length = struct.unpack(">BBH", self.payload[:4])
            self.payload = self.payload[4:length]

    def status(self):
        """(attribute, status) of the Status Info in a NAK, ABORT or DISCONNECT."""
        return (self.body[4 + 7], struct.unpack(">I", self.body[4 + 8:4 + 12])[0])

    def __repr__(self):
        if self.control or self.code is None:
            return self.name
        return f"{self.name} code={self.code} id={self.identifier} {self.payload.hex()}"


class Framing:
    """SSTP packets over a stream, whichever end we are."""

    timeout = 15

    def __init__(self, stream):
        self.stream, self.rest, self.identifier, self.seen = stream, b"", 0, []
        self.sent = 0  # calls of send() inside TLS: a record each

    def send(self, octets):
        self.stream.sendall(octets)
        self.sent += isinstance(self.stream, ssl.SSLSocket)

    def send_ppp(self, protocol, payload):
        self.send(data(ppp(protocol, payload)))

    def _more(self):
        try:
            octets = self.stream.recv(65536)
        except ssl.SSLEOFError:
            raise Closed(False) from None
        except ConnectionResetError:
            raise Closed(False) from None
        if not octets:
            raise Closed(isinstance(self.stream, ssl.SSLSocket))
        self.rest += octets

    def read(self, timeout=None):
        """The next SSTP packet, whatever it is."""
        self.stream.settimeout(self.timeout if timeout is None else max(timeout, 0.001))
        while len(self.rest) < 4 or len(self.rest) < struct.unpack(
                ">H", self.rest[2:4])[0] & 0xFFF:
            self._more()
        assert self.rest[0] == 0x10, f"version {self.rest[0]:#x}"
        length = struct.unpack(">H", self.rest[2:4])[0] & 0xFFF
        message, self.rest = Message(self.rest[:length]), self.rest[length:]
        self.seen.append(message)
        return message


class Tunnel(Framing):
    def __init__(self, host, address, port=443, timeout=15, source=None, first=b""):
        """source: an address that the host need not have; first: octets before TLS."""
        self.host, self.timeout = host, timeout
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.tcp = host.socket(family)
        self.tcp.settimeout(timeout)
        if source:
            self.tcp.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
            self.tcp.bind((source, 0))
        self.tcp.connect((address, port))
        if first:
            self.tcp.sendall(first)
        super().__init__(self.tcp)
        self.name = address
        self.nonce = self.hashes = None
        self.key = bytes(32)
        self.peer_request = {}  # protocol: the server's acknowledged options
        self.address = self.server_address = None
        self.ifid = self.server_ifid = None
        self.wants_ipv6 = False  # else IPv6CP is rejected
        self.insist = None  # an Authentication-Protocol to Nak others with

    # --- TLS and HTTP

    def tls(self, context=None, server_hostname="vpn.example", session=None):
        if not context:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.stream = context.wrap_socket(self.tcp, server_hostname=server_hostname,
                                          session=session)
        self.certificate = self.stream.getpeercert(binary_form=True)
        return self

    def request(self, method="SSTP_DUPLEX_POST", path=PATH, version="HTTP/1.1", headers=None):
        if headers is None:
            headers = {"SSTPCORRELATIONID": "{01234567-89AB-CDEF-0123-456789ABCDEF}",
                       "Content-Length": "18446744073709551615", "Host": self.name}
        lines = [f"{method} {path} {version}"] + [f"{k}: {v}" for k, v in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def response(self):
        """(status, headers in lower case); what follows the blank line stays to be read."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = dict((k.lower(), v.strip()) for k, v in (ln.split(":", 1) for ln in lines[1:]))
        return int(lines[0].split()[1]), headers

    def http(self):
        self.request()
        status, _ = self.response()
        assert status == 200, f"HTTP status {status}"
        return self

    # --- SSTP messages

    def expect(self, wanted, seconds=None, keep_alive=True):
        """Reads until wanted(message) is true. Answers keep-alives and the server's own requests."""
        end = time.monotonic() + (self.timeout if seconds is None else seconds)
        while True:
            message = self.read(end - time.monotonic())
            if wanted(message):
                return message
            if keep_alive:
                self._serve(message)
            if message.name in ("CALL_ABORT", "CALL_DISCONNECT"):
                raise AssertionError(f"server sent {message.name} {message.status()}; "
                                     f"before: {self.seen}")

    def silence(self, seconds):
        """Everything the server sends within this time."""
        found, end = [], time.monotonic() + seconds
        while True:
            try:
                found.append(self.read(end - time.monotonic()))
            except (socket.timeout, TimeoutError, ssl.SSLWantReadError):
                return found

    def _serve(self, message):
        if message.name == "ECHO_REQUEST":
            self.send(control("ECHO_RESPONSE"))
        elif message.protocol == LCP and message.code == ECHO_REQUEST:
            self.send_ppp(LCP, packet(ECHO_REPLY, message.identifier, self.magic
                                      + message.payload[4:]))
        elif message.protocol == LCP and message.code == REQUEST:
            self._acknowledge(message)
        elif message.protocol == IPV6CP and message.code == REQUEST and self.wants_ipv6:
            self._acknowledge(message)
        elif message.protocol == IPV6CP and message.code == REQUEST:
            self.send_ppp(LCP, packet(PROTOCOL_REJECT, self._next(), struct.pack(">H", IPV6CP)
                                      + packet(message.code, message.identifier, message.payload)))

    def _acknowledge(self, message):
        asked = options(message.payload)
        method = dict(asked).get(3)
        wanted = self.insist or (MSCHAPV2 if method == EAP else method)  # it knows no EAP
        if message.protocol == LCP and method != wanted:
            self.send_ppp(LCP, packet(NAK, message.identifier, put_options([(3, wanted)])))
            return
        self.peer_request[message.protocol] = asked
        self.send_ppp(message.protocol, packet(ACK, message.identifier, message.payload))

    def _next(self):
        self.identifier = self.identifier % 255 + 1
        return self.identifier

    def sstp(self):
        self.send(control("CALL_CONNECT_REQUEST", bytes.fromhex("000100060001"), 1))
        ack = self.expect(lambda m: m.name == "CALL_CONNECT_ACK")
        self.hashes, self.nonce = ack.body[4 + 7], ack.body[4 + 8:4 + 40]
        return self

    # --- PPP

    magic = b"\x34\x5f\x64\xca"

    def negotiate(self, protocol, mine, adapt=None):
        """Both directions of one Configure exchange. adapt(code, options) returns new options."""
        acked = False
        identifier = self._next()
        self.send_ppp(protocol, packet(REQUEST, identifier, put_options(mine)))
        self.peer_request.pop(protocol, None)
        while not acked or protocol not in self.peer_request:
            message = self.expect(lambda m: m.protocol == protocol)
            if message.code == REQUEST:
                self._acknowledge(message)
            elif message.identifier != identifier:
                continue
            elif message.code == ACK:
                acked = True
            elif message.code in (NAK, REJECT):
                mine = adapt(message.code, mine, options(message.payload))
                identifier = self._next()
                self.send_ppp(protocol, packet(REQUEST, identifier, put_options(mine)))
        return mine

    @staticmethod
    def follow(code, mine, theirs):
        """Takes what a Nak proposes, drops what a Reject names."""
        theirs = dict(theirs)
        if code == REJECT:
            return [(n, v) for n, v in mine if n not in theirs]
        return [(n, theirs.get(n, v)) for n, v in mine]

    def lcp(self, mru=1400):
        self.negotiate(LCP, [(1, struct.pack(">H", mru)), (5, self.magic)], self.follow)
        return self

    @property
    def method(self):
        """The value of the Authentication-Protocol option that the server asked for."""
        return dict(self.peer_request[LCP]).get(3, b"")

    def authenticate(self, user, password):
        """Answers whatever the server asked for; a user of bytes is sent as it is."""
        if self.method == b"\xc0\x23":
            body = bytes([len(octets(user))]) + octets(user) + bytes([len(password)]) \
                + password.encode()
            self.send_ppp(PAP, packet(1, self._next(), body))
            verdict = self.expect(lambda m: m.protocol == PAP)
            self.authenticated = verdict.code == 2
            return verdict
        assert self.method == b"\xc2\x23\x81", f"asked for {self.method.hex()}"
        challenge = self.expect(lambda m: m.protocol == CHAP and m.code == 1)
        return self.answer_challenge(challenge, user, password)

    def answer_challenge(self, challenge, user, password):
        theirs, mine = challenge.payload[1:17], os.urandom(16)
        response = mschapv2.nt_response(theirs, mine, user, password)
        self.send_ppp(CHAP, packet(2, challenge.identifier, bytes([49]) + mine + bytes(8)
                                   + response + b"\0" + octets(user)))
        verdict = self.expect(lambda m: m.protocol == CHAP and m.code in (3, 4))
        self.authenticated = verdict.code == 3
        if self.authenticated:
            proof = mschapv2.authenticator_response(theirs, mine, user, password, response)
            assert verdict.payload.startswith(proof.encode()), "the server does not know the password"
            self.key = mschapv2.higher_layer_key(password, response)
        return verdict

    def bind(self, name="sha256", **lies):
        self.send(call_connected(lies.get("nonce", self.nonce),
                                 lies.get("certificate", self.certificate),
                                 lies.get("key", self.key), name))
        return self

    def ipcp(self, address="0.0.0.0", dns=False):
        mine = [(3, socket.inet_aton(address))]
        if dns:
            mine += [(129, bytes(4)), (131, bytes(4))]
        agreed = dict(self.negotiate(IPCP, mine, self.follow))
        self.address = socket.inet_ntoa(agreed[3])
        self.server_address = socket.inet_ntoa(dict(self.peer_request[IPCP])[3])
        self.dns = [socket.inet_ntoa(agreed[n]) for n in (129, 131) if n in agreed]
        return self

    def ipv6cp(self, ifid=b"\0\0\0\0\0\0\0\x07"):
        """To be asked for before up(), which would reject it: t.wants_ipv6 = True."""
        mine, identifier, acked = [(1, ifid)], self._next(), False
        self.send_ppp(IPV6CP, packet(REQUEST, identifier, put_options(mine)))
        while not acked or IPV6CP not in self.peer_request:
            message = self.expect(lambda m: m.protocol == IPV6CP)
            if message.code == REQUEST:
                self._acknowledge(message)
            elif message.identifier == identifier and message.code == NAK:
                mine, identifier = options(message.payload), self._next()
                self.send_ppp(IPV6CP, packet(REQUEST, identifier, put_options(mine)))
            elif message.identifier == identifier:
                acked = message.code == ACK
        self.ifid = dict(mine)[1]
        self.server_ifid = dict(self.peer_request[IPV6CP])[1]
        return self

    def up(self, user, password, mru=1400):
        """All seven steps."""
        self.tls().http().sstp().lcp(mru)
        verdict = self.authenticate(user, password)
        assert self.authenticated, f"refused: {verdict.payload}"
        return self.bind().ipcp()

    # --- data

    def send_ip(self, octets, protocol=None):
        """`protocol`: PPP's, where it is to be another than the packet's."""
        self.send_ppp(protocol or (IPV4 if octets[0] >> 4 == 4 else IPV6), octets)

    def read_ip(self, seconds=None):
        return self.expect(lambda m: m.protocol in (IPV4, IPV6), seconds).payload

    def ping(self, destination=None, sequence=1):
        """Whether an echo through the tunnel comes back."""
        return self.echo(self.address, destination or self.server_address, sequence)

    def echo(self, source, destination, sequence=1, seconds=5):
        self.send_ip(echo_request(source, destination, sequence))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                reply = self.read_ip(end - time.monotonic())
            except (socket.timeout, TimeoutError):
                return False
            if (reply[0] == 0x45 and reply[9] == 1 and reply[20] == 0
                    and reply[12:16] == socket.inet_aton(destination)):
                return True
        return False

    def close(self):
        self.stream.close()


class Android(Tunnel):
    """
    Open SSTP Client, as its source has it: it takes the login's verdict, and only then begins to listen for
    IPCP and IPv6CP, so what came in the flight of Success is lost. A PAP Ack must have no message of
    length zero. Its own Requests come first; it acknowledges what it is asked for.
    """

    lost = ()

    def authenticate(self, user, password):
        verdict = super().authenticate(user, password)
        if verdict.protocol == PAP and verdict.code == 2:
            assert verdict.payload != b"\0", "its parser fails on an empty message"
        self.lost = [m for m in self.silence(0.3) if m.protocol in (IPCP, IPV6CP)]
        return verdict

    def ipv6cp(self):
        self.negotiate(IPV6CP, [(1, bytes(8))], self.follow)
        return self

    def _serve(self, message):
        if message.protocol == IPV6CP and message.code == REQUEST:
            self._acknowledge(message)
        else:
            super()._serve(message)


class Walker(Tunnel):
    """A client that wants other methods first: it Naks with each of `wishes`, then takes what is offered."""

    def __init__(self, *args, wishes=(), **kw):
        super().__init__(*args, **kw)
        self.wishes = list(wishes)

    def _acknowledge(self, message):
        if message.protocol == LCP and self.wishes:
            self.insist = self.wishes.pop(0)
            self.send_ppp(LCP, packet(NAK, message.identifier, put_options([(3, self.insist)])))
            self.insist = None
            return
        super()._acknowledge(message)
