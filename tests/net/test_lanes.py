"""
Lanes: a second connection of a session, on a path long enough that one is wanted.

        cli  198.51.100.2 ==== culvert ==== 192.0.2.1  srv
          far ------ linkem: 50 Mbit/s, 20 ms ------ far
"""

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import pump
from harness.host import wait_for
from harness.lanes import SPLIT


@pytest.fixture(params=[1, 2, 4], ids=["1-worker", "2-workers", "4-workers"])
def each_workers(request):
    return request.param


def test_a_transfer_on_a_long_path_brings_a_lane(net, far, start_server, connect, lanes,
                                                 each_workers):
    server = start_server({"server": {"workers": each_workers}})
    client = connect(*SPLIT)
    assert net.cli.ping(client.peer, 3) == 3
    assert lanes.shown() == [False] and len(lanes.connections()) == 1, "nobody wanted one yet"
    bulk = lanes.transfer(server)
    assert net.cli.ping(client.peer, 20, interval=0.05) == 20
    assert net.srv.ping(client.address, 20, interval=0.05) == 20
    bulk.end()
    down = pump.Bulk(net.srv, net.cli, client.address)
    assert net.cli.ping(client.peer, 20, interval=0.05) == 20
    down.end()
    assert "sparse flows have a connection of their own" in client.err
    assert client.stop() == 0, client.story()
    lanes.wait_gone()
    assert server.stop() == 0, server.story()


def test_a_ping_beside_a_transfer_goes_by_the_lane(net, far, start_server, connect, lanes):
    """The packets that the transfer loses are not before it: it is on another connection."""
    server = start_server()
    client = connect(*SPLIT)
    main = lanes.connections()[0]
    bulk = lanes.transfer(server)
    lane = next(port for port in lanes.connections() if port != main)
    far("rate=50mbit delay=10ms queue=100ms loss=2%")
    before = lanes.octets(main), lanes.octets(lane)
    assert net.cli.ping(client.peer, 150, interval=0.02) == 150
    by_main, by_lane = lanes.octets(main) - before[0], lanes.octets(lane) - before[1]
    far("rate=50mbit delay=10ms queue=100ms loss=0")
    bulk.end()
    assert 150 * 84 < by_lane < by_main / 4, "most pings, and nothing of the transfer"


@contextlib.contextmanager
def drizzle(*ways):
    """
    Small datagrams from (host) to (address), some 300 a second: too little for a transfer, and too
    many for a sparse flow, so that those that are sparse stay on the lane.
    """
    sockets, end = [], threading.Event()
    for host, address in ways:
        sockets.append(host.socket(kind=socket.SOCK_DGRAM))
        sockets[-1].connect((address, 9))

    def send():
        while not end.wait(0.003):
            for s in sockets:
                with contextlib.suppress(ConnectionRefusedError):
                    s.send(b"drop")
    sender = threading.Thread(target=send)
    sender.start()
    yield
    end.set()
    sender.join()
    for s in sockets:
        s.close()


def test_a_lane_that_no_transfer_wants_goes_and_comes_back(net, far, start_server, connect, lanes):
    """Pings that are on their way by the lane when it goes are not lost."""
    server = start_server()
    client = connect(*SPLIT)
    bulk = lanes.transfer(server)
    with drizzle((net.cli, client.peer), (net.srv, client.address)):
        pings = [host.popen("ping", "-i", "0.025", to, text=True, stdout=subprocess.PIPE)
                 for host, to in ((net.cli, client.peer), (net.srv, client.address))]
        bulk.end()
        wait_for(lambda: lanes.shown() == [False], 120, "the lane to go", 0.5)
        time.sleep(1)
        for ping in pings:
            ping.send_signal(signal.SIGINT)
            came = sorted(int(n) for n in re.findall(r"icmp_seq=(\d+) ", ping.communicate()[0]))
            missing = set(range(1, max(came) + 1)) - set(came)
            assert not missing and len(set(came)) == len(came), f"of {len(came)}: lost {missing}"
    wait_for(lambda: len(lanes.connections()) == 1, 10, "its connection to go")
    assert "closed until a transfer wants it again" in client.err
    lanes.transfer(server).end()
    assert client.stop() == 0, client.story()


def test_on_a_short_path_there_is_none(net, start_server, connect, lanes):
    server = start_server()
    client = connect(*SPLIT)
    pump.Bulk(net.cli, net.srv, server.address()).end()
    assert lanes.shown() == [False] and len(lanes.connections()) == 1
    assert client.stop() == 0


@pytest.mark.parametrize("who", ["client", "server"])
def test_who_wants_none_has_none(net, far, start_server, connect, lanes, who):
    server = start_server({"sstp": {"lanes": "no"}} if who == "server" else None)
    client = connect(*SPLIT, *(["--no-lanes"] if who == "client" else []))
    pump.Bulk(net.cli, net.srv, server.address(), 8 << 20).end()
    assert lanes.shown() == [False] and len(lanes.connections()) == 1
    assert "lane" not in client.err


def ask_bare(net, headers, path="/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"):
    """A request over TLS that is no client's; the whole answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = net.cli.socket()
    raw.settimeout(10)
    raw.connect(("192.0.2.1", 443))
    with context.wrap_socket(raw) as s:
        s.sendall(f"SSTP_DUPLEX_POST {path} HTTP/1.1\r\nHost: vpn.example\r\n"
                  f"Content-Length: 18446744073709551615\r\n{headers}\r\n".encode())
        answer = b""
        while piece := s.recv(4096):
            answer += piece
    return re.sub(rb"Date: [^\r]*", b"Date: now", answer)


def test_a_stranger_who_asks_for_a_lane_is_told_what_any_path_is_told(net, server):
    other = ask_bare(net, "", path="/nothing/here")
    assert other.startswith(b"HTTP/1.1 404 Not Found\r\n")
    for value in ("0" * 32 + " " + "0" * 64, "0" * 32, "", "x" * 4000):
        assert ask_bare(net, f"Culvert-Lane: {value}\r\n") == other
    assert "LANE_REFUSED" in server.err
