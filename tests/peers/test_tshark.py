"""
Wireshark's dissectors on our own handshake: both ends are ours, the judge is not.

        cli  culvert connect --keylog  ==+==  srv  culvert serve
                                         |
                               capture.pcap + keylog  ->  tshark

Wireshark takes all 16 bits of SSTP's length, which is right as long as R is zero.
"""

import subprocess
import xml.etree.ElementTree as ET

from harness.capture import Capture

STEPS = [  # in this order, others between
    "sstp 1", "sstp 2", "lcp 1", "lcp 2", "chap 1", "chap 2", "chap 3", "sstp 4", "ipcp 1",
    "ipcp 2", "icmp 8", "icmp 0", "sstp 6", "sstp 7",
]
FIELDS = {"sstp": "sstp.messagetype", "lcp": "ppp.code", "chap": "chap.code", "ipcp": "ppp.code",
          "icmp": "icmp.type"}


def tshark(path, keys, display, *arguments):
    r = subprocess.run(["tshark", "-r", path, "-o", f"tls.keylog_file:{keys}", "-Y", display,
                        *arguments], capture_output=True, text=True, timeout=120)
    assert r.returncode == 0, r.stderr
    return r.stdout


def messages(pdml):
    """`protocol code` of each message; several share a frame, as several share a TLS record."""
    for packet in ET.fromstring(pdml):
        for layer in packet.iter("proto"):
            wanted = FIELDS.get(layer.get("name"))
            for field in layer.iter("field"):
                if field.get("name") == wanted:
                    yield f"{layer.get('name')} {int(field.get('show'), 0)}"


def test_tshark_decodes_a_whole_session_and_finds_nothing_malformed(net, server, connect,
                                                                    tmp_path):
    keys = str(tmp_path / "keys")
    capture = Capture(net.cli, "eth0", str(tmp_path / "capture.pcap"))
    client = connect("--keylog", keys)
    assert net.cli.ping(client.peer, 3) == 3
    assert net.cli.ping(client.peer, 1, size=4000) == 1
    assert client.stop() == 0
    path = capture.stop()
    seen = list(messages(tshark(path, keys, "sstp", "-T", "pdml")))
    left = list(STEPS)
    for message in seen:
        if left and message == left[0]:
            left.pop(0)
    assert not left, f"not seen in this order: {left}; seen: {seen}"
    assert tshark(path, keys, "_ws.malformed") == ""
    assert tshark(path, keys, "_ws.expert.severity == error") == ""
    assert tshark(path, keys, 'http.request.method == "SSTP_DUPLEX_POST"', "-T", "fields", "-e",
                  "http.host") == "vpn.example\n"
