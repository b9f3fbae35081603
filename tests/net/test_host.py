"""
What the client does to its machine, and that it undoes it.

        www 203.0.113.2 --- rtr --- srv (NAT) ===tunnel=== cli      (drawing in tests/conftest.py)

Through the tunnel www sees the server's address, beside it the client's own.
"""

import contextlib
import ipaddress
import os
import re
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import threading
import time

import pytest

from harness import echo, sstp
from harness.host import traces, wait_for
from harness.program import PASSWORD, RELEASE, USER


def seen_by_www(net, source_host):
    """The source address with which a packet from source_host reaches www."""
    listener = net.www.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("203.0.113.2", 7000))
    listener.settimeout(5)
    s = source_host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"who am I", ("203.0.113.2", 7000))
    try:
        return listener.recvfrom(100)[1][0]
    finally:
        listener.close()
        s.close()


def test_an_answer_that_comes_late_is_an_answer(net):
    """The harness's own ping: the second answer comes a second after it was sent."""
    net.srv.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    raw = net.srv.socket(kind=socket.SOCK_RAW, proto=socket.IPPROTO_ICMP)
    raw.settimeout(20)

    def answer():
        for wait in (0, 1):
            while (packet := raw.recvfrom(2000))[0][20] != 8:
                pass
            time.sleep(wait)
            body = b"\0\0\0\0" + packet[0][24:]
            raw.sendto(body[:2] + struct.pack(">H", echo.checksum(body)) + body[4:], packet[1])
    thread = threading.Thread(target=answer)
    try:
        thread.start()
        assert net.cli.ping("192.0.2.1", 2, wait=20) == 2
        thread.join()
    finally:
        net.srv.sysctl("net.ipv4.icmp_echo_ignore_all", 0)
        raw.close()


def test_the_default_route_leads_through_the_tunnel_and_back_afterwards(net, server, connect):
    before = traces(net.cli)
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert net.cli.ping("203.0.113.2", 2) == 2
    mark = re.search(r"fwmark (0x[0-9a-f]+)", net.cli.run("ip rule"))[1]
    route = net.cli.run(f"ip route get 192.0.2.1 mark {mark}")
    assert "eth0" in route, "the tunnel's own connection goes beside the tunnel"
    assert client.stop(signal.SIGTERM) == 0
    assert traces(net.cli) == before
    assert seen_by_www(net, net.cli) == "198.51.100.2"


# What ends a process unless it is caught, and is no fault in it.
ENDING = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU", "IO", "PWR",
          "STKFLT")


def test_every_signal_that_ends_it_restores(net, start_server, connect):
    """A closed terminal sends HUP, ^\\ QUIT; resolv.conf and routes are put back after each."""
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = traces(net.cli)
    for name in ENDING:
        client = connect()
        assert "203.0.113.2" in net.cli.run("cat /etc/resolv.conf")
        assert client.stop(getattr(signal, f"SIG{name}")) == 0, name
        assert traces(net.cli) == before, name


def test_a_signal_while_it_restores_does_not_stop_it(net, start_server, connect):
    """The shell and the kernel both send HUP when a terminal closes; ^C is pressed twice."""
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = traces(net.cli)
    for name in ("INT", "HUP", "QUIT"):
        client = connect()
        end = time.monotonic() + 30
        while client.running() and time.monotonic() < end:
            client.process.send_signal(getattr(signal, f"SIG{name}"))
            time.sleep(0.002)
        assert client.wait_exit() == 0, client.story()
        assert traces(net.cli) == before, name


def test_a_broken_pipe_does_not_end_it(net, server, connect):
    client = connect()
    client.process.send_signal(signal.SIGPIPE)
    assert net.cli.ping(client.peer, 1) == 1
    assert client.stop() == 0


def test_nohup_keeps_it_up(net, server, connect):
    before = traces(net.cli)
    client = connect(binary="/usr/bin/nohup", wrapped=RELEASE)
    client.process.send_signal(signal.SIGHUP)
    assert net.cli.ping(client.peer, 2) == 2 and client.running()
    assert client.stop() == 0
    assert traces(net.cli) == before


def test_no_default_route(net, server, connect):
    client = connect("--no-default-route")
    assert seen_by_www(net, net.cli) == "198.51.100.2"
    assert net.cli.ping(client.peer, 1) == 1


