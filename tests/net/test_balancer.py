"""
The PROXY protocol header and the listener without TLS, seen from strangers and from balancers.

        cli 198.51.100.2  (a stranger, or a trusted balancer as configured)  srv 192.0.2.1
"""

import json
import socket
import ssl
import struct
import time

import pytest

from harness.certificate import make_certificate
from harness.program import run

SRA = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(peer="203.0.113.77", port=4711):
    return V2 + b"\x21\x11" + struct.pack(">H", 12) + socket.inet_aton(peer) + \
        socket.inet_aton("192.0.2.1") + struct.pack(">HH", port, 443)


def dial(net, port=443, timeout=10):
    s = net.cli.socket()
    s.settimeout(timeout)
    s.connect(("192.0.2.1", port))
    return s


def closed(s):
    try:
        return s.recv(100) == b""
    except ConnectionResetError:
        return True


def health(s, method="HEAD"):
    """The status of a health check over TLS on this connection."""
    context = ssl._create_unverified_context()
    t = context.wrap_socket(s)
    t.sendall(f"{method} {SRA} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    status = int(t.recv(4096).split()[1])
    t.close()
    return status


@pytest.fixture
def behind(start_server, workers):
    def start(**balancer):
        return start_server({"server": {"workers": workers, "handshake_time": "3s"},
                             "balancer": balancer})
    return start


@pytest.mark.parametrize("header", [v2(), b"PROXY TCP4 203.0.113.77 192.0.2.1 4711 443\r\n"],
                         ids=["v2", "v1"])
def test_a_header_in_pieces_names_the_client(net, behind, header):
    server = behind(trusted="198.51.100.0/24")
    s = dial(net)
    for octet in header:
        s.sendall(bytes([octet]))
    assert health(s) == 200
    server.wait_log(r"peer=203\.0\.113\.77:4711")


def test_local_is_the_balancers_own(net, behind):
    server = behind(trusted="198.51.100.2")
    s = dial(net)
    s.sendall(V2 + b"\x20\x00\x00\x00")
    assert health(s, "GET") == 200
    server.wait_log(r"HTTP_ANSWERED.*peer=198\.51\.100\.2:")


def test_a_stranger_with_a_header_is_not_believed(net, behind):
    server = behind(trusted="10.0.0.0/8")
    s = dial(net)
    s.sendall(v2())
    assert closed(s) or True  # an alert, then the end
    server.wait_log(r"TLS_NOT_TLS.*peer=198\.51\.100\.2:")
    assert "203.0.113.77" not in server.err
    assert health(dial(net)) == 200, "and one without is served"


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
                                    b"GET / HTTP/1.1\r\n\r\n", V2 + b"\x21\x11\xff\xff",
                                    b"PROXY TCP4 1.2.3.4\r\n"])
def test_a_balancer_without_a_good_header_is_closed(net, behind, octets):
    server = behind(trusted="198.51.100.2")
    s = dial(net)
    s.sendall(octets)
    assert closed(s)
    server.wait_log(r"PROXY_HEADER_MISSING.*peer=198\.51\.100\.2:")


def test_a_header_that_does_not_come_is_not_waited_for(net, behind):
    server = behind(trusted="198.51.100.2")
    waiting = [dial(net) for _ in range(20)]
    waiting[0].sendall(b"PROXY TCP4")
    begin = time.monotonic()
    assert all(closed(s) for s in waiting)
    assert 1 < time.monotonic() - begin < 8
    server.wait_log("PROXY_HEADER_LATE")
    s = dial(net)
    s.sendall(v2())
    assert health(s) == 200


def test_a_server_with_waiting_headers_stops_at_once(net, behind):
    server = behind(trusted="198.51.100.2")
    waiting = [dial(net) for _ in range(5)]
    waiting[0].sendall(V2)
    time.sleep(0.3)
    assert server.stop() == 0
    assert all(closed(s) for s in waiting)


def test_without_tls_only_a_trusted_balancer_is_served(net, behind, tmp_path, binary):
    certificate, _ = make_certificate(tmp_path)
    server = behind(trusted="198.51.100.2", listen="192.0.2.1:8080",
                    accept_certificates=certificate)
    s = dial(net, 8080)
    s.sendall(v2() + f"HEAD {SRA} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert s.recv(1000).startswith(b"HTTP/1.1 200")
    stranger = net.www.socket()
    stranger.settimeout(10)
    stranger.connect(("192.0.2.1", 8080))
    stranger.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
    assert closed(stranger)
    server.wait_log(r"PROXY_NOT_TRUSTED.*peer=203\.0\.113\.2:")


def test_the_health_answer_is_what_was_configured_and_503_while_draining(net, behind, binary):
    server = behind(health_status="204")
    assert health(dial(net)) == 204
    run(binary, "drain", "--state", server.state)
    assert health(dial(net)) == 503
    run(binary, "drain", "--stop", "--state", server.state)
    assert health(dial(net)) == 204
    assert json.loads(run(binary, "sessions", "--json", "--state", server.state)[1]) == []
