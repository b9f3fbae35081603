"""
Plays a client's side of a recorded conversation against a real server, over real TLS.

A file is text, a line a step, from the server's point of view, as `culvert diagnose --record`
writes it:

    <  10 01 00 0e 00 01 00 01 00 01 00 06 00 01     octets the server receives
    >  CALL_CONNECT_ACK                              what it must send, in words
    @  0.028                                         a time, in seconds after the first octet
    #  comment, also at the end of a line

In `<` lines stand hex octets, "text" (\\r \\n \\\\ as in C), and values nobody can know before:
    $nonce $certificate_sha256 $certificate_sha1     from the Call Connect ACK and from TLS
    $mac                  the compound MAC over this very packet
    $id                   identifier of the message that the last `>` line named
    $options              its options, octet by octet
    $ack                  the whole packet that acknowledges it: a Configure-Ack with its options
    $peer_challenge $nt_response                     MS-CHAPv2, of the last Challenge
    $ping                 an IPv4 echo request from the address given to the server's own
A `>` line is a name and what must be in it: `id=0`, `13=06` (an option and its value in hex, ? for
any value), `only` when no other options may be there, `protocol=80fd` for a Protocol-Reject. It
takes the oldest message that fits and waits for it; what no line took is a failure at the end,
except what a line of `>?` names. `@ +0.050`: so long after the line above. `deaf`: what arrives
until then was never heard, as by Windows, whose PPP starts some milliseconds after the Call Connect
ACK. `@ <2.5`: it must not be later than that by now.
"""

import hashlib
import re
import socket
import time

from harness import mschapv2, sstp

CODES = {1: "Configure-Request", 2: "Configure-Ack", 3: "Configure-Nak", 4: "Configure-Reject",
         5: "Terminate-Request", 6: "Terminate-Ack", 7: "Code-Reject", 8: "Protocol-Reject",
         9: "Echo-Request", 10: "Echo-Reply", 11: "Discard-Request", 12: "Identification"}
AUTH_CODES = {sstp.PAP: {1: "Authenticate-Request", 2: "Ack", 3: "Nak"},
              sstp.CHAP: {1: "Challenge", 2: "Response", 3: "Success", 4: "Failure"}}
ADVERTISEMENT = "IPv6 router-advertisement"  # comes when the server likes, RFC 4861 6.2.4
PATIENCE = 5  # seconds for one message; the times in the file are the real limits


def words(message):
    """A message from the server as (name, {key: hex})."""
    if message.control:
        return message.name, {}
    if message.protocol == sstp.IPV4 and message.payload[9] == 1:
        return "IPv4 " + {0: "echo-reply", 8: "echo-request"}.get(message.payload[20], "icmp"), {}
    if message.protocol == sstp.IPV6 and len(message.payload) > 40 and message.payload[40] == 134:
        return ADVERTISEMENT, {}
    if message.code is None:
        return message.name, {}
    kind = AUTH_CODES.get(message.protocol, CODES).get(message.code, f"code-{message.code}")
    keys = {"id": str(message.identifier)}
    if message.protocol in (sstp.LCP, sstp.IPCP, sstp.IPV6CP, sstp.CCP) and message.code <= 4:
        keys.update((str(n), v.hex()) for n, v in sstp.options(message.payload))
    if message.protocol == sstp.LCP and message.code == sstp.PROTOCOL_REJECT:
        keys["protocol"] = message.payload[:2].hex()
    return f"{message.name} {kind}", keys


