"""
Wireshark's dissectors on our own handshake: both ends are ours, the judge is not.

        cli  culvert connect --keylog  ==+==  srv  culvert serve
                                         |
                               capture.pcap + keylog  ->  tshark

Wireshark takes all 16 bits of SSTP's length, which is right as long as R is zero.
"""

import subprocess

import pytest

from harness.capture import Capture

STEPS = [  # (protocol, words in the info column), in this order, others between
    ("SSTP", "CALL_CONNECT_REQUEST"), ("SSTP", "CALL_CONNECT_ACK"),
    ("PPP LCP", "Configuration Request"), ("PPP LCP", "Configuration Ack"),
    ("PPP CHAP", "Challenge"), ("PPP CHAP", "Response"), ("PPP CHAP", "Success"),
    ("SSTP", "CALL_CONNECTED"), ("PPP IPCP", "Configuration Ack"), ("ICMP", "Echo (ping) request"),
    ("ICMP", "Echo (ping) reply"), ("PPP LCP", "Termination Request"),
    ("SSTP", "CALL_DISCONNECT"), ("SSTP", "CALL_DISCONNECT_ACK"),
]


def tshark(path, keys, display, *fields):
    argv = ["tshark", "-r", path, "-o", f"tls.keylog_file:{keys}", "-Y", display]
    if fields:
        argv += ["-T", "fields", *[a for f in fields for a in ("-e", f)]]
    r = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert r.returncode == 0, r.stderr
    return [line.split("\t") for line in r.stdout.splitlines()]


def test_tshark_decodes_a_whole_session_and_finds_nothing_malformed(net, server, connect,
                                                                    tmp_path):
    keys = str(tmp_path / "keys")
    capture = Capture(net.cli, "eth0", str(tmp_path / "capture.pcap"))
    client = connect("--keylog", keys)
    assert net.cli.ping(client.peer, 3) == 3
    assert net.cli.ping(client.peer, 1, size=4000) == 1
    assert client.stop() == 0
    path = capture.stop()
    rows = tshark(path, keys, "sstp", "_ws.col.Protocol", "_ws.col.Info")
    left = list(STEPS)
    for protocol, info in rows:
        if left and protocol == left[0][0] and left[0][1] in info:
            left.pop(0)
    assert not left, f"not seen in this order: {left}\n" + "\n".join(map(str, rows))
    assert tshark(path, keys, "_ws.malformed") == []
    assert tshark(path, keys, "_ws.expert.severity == error") == []
    one = tshark(path, keys, 'http.request.method == "SSTP_DUPLEX_POST"', "http.host")
    assert one == [["vpn.example"]]
