# SPDX-License-Identifier: Apache-2.0
"""
Bans: an office behind one NAT with one old password, a botnet on one user, a scanner, and what survives
a restart.

        cli (and, as many sources, 10.99.0.0/16 on it) --- rtr --- srv
"""

import json
import socket
import threading
import time

import pytest

from harness import sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, run

QUICK = {"fail_delay": "0s", "ban_points": 9, "ban_time": "1h"}  # three wrong passwords
OFFICE = "10.99.0.1"


@pytest.fixture
def many_sources(net):
    net.rtr.ip("route add 10.99.0.0/16 via 198.51.100.2")
    net.cli.ip("route add local 10.99.0.0/16 dev lo")
    yield
    net.rtr.ip("route del 10.99.0.0/16")
    net.cli.ip("route del local 10.99.0.0/16 dev lo")


@pytest.fixture
def ask(net, binary, state):
    def call(*words, check=True, **kw):
        return run(binary, *words, "--state", state, host=net.srv, check=check, **kw)
    return call


def bans(ask):
    return [(b["source"], b["user"], b["by"]) for b in json.loads(ask("ban", "list", "--json")[1])]


def log_in(net, source, user=USER, password=PASSWORD, first=b""):
    """The verdict's code: 3 Success, 4 Failure; None: the connection was closed before."""
    try:
        t = sstp.Tunnel(net.cli, "192.0.2.1", source=source, first=first).tls().http().sstp().lcp()
        code = t.authenticate(user, password).code
        t.close()
        return code
    except (OSError, sstp.Closed, EOFError):
        return None


def test_an_office_with_one_old_password(net, start_server, many_sources, ask):
    ask("user", "add", "bob", "--password-stdin", stdin="right\n")
    server = start_server({"auth": QUICK})
    assert log_in(net, OFFICE, "bob", "right") == 3
    for _ in range(3):
        assert log_in(net, OFFICE, USER, "old") == 4
    server.wait_log("SOURCE_BANNED")
    wait_for(lambda: bans(ask) == [(f"{OFFICE}/32", USER.lower(), "points")], 30, "the ban")
    for _ in range(12):  # its device goes on
        assert log_in(net, OFFICE, USER, "old") == 4
    assert log_in(net, OFFICE, USER, PASSWORD) == 4, "banned as this user"
    server.wait_log("AUTH_BANNED")
    assert log_in(net, OFFICE, "bob", "right") == 3, "the others of the office work on"
    assert log_in(net, "10.99.0.2", USER, PASSWORD) == 3, "and the user elsewhere"
    assert len(bans(ask)) == 1
    ask("ban", "remove", OFFICE, "--user", USER)
    assert log_in(net, OFFICE, USER, PASSWORD) == 3
    assert bans(ask) == []


def test_a_scanner_is_banned_and_stays_so_over_a_restart(net, start_server, many_sources, ask):
    server = start_server({"auth": QUICK})
    for _ in range(27):
        with net.cli.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.bind(("10.99.0.9", 0))
            s.settimeout(10)
            s.connect(("192.0.2.1", 443))
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            s.recv(100)
    wait_for(lambda: bans(ask) == [("10.99.0.9/32", "", "points")], 30, "the ban")
    assert log_in(net, "10.99.0.9") is None, "not even TLS"
    server.wait_log("SERVER_SOURCE_BANNED")
    assert log_in(net, "10.99.0.10") == 3
    server.stop()
    server = start_server({"auth": QUICK})
    assert log_in(net, "10.99.0.9") is None
    ask("ban", "remove", "10.99.0.9")
    assert log_in(net, "10.99.0.9") == 3


def test_a_botnet_does_not_delay_the_user(net, start_server, many_sources, ask):
    server = start_server({"auth": {"fail_delay": "5s", "ban_points": 0}, "server": {"workers": 2}})
    assert log_in(net, OFFICE) == 3  # from now on a source that this user is known by
    threads = [threading.Thread(target=log_in, args=(net, f"10.99.1.{i}", USER, "guess"))
               for i in range(1, 9)]
    for t in threads:
        t.start()
    server.wait_log("AUTH_WRONG_PASSWORD")
    server.wait_log("AUTH_STRANGERS_SLOWED")
    judged = server.err.count("AUTH_WRONG_PASSWORD")
    assert log_in(net, OFFICE) == 3
    assert server.err.count("AUTH_WRONG_PASSWORD") - judged <= 1, "the user was before the botnet"
    assert judged <= 2, "eight sources, one guess at a time"
    for t in threads:
        t.join()


def test_the_source_in_the_proxy_header_counts(net, start_server, many_sources, ask):
    start_server({"auth": QUICK, "balancer": {"trusted": "198.51.100.2"}})

    def proxied(client, user, password):
        first = f"PROXY TCP4 {client} 192.0.2.1 4711 443\r\n".encode()
        return log_in(net, None, user, password, first)

    for name in ("ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal", "ida"):
        assert proxied("203.0.113.77", name, "guess") == 4
    wait_for(lambda: ("203.0.113.77/32", "", "points") in bans(ask), 30, "the ban")
    assert proxied("203.0.113.77", USER, PASSWORD) is None
    assert proxied("203.0.113.78", USER, PASSWORD) == 3, "the balancer is not banned"


def test_an_admins_bans_and_the_allow_list(net, start_server, many_sources, ask):
    start_server({"auth": {**QUICK, "never_ban": "10.99.2.0/24"}})
    assert "is banned" in ask("ban", "add", "10.99.1.0/24", "--for", "1h")[1]
    assert log_in(net, "10.99.1.5") is None
    ask("ban", "add", "10.99.3.5", "--user", USER)
    assert log_in(net, "10.99.3.5") == 4
    for i in range(12):
        assert log_in(net, "10.99.2.5", f"nobody{i}", "x") == 4
    assert log_in(net, "10.99.2.5") == 3
    assert sorted(bans(ask)) == [("10.99.1.0/24", "", "admin"), ("10.99.3.5/32", USER.lower(), "admin")]
    assert ask("ban", "remove", "10.99.7.7", check=False)[0] == 1
    assert ask("ban", "add", "10.99.7.7/24", check=False)[0] == 2
    assert ask("ban", "add", "10.99.7.7", "--for", "soon", check=False)[0] == 2
    begin = time.time()
    ask("ban", "add", "2001:db8::1234", "--for", "60s")
    last = json.loads(ask("ban", "list", "--json")[1])[0]
    assert last["source"] == "2001:db8::/64" and 55 < last["until"] - begin < 90
