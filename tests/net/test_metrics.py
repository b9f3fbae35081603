"""
Counters for Prometheus, asked on the server's host.

        srv  culvert serve, GET http://127.0.0.1:9443/metrics
"""

import re

import pytest

from harness.program import USER

SPLIT = ("--no-default-route", "--no-dns")


def values(text):
    return {k: float(v) for k, v in re.findall(r"^(culvert_\S+) (\S+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("listen, curl", [
    ("127.0.0.1:9443", ["http://127.0.0.1:9443/metrics"]),
    ("/run/metrics.sock", ["--unix-socket", "/run/metrics.sock", "http://x/metrics"])],
    ids=["tcp", "unix"])
def test_metrics(net, start_server, workers, connect, listen, curl):
    server = start_server({"server": {"workers": workers}, "metrics": {"listen": listen},
                           "auth": {"fail_delay": "0s"}})
    connect(*SPLIT, password="wrong", wait=False).wait_exit()
    client = connect(*SPLIT)
    assert net.cli.ping(client.peer, 3) == 3
    text = net.srv.run("curl", "-sS", "--max-time", "10", *curl)
    got = values(text)
    assert got["culvert_sessions"] == 1 and got["culvert_connections"] == 1
    assert got['culvert_logins_total{result="accepted"}'] == 1
    assert got['culvert_logins_total{result="rejected"}'] == 1
    assert got['culvert_packets_total{direction="up"}'] >= 3
    assert got['culvert_octets_total{direction="down"}'] >= 3 * 84
    assert got["culvert_queue_seconds_count"] >= 3
    assert 0 <= got["culvert_queue_seconds_sum"] < 1
    assert got["culvert_handshake_seconds_count"] == 1
    assert got['culvert_handshake_seconds_bucket{le="+Inf"}'] == 1
    assert got['culvert_drops_total{reason="source"}'] == 0
    assert USER not in text and client.address not in text
    buckets = [v for k, v in got.items() if "_bucket" in k]
    assert buckets == sorted(buckets)
    assert "404" in net.srv.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                                *[c.replace("/metrics", "/other") if "http" in c else c
                                  for c in curl])
    assert server.stop() == 0