def test_route_leads_only_its_network_through_the_tunnel(net, server, connect):
    client = connect("--no-default-route", "--route", "203.0.113.0/24", "--route", "198.18.0.0/15")
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.tun in net.cli.run("ip route get 198.18.0.1")
    assert "eth0" in net.cli.run("ip route get 100.100.100.100")
    assert net.cli.ping(client.peer, 1) == 1


def test_dns_is_set_and_restored(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2, 203.0.113.3"}})
    before = net.cli.run("cat /etc/resolv.conf")
    client = connect()
    now = net.cli.run("cat /etc/resolv.conf")
    assert re.findall(r"^nameserver (\S+)", now, re.MULTILINE)[:2] == ["203.0.113.2", "203.0.113.3"]
    assert client.stop() == 0
    assert net.cli.run("cat /etc/resolv.conf") == before


def test_no_dns_leaves_it_alone(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = net.cli.run("cat /etc/resolv.conf")
    connect("--no-dns")
    assert net.cli.run("cat /etc/resolv.conf") == before


def test_after_kill_9_the_next_start_restores(net, start_server, connect):
    start_server({"tunnel": {"dns": "203.0.113.2"}})
    before = traces(net.cli)
    connect().stop(signal.SIGKILL)
    assert traces(net.cli) != before, "nothing was there to restore: the test shows nothing"
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.stop() == 0
    assert traces(net.cli) == before


def test_after_kill_9_of_the_server_the_next_start_works(net, start_server, connect):
    before = traces(net.srv)
    first = start_server()
    connect("--no-default-route", "--no-dns")
    first.stop(signal.SIGKILL)
    second = start_server()
    client = connect()
    assert seen_by_www(net, net.cli) == "192.0.2.1"
    assert client.stop() == 0
    assert second.stop() == 0
    assert traces(net.srv) == before


def records(state):
    """What a start tidies up: leases by session, and the records of sessions that are open."""
    with contextlib.closing(sqlite3.connect(os.path.join(state, "culvert.db"))) as db:
        return (db.execute("SELECT address, session FROM leases").fetchall(),
                db.execute("SELECT id, ended_at FROM sessions").fetchall())


def test_a_second_server_on_a_live_state_folder_changes_nothing(net, start_server, connect, state):
    """Another interface, port and metrics socket: nothing but the lock stands in its way."""
    first = start_server()
    client = connect("--no-default-route", "--no-dns")
    wait_for(lambda: records(state)[1], 30, "the session's record")
    wait_for(lambda: records(state)[1][0][1] == 0 and records(state)[0][0][1], 30, "its lease")
    before, machine = records(state), traces(net.srv)
    files = {f: os.stat(os.path.join(state, f)) for f in os.listdir(state)}
    for extra in ((), ("--option", "server.user=nobody"), ("--workers", "3")):
        second = start_server(ready=False, tun="cv-two", listen="192.0.2.1:4443", extra=[*extra])
        assert second.wait_exit() == 1, second.story()
        assert "6015 SERVER_ALREADY_RUNNING" in second.err
        assert f"pid={first.pid}" in second.err
        assert "cv-two" not in net.srv.run("ip -o link")
    assert records(state) == before
    assert traces(net.srv) == machine
    after = {f: os.stat(os.path.join(state, f)) for f in os.listdir(state)}
    assert {f: (s.st_uid, s.st_mode, s.st_ino) for f, s in files.items()} == {
        f: (s.st_uid, s.st_mode, s.st_ino) for f, s in after.items()}
    assert net.cli.ping(client.peer, 2) == 2
    assert client.stop() == 0
    assert first.stop() == 0
    start_server()  # the lock goes with its process


def test_two_starts_at_once_leave_one_server(net, start_server, tmp_path):
    new = str(tmp_path / "state")
    both = [start_server(ready=False, state=new, tun=f"cv-{n}", listen=f"192.0.2.1:444{n}")
            for n in range(2)]
    wait_for(lambda: any(not s.running() for s in both), 30, "one of them to give up")
    wait_for(lambda: any("ready on" in s.out for s in both), 60, "the other to be ready")
    loser = next(s for s in both if not s.running())
    assert loser.wait_exit() == 1 and "SERVER_ALREADY_RUNNING" in loser.err, loser.story()
    assert sum(s.running() for s in both) == 1


def test_a_start_that_cannot_listen_leaves_the_machine_alone(net, start_server, state, tmp_path):
    """A killed server's packet filter table, and switches that are off, stay as they are."""
    first = start_server()
    first.stop(signal.SIGKILL)
    net.srv.sysctl("net.ipv4.ip_forward", 0)
    before = net.srv.run("nft list ruleset")
    assert "table" in before, "nothing was there to clean: the test shows nothing"
    taken = net.srv.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("192.0.2.1", 443))
    taken.listen()
    watch = net.srv.popen("nft", "monitor", stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    second = start_server(ready=False, state=str(tmp_path / "other"), tun="cv-two")
    assert second.wait_exit() != 0 and "LISTEN_IN_USE" in second.err, second.story()
    watch.terminate()
    assert not watch.communicate()[0], "the packet filter was touched"
    assert net.srv.run("nft list ruleset") == before
    assert net.srv.run("cat /proc/sys/net/ipv4/ip_forward") == "0"
    taken.close()
    assert start_server().stop() == 0


def test_what_is_no_socket_is_not_removed_for_the_metrics(net, start_server, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("not a socket")
    server = start_server({"metrics": {"listen": str(precious)}}, ready=False)
    assert server.wait_exit() == 1 and "6053 METRICS_FAILED" in server.err, server.story()
    assert precious.read_text() == "not a socket"
    alive = socket.socket(socket.AF_UNIX)
    alive.bind(str(tmp_path / "alive"))
    alive.listen()
    server = start_server({"metrics": {"listen": str(tmp_path / "alive")}}, ready=False)
    assert server.wait_exit() == 1 and "6053 METRICS_FAILED" in server.err, server.story()
    assert os.path.exists(tmp_path / "alive")
    alive.close()  # now it is what a dead server leaves
    start_server({"metrics": {"listen": str(tmp_path / "alive")}})


def test_workers_with_dead_clients_are_stopped_at_once(net, start_server):
    """Each waits some seconds for an answer that does not come: all of them in the same seconds."""
    took = {}
    for workers in (1, 4):
        server = start_server({"server": {"workers": workers}}, binary=RELEASE)
        dead = [sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(workers * 2)]
        start = time.monotonic()
        assert server.stop(seconds=60) == 0
        took[workers] = time.monotonic() - start
        for t in dead:
            t.close()
    print(took)
    assert took[4] < 2 * took[1] + 2, took


def test_a_server_restart_ends_clients_with_a_word_and_serves_them_again(net, start_server,
                                                                         connect, workers):
    first = start_server({"server": {"workers": workers}})
    client = connect()
    address = client.address
    assert first.stop(signal.SIGTERM) == 0
    assert client.wait_exit(30) == 16, client.story()
    assert "The peer ended the SSTP call." in client.err
    start_server({"server": {"workers": workers}})
    again = connect()
    assert net.cli.ping(again.peer, 2) == 2
    assert address and again.address


def test_a_cut_cable_is_noticed_at_both_ends(net, start_server, connect):
    """No reset, no ICMP: only the keep-alive tells. [MS-SSTP] 3.1.2.3"""
    server = start_server({"sstp": {"hello": "5s"}})
    client = connect("--no-default-route", "--no-dns", "--hello", "5")
    net.cable(False)
    try:
        server.wait_log("3015 SSTP_PEER_SILENT", 25)
        assert client.wait_exit(25) == 16, client.story()
        assert "Nothing came from the peer, not even an answer to an SSTP echo request" in client.err
    finally:
        net.cable(True)


def test_the_state_folder_is_private(net, server):
    def mode(name):
        return stat.S_IMODE(os.stat(os.path.join(server.state, name)).st_mode)
    assert mode("") & 0o007 == 0
    for name in ("server.key", "server-rsa.key", "culvert.db", "culvert.key"):
        assert mode(name) & 0o077 == 0, name


def test_the_servers_inner_network_overlaps_no_route_of_its_host(net, server):
    inner = ipaddress.ip_network(server.address() + "/22", strict=False)
    for taken in ("192.0.2.0/24", "198.51.100.0/24"):
        assert not inner.overlaps(ipaddress.ip_network(taken))
