# SPDX-License-Identifier: Apache-2.0
"""
Who is let in when places are short: strangers against logins, guessers against their own source, one
user against the others, and a client that comes back while its old session still holds its address.

        cli (and, as many sources, 10.99.0.0/16 on it) --- rtr --- srv
"""

import json
import socket
import sqlite3
import threading
import time

import pytest

from harness import program, sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, run

SPLIT = ("--no-default-route", "--no-dns")


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


def proxied(peer):
    """A PROXY protocol header, version 1."""
    return f"PROXY TCP4 {peer} 192.0.2.1 4711 443\r\n".encode()


def status(ask):
    return json.loads(ask("status", "--json")[1])


def stranger(net, source=None, first=b""):
    """TLS, HTTP and CALL_CONNECT, and then not a word more."""
    return sstp.Tunnel(net.cli, "192.0.2.1", source=source, first=first).tls().http().sstp()


def log_in(net, **kw):
    return sstp.Tunnel(net.cli, "192.0.2.1", **kw).up(USER, PASSWORD)


def test_a_refused_login_protects_no_stranger(net, start_server, many_sources):
    """Those whose proof is being judged are the last to make room; those who were refused are not."""
    server = start_server({"server": {"max_handshakes": 4}, "auth": {"fail_delay": "0s"}})
    refused = [stranger(net, f"10.99.1.{i}").lcp() for i in range(3)]
    for t in refused:
        t.authenticate(USER, "wrong")
        assert not t.authenticated
    held = stranger(net, "10.99.1.9")
    time.sleep(0.6)
    log_in(net).close()
    server.wait_log("SERVER_HANDSHAKES_FULL")
    held.silence(0.2)  # it is still there: the oldest ones, which were refused, made room
    for t in [held, *refused]:
        t.close()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_strangers_with_a_call_from_four_sources_lock_nobody_out(net, start_server, many_sources,
                                                                 ask, workers):
    server = start_server({"server": {"max_handshakes": 40, "source_half_open": 10,
                                      "workers": workers}})
    held = [stranger(net, f"10.99.0.{1 + i % 4}") for i in range(40)]
    assert status(ask)["handshakes"] == 40
    for _ in range(5):
        t = log_in(net)
        assert t.ping()
        t.close()
    server.wait_log("SERVER_HANDSHAKES_FULL")
    assert status(ask)["handshakes"] <= 40
    for t in held:
        t.close()
    wait_for(lambda: status(ask)["handshakes"] == 0, 30, "all places to be free again")


def test_strangers_behind_a_balancer_lock_nobody_out(net, start_server, ask):
    """They are counted by the address that the PROXY header names."""
    start_server({"server": {"max_handshakes": 20, "source_half_open": 10, "workers": 2},
                  "balancer": {"trusted": "198.51.100.0/24"}})
    held = []
    for i in range(20):
        held.append(stranger(net, first=proxied(f"203.0.113.{50 + i % 2}")))
    with pytest.raises((OSError, sstp.Closed)):
        stranger(net, first=proxied("203.0.113.50"))
    sstp.Tunnel(net.cli, "192.0.2.1", first=proxied("203.0.113.99")).up(USER, PASSWORD).close()
    for t in held:
        t.close()
    # Headers that never come are counted as well, and make room.
    silent = [net.cli.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(20)]
    for s in silent:
        s.connect(("192.0.2.1", 443))
    wait_for(lambda: status(ask)["handshakes"] == 20, 30, "twenty half-open connections")
    time.sleep(0.6)
    sstp.Tunnel(net.cli, "192.0.2.1", first=proxied("203.0.113.99")).up(USER, PASSWORD).close()
    for s in silent:
        s.close()


def test_a_limit_of_sessions_is_not_filled_by_strangers(net, start_server, ask, workers):
    server = start_server({"server": {"max_sessions": 2, "workers": workers}})
    held = [stranger(net) for _ in range(10)]
    ready = [sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp() for _ in range(2)]
    first, second = log_in(net), log_in(net)
    late = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    late.request()
    assert late.response()[0] == 503
    server.wait_log("SERVER_FULL.*sessions=2")
    ready[0].authenticate(USER, PASSWORD)  # it was let past HTTP while there was room
    assert not ready[0].authenticated
    first.close()
    wait_for(lambda: status(ask)["up"] == 1, 30, "the first session to go")
    ready[1].authenticate(USER, PASSWORD)
    assert ready[1].authenticated
    for t in [second, late, *held, *ready]:
        t.close()