class Replay:
    def __init__(self, tunnel, user=None, password=None):
        self.tunnel, self.user, self.password = tunnel, user, password
        self.heard, self.allowed = [], []
        self.last = None
        self.begin = None
        self.values = {"certificate_sha256": hashlib.sha256(tunnel.certificate).digest(),
                       "certificate_sha1": hashlib.sha1(tunnel.certificate).digest(),
                       "peer_challenge": bytes(range(0x40, 0x50))}
        self.key = bytes(32)
        self.address = self.server_address = None

    def play(self, path):
        with open(path) as f:
            for number, line in enumerate(f, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                step = {"<": self._send, ">": self._expect, "@": self._time}[line[0]]
                try:
                    step(line[1:].strip())
                except Exception as e:
                    raise AssertionError(f"{path}:{number}: {line}\n  {type(e).__name__}: {e}\n"
                                         f"  waiting unread: {self.heard}\n"
                                         f"  all seen: {self.tunnel.seen}") from e
        self._listen(0.2)
        left = [m for m in self.heard
                if words(m)[0] != ADVERTISEMENT and not any(_fits(m, *a) for a in self.allowed)]
        assert not left, f"{path}: the server also sent {left}"

    def now(self):
        return time.monotonic() - self.begin

    # --- the three kinds of line

    def _time(self, line):
        if line.startswith("<"):
            limit = float(line[1:].split()[0])
            assert self.now() < limit, f"it is {self.now():.3f} s already"
            return
        at, *deaf = line.split("#")[0].split()
        self._listen(float(at) if at.startswith("+") else float(at) - self.now())
        if deaf:
            self.heard.clear()

    def _send(self, line):
        octets = b""
        mac_at = None
        for word in _tokens(line):
            if word == "$mac":
                mac_at = len(octets)
                octets += bytes(32)
            elif word.startswith("$"):
                octets += self._value(word[1:])
            elif word.startswith('"'):
                octets += word[1:-1].encode().decode("unicode_escape").encode("latin-1")
            else:
                octets += bytes.fromhex(word)
        if mac_at is not None:
            mac = sstp.compound_mac(self.key, octets, "sha256")
            octets = octets[:mac_at] + mac + octets[mac_at + 32:]
        if self.begin is None:
            self.begin = time.monotonic()
        self.tunnel.send(octets)

    def _expect(self, line):
        optional = line.startswith("?")
        name, keys, only = _pattern(line.lstrip("? "))
        if optional:
            self.allowed.append((name, keys, only))
            return
        if name.startswith("HTTP"):
            status, _ = self.tunnel.response()
            assert f"HTTP {status}" == name, f"status {status}"
            return
        end = time.monotonic() + PATIENCE
        while True:
            for m in self.heard:
                if _fits(m, name, keys, only):
                    self.heard.remove(m)
                    self._note(m)
                    return
            assert time.monotonic() < end, "not sent"
            self._listen(0.01)

    # --- what they need

    def _listen(self, seconds):
        self.heard += self.tunnel.silence(max(seconds, 0.002))

    def _note(self, m):
        self.last = m
        if m.name == "CALL_CONNECT_ACK":
            self.values["nonce"] = m.body[12:44]
        if m.protocol == sstp.IPCP and m.code == sstp.ACK:
            self.address = socket.inet_ntoa(dict(sstp.options(m.payload))[3])
        if m.protocol == sstp.IPCP and m.code == sstp.REQUEST:
            self.server_address = socket.inet_ntoa(dict(sstp.options(m.payload))[3])
        if m.protocol == sstp.CHAP and m.code == 1:
            self.values["nt_response"] = response = mschapv2.nt_response(
                m.payload[1:17], self.values["peer_challenge"], self.user, self.password)
            self.key = mschapv2.higher_layer_key(self.password, response)

    def _value(self, name):
        if name == "id":
            return bytes([self.last.identifier])
        if name == "options":
            return self.last.payload
        if name == "ack":
            return sstp.data(sstp.ppp(self.last.protocol, sstp.packet(
                sstp.ACK, self.last.identifier, self.last.payload)))
        if name == "ping":
            return sstp.echo_request(self.address, self.server_address)
        return self.values[name]


def _tokens(line):
    """Words of a line up to its comment; quoted text stays one word, quotes included."""
    for word in re.findall(r'"(?:[^"\\]|\\.)*"|#.*|\S+', line):
        if word.startswith("#"):
            return
        yield word


def _pattern(line):
    name, keys, only = [], {}, False
    for word in line.split("#")[0].split():
        if word == "only":
            only = True
        elif "=" in word:
            key, value = word.split("=")
            keys[key] = value
        else:
            name.append(word)
    return " ".join(name), keys, only


def _fits(message, name, keys, only):
    found_name, found = words(message)
    if found_name != name:
        return False
    if any(k not in found or v not in ("?", found[k]) for k, v in keys.items()):
        return False
    extra = {k for k in found if k.isdigit()} - keys.keys()
    return not (only and extra)