def judged(server):
    return server.err.count("AUTH_WRONG_PASSWORD")


def test_many_hanging_connections_make_no_more_guesses(net, start_server, many_sources):
    """The guesser hangs up after a quarter of a second, on twelve connections at a time."""
    server = start_server({"server": {"workers": 2}})
    end = time.monotonic() + 12

    def guess():
        while time.monotonic() < end:
            t = None
            try:
                t = sstp.Tunnel(net.cli, "192.0.2.1", source="10.99.7.7").tls().http().sstp().lcp()
                challenge = t.expect(lambda m: m.protocol == sstp.CHAP and m.code == 1)
                theirs = challenge.payload[1:17]
                response = sstp.mschapv2.nt_response(theirs, bytes(16), USER, "wrong")
                t.send_ppp(sstp.CHAP, sstp.packet(
                    2, challenge.identifier,
                    bytes([49]) + bytes(24) + response + b"\0" + USER.encode()))
                t.silence(0.25)
            except (OSError, sstp.Closed, AssertionError):
                pass
            if t:
                t.close()
    threads = [threading.Thread(target=lambda: net.cli.call(guess)) for _ in range(12)]
    for t in threads:
        t.start()
    time.sleep(3)
    mine = log_in(net)  # of another source: waits for no guesser
    mine.close()
    for t in threads:
        t.join(60)
    assert 2 <= judged(server) <= 10, "4 at first, then after 1, 2, 4, 8 s"


def test_the_right_password_waits_as_well_after_a_failure(net, start_server):
    """Else the guesser would know it by the time that it takes."""
    start_server({"auth": {"fail_delay": "8s"}})
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, "wrong")
    t.close()
    start = time.monotonic()
    t = log_in(net)
    assert time.monotonic() - start > 4
    t.close()
    start = time.monotonic()
    log_in(net).close()
    assert time.monotonic() - start < 7, "no wait follows a success"


def test_one_user_has_so_many_sessions_and_others_get_in(net, start_server, state, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    server = start_server({"auth": {"user_sessions": 2}})
    own = [log_in(net) for _ in range(2)]
    stop = threading.Event()

    def answer_echoes(t):
        while not stop.is_set():
            for m in t.silence(0.1):
                t._serve(m)
    threads = [threading.Thread(target=answer_echoes, args=(t,)) for t in own]
    for t in threads:
        t.start()
    third = sstp.Tunnel(net.cli, "192.0.2.1", timeout=30).tls().http().sstp().lcp()
    verdict = third.authenticate(USER, PASSWORD)
    stop.set()
    for t in threads:
        t.join()
    assert not third.authenticated and b"E=649" in verdict.payload, verdict
    server.wait_log("USER_SESSIONS_FULL")
    bob = sstp.Tunnel(net.cli, "192.0.2.1").up("bob", PASSWORD)
    assert bob.ping()
    # Both of alice's fall silent now: the next login takes the place of one.
    again = sstp.Tunnel(net.cli, "192.0.2.1", timeout=30).up(USER, PASSWORD)
    server.wait_log("SSTP_PEER_SILENT")
    for t in [bob, again, third, *own]:
        t.close()


def test_one_user_cannot_use_up_a_small_pool(net, start_server, state, binary):
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/28"},  # 13 addresses
                           "auth": {"user_sessions": "auto"}})
    own = [log_in(net) for _ in range(6)]
    more = sstp.Tunnel(net.cli, "192.0.2.1", timeout=30).tls().http().sstp().lcp()
    asks = threading.Thread(target=lambda: more.authenticate(USER, PASSWORD))
    asks.start()
    server.wait_log("HOLDER_ASKED.*sessions=6")
    for i in range(6):
        program.add_user(binary, state, f"bob{i}", PASSWORD)
    others = [sstp.Tunnel(net.cli, "192.0.2.1").up(f"bob{i}", PASSWORD) for i in range(6)]
    assert all(t.ping() for t in others)
    asks.join(60)
    for t in [more, *others, *own]:
        t.close()


def test_a_client_with_a_fixed_address_comes_back_from_elsewhere(net, start_server, state, binary,
                                                                 connect, workers):
    program.run(binary, "user", "address", USER, "10.77.0.99", "--state", state)
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"},
                           "server": {"workers": workers}})
    old = log_in(net)  # and is not heard of again; its TCP connection stays
    assert old.address == "10.77.0.99"
    start = time.monotonic()
    back = connect(*SPLIT)
    assert time.monotonic() - start < 30, "once: 125 s"
    assert back.address == "10.77.0.99"
    assert net.cli.ping(back.peer, 1) == 1
    server.wait_log("HOLDER_ASKED")
    server.wait_log("SSTP_PEER_SILENT")
    # The new one answers: it stays, and a third is refused with the reason.
    third = connect(*SPLIT, tun="cv-two", wait=False)
    assert third.wait_exit(60) != 0
    server.wait_log("LEASE_ADDRESS_IN_USE")
    assert "address" in third.err and "exhausted" not in third.err, third.err
    assert net.cli.ping(back.peer, 1) == 1
    old.close()


def test_a_date_that_passes_ends_the_session(net, start_server, state, ask, connect):
    server = start_server({"server": {"workers": 2}})
    client = connect(*SPLIT)
    _, out, _ = ask("user", "expire", USER, "2200-01-01")
    assert "1 session will end then" in out
    assert net.cli.ping(client.peer, 1) == 1
    _, out, _ = ask("user", "expire", USER, "2020-01-01")
    assert "1 session ended" in out
    server.wait_log("USER_DATE_PASSED")
    client.wait_exit(60)
    ask("user", "expire", USER, "never")
    with sqlite3.connect(f"{state}/culvert.db") as db:  # a date in some seconds, as no command sets
        db.execute("UPDATE users SET expires_at = ?", (int(time.time()) + 4,))
    t = log_in(net)
    wait_for(lambda: server.err.count("USER_DATE_PASSED") >= 2, 30, "the session to end")
    t.close()


def test_a_new_date_reaches_sessions_that_are_up(net, start_server, state):
    server = start_server()
    t = log_in(net)
    with net.srv.socket(socket.AF_UNIX) as s:
        s.connect(f"{state}/control.sock")
        request = {"v": 1, "cmd": "expire", "user": USER, "at": int(time.time()) + 3}
        s.sendall(json.dumps(request).encode() + b"\n")
        assert b'"ok":true' in s.recv(65536)
    server.wait_log("USER_DATE_PASSED")
    t.close()


def test_a_session_with_ipv6_alone_is_on_record(net, server, state, ask):
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    t.bind()
    t.negotiate(sstp.IPV6CP, [(1, bytes.fromhex("0200000000000001"))], t.follow)
    server.wait_log("SESSION_UP6")
    assert status(ask)["up"] == 1
    t.close()
    wait_for(lambda: status(ask)["up"] == 0, 30, "the session to end")
    rows = sqlite3.connect(f"{state}/culvert.db").execute(
        "SELECT user_name, ended_at - started_at >= 0 FROM sessions").fetchall()
    assert rows == [(USER, 1)]


def test_a_long_list_of_attempts_comes_whole(net, start_server, state, ask):
    with sqlite3.connect(f"{state}/culvert.db") as db:
        db.executemany(
            "INSERT INTO attempts (node, epoch, seq, at, peer, user_name, correlation, outcome, "
            "layer, detail) VALUES (0, 1, ?, ?, '192.0.2.9:1', 'x', '', 4151, 'auth', '')",
            [(1000000 + i, i) for i in range(1000)])
    start_server()
    rows = json.loads(ask("attempts", "--most", "850", "--json")[1])
    assert [r["at"] for r in rows] == list(range(999, 149, -1))
    assert len(json.loads(ask("attempts", "--most", "10000", "--json")[1])) == 1000
