# SPDX-License-Identifier: Apache-2.0
"""
Groups and policy: what a user or group is granted is enforced at the login and in sessions that are up.

        cli --- rtr --- srv
"""

import json
import socket
import sqlite3
import threading
import time

import pytest

from harness import sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, run


@pytest.fixture
def ask(net, binary, state):
    def call(*words, check=True, **kw):
        return run(binary, *words, "--state", state, host=net.srv, check=check, **kw)
    return call


def log_in(net):
    return sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD)


def refused(net):
    """The text of the Failure packet that a login with the right password gets."""
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    verdict = t.authenticate(USER, PASSWORD)
    t.close()
    assert verdict.code == 4, verdict
    return verdict.payload.decode()


def ended(t, seconds=30):
    """The server ends the call politely: it says CALL_DISCONNECT, or closes after LCP's Terminate."""
    t.expect(lambda m: m.name == "CALL_DISCONNECT", seconds)
    t.close()


def show(ask):
    return json.loads(ask("user", "show", USER, "--json")[1])


def test_the_first_group_that_sets_a_value_wins(net, state, ask):
    ask("group", "add", "staff", "idle=10m", "session_time=8h", "sessions=3")
    ask("group", "add", "admins", "idle=off")
    ask("user", "set", USER, "groups=admins,staff", "sessions=5")
    found = show(ask)
    assert found["groups"] == ["admins", "staff"]
    assert found["grant"]["idle"] == {"value": "off", "from": "group admins", "effect": "now"}
    assert found["grant"]["session_time"]["from"] == "group staff"
    assert found["grant"]["sessions"]["value"] == "5" and found["grant"]["sessions"]["from"] == "user"
    ask("user", "set", USER, "groups=staff,admins", "sessions=")
    found = show(ask)
    assert found["grant"]["idle"]["value"] == "10m"
    assert found["grant"]["sessions"] == {
        "value": "3", "from": "group staff", "effect": "next session"}
    ask("group", "remove", "staff")
    assert show(ask)["groups"] == ["admins"]
    assert "session_time" not in show(ask)["grant"]


def test_a_change_counts_at_the_next_login(net, start_server, ask):
    server = start_server()
    assert "must be changed" not in server.err
    ask("user", "set", USER, "methods=eap-tls")
    assert refused(net).startswith("E=691 "), "as a wrong password"
    server.wait_log("AUTH_METHOD_NOT_ALLOWED")
    ask("user", "set", USER, "methods=eap,mschapv2", "must_change=yes")
    assert refused(net).startswith("E=648 ")
    server.wait_log("AUTH_PASSWORD_OLD")
    ask("user", "set", USER, "must_change=", "password_expires=2020-01-01")
    log_in(net).close()  # a password that was set after that date
    now = time.strftime("%a", time.localtime()).lower()
    other = {"sun": "tue", "mon": "wed", "tue": "thu", "wed": "fri", "thu": "sat", "fri": "sun",
             "sat": "mon"}[now]
    ask("group", "add", "others", f"hours={other}")
    ask("user", "set", USER, "groups=others")
    assert refused(net).startswith("E=646 ")
    server.wait_log("AUTH_OUTSIDE_HOURS")
    ask("group", "set", "others", "hours=", "disabled=yes")
    assert refused(net).startswith("E=647 ")
    ask("user", "set", USER, "disabled=no")  # counts over the group's
    log_in(net).close()


@pytest.mark.parametrize("words, event", [
    (("user", "set", USER, "session_time=1s"), "SESSION_TIME_UP"),
    (("user", "set", USER, "idle=1s"), "SESSION_IDLE"),
    (("user", "set", USER, "expires=2020-01-01"), "USER_DATE_PASSED"),
    (("group", "set", "staff", "disabled=yes"), "USER_CHANGED"),
    (("group", "set", "staff", "expires=2020-01-01"), "USER_DATE_PASSED"),
])
def test_a_session_that_is_up_takes_over_what_takes_effect_now(net, start_server, ask, words, event):
    ask("group", "add", "staff")
    ask("user", "set", USER, "groups=staff")
    server = start_server({"server": {"workers": 2}})
    t = log_in(net)
    assert "in sessions that are up, too" in ask(*words)[1]
    server.wait_log(event)
    ended(t)


def test_the_hours_end_sessions_and_what_is_for_the_next_session_waits(net, start_server, ask):
    server = start_server()
    t = log_in(net)
    out = ask("user", "set", USER, "dns=10.9.0.53", "idle=1h")[1]
    assert "within a second: idle" in out and "next session on: dns" in out
    day = time.strftime("%a", time.localtime(time.time() + 3 * 86400)).lower()
    ask("user", "set", USER, f"hours={day}")
    server.wait_log("SESSION_HOURS_OVER")
    ended(t)
    ask("user", "set", USER, "hours=always")
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
    t.authenticate(USER, PASSWORD)
    t.bind()
    t.ipcp(dns=True)
    assert t.dns[0] == "10.9.0.53"
    t.close()


def test_the_oldest_session_makes_room(net, start_server, ask):
    server = start_server({"server": {"workers": 2}})
    ask("user", "set", USER, "sessions=2", "end_oldest=yes")
    first, second, third = log_in(net), log_in(net), log_in(net)
    server.wait_log("SESSION_REPLACED")
    ended(first)
    assert second.ping(second.server_address) and third.ping(third.server_address)
    ask("user", "set", USER, "sessions=1")  # two of them go now
    fourth = log_in(net)
    ended(second)
    ended(third)
    fourth.close()


def test_without_end_oldest_the_new_login_is_refused(net, start_server, ask):
    start_server()
    ask("user", "set", USER, "sessions=1")
    t = log_in(net)

    def pings():
        return t.ping(t.server_address)

    assert pings()
    said = []
    thread = threading.Thread(target=lambda: said.append(refused(net)))
    thread.start()
    wait_for(lambda: said or not pings(), 30, "the verdict")  # answering echoes meanwhile
    thread.join()
    assert said[0].startswith("E=649 ")
    t.close()


def test_a_user_that_is_removed_while_its_group_changes(net, start_server, ask, state):
    server = start_server()
    ask("group", "add", "staff")
    ask("user", "set", USER, "groups=staff")
    t = log_in(net)
    with sqlite3.connect(f"{state}/culvert.db") as db:  # behind the server's back
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("DELETE FROM users")
    ask("group", "set", "staff", "idle=1h")
    server.wait_log("USER_CHANGED")
    ended(t)


def test_a_value_of_a_later_version_lets_nobody_in(net, start_server, ask, state):
    server = start_server()
    with sqlite3.connect(f"{state}/culvert.db") as db:
        db.execute("INSERT INTO user_values SELECT id, 'gravity', 'low' FROM users")
    assert refused(net).startswith("E=691 ")
    server.wait_log("AUTH_GRANT_UNREADABLE")
    assert "gravity" in ask("user", "show", USER)[1]


# ---- rates and filters ----------------------------------------------------------------------

SPLIT = ("--no-default-route", "--no-dns", "--verbose")
FILTERS = '"web: allow tcp 0.0.0.0/0 port 8080; allow icmp any" "nodns: deny udp any port 53" ' \
    '"all: allow any"'


@pytest.fixture
def tunnel(net, start_server, connect):
    def start(**policy):
        config = {"server": {"workers": 2}, "tunnel": {"server_access": "all"}, "policy": policy}
        return start_server(config), connect(*SPLIT)
    return start


def listener(host, address, port):
    s = host.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(4)
    s.settimeout(30)
    return s


def reaches(host, address, port, seconds=3):
    s = host.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(seconds)
    try:
        s.connect((address, port))
        return True
    except OSError:
        return False
    finally:
        s.close()


def transfer(sender, receiver, address, octets):
    """Sends over TCP from one host to the other, which listens at the address; seconds it took."""
    with listener(receiver, address, 8080) as door, \
            sender.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect((address, 8080))
        peer, _ = door.accept()
        peer.settimeout(30)
        thread = threading.Thread(target=lambda: (s.sendall(b"x" * octets),
                                                  s.shutdown(socket.SHUT_WR)))
        begin, got = time.monotonic(), 0
        thread.start()
        while chunk := peer.recv(65536):
            got += len(chunk)
        thread.join()
        peer.close()
        assert got == octets
        return time.monotonic() - begin


@pytest.mark.parametrize("key", ["rate_down", "rate_up"])
def test_a_rate_is_kept_in_a_session_that_is_up(net, tunnel, ask, key):
    _, client = tunnel()
    ends = (net.srv, net.cli, client.address) if key == "rate_down" else \
        (net.cli, net.srv, client.peer)
    octets = 1_000_000
    transfer(*ends, octets)
    assert f"within a second: {key}" in ask("user", "set", USER, f"{key}=4M")[1]
    wait_for(lambda: transfer(*ends, 200_000) > 0.3, 30, "the rate")
    assert transfer(*ends, octets) > 1.8, "2 s at 4 Mbit/s"
    ask("user", "set", USER, f"{key}=")
    wait_for(lambda: transfer(*ends, octets) < 1.8, 30, "the rate to go")


def drops(ask):
    return sum(w["drop_filter"] for w in json.loads(ask("status", "--json")[1])["workers"])


def test_a_filter_says_what_the_client_reaches(net, tunnel, ask):
    server, client = tunnel(filters=FILTERS)
    door, other = listener(net.srv, client.peer, 8080), listener(net.srv, client.peer, 8081)
    at_client = listener(net.cli, client.address, 9000)
    assert reaches(net.cli, client.peer, 8081) and reaches(net.srv, client.address, 9000)
    said = ask("user", "set", USER, "filter=web")[1]
    assert "within a second: filter" in said
    wait_for(lambda: not reaches(net.cli, client.peer, 8081, 1), 30, "the filter")
    assert reaches(net.cli, client.peer, 8080)
    assert not reaches(net.srv, client.address, 9000), "no connection for the client"
    assert net.cli.ping(client.peer, 1) == 1
    assert drops(ask) > 0
    # Filters add up, the user's own first.
    ask("group", "add", "staff", "filter=all")
    ask("user", "set", USER, "groups=staff", "filter=nodns")
    assert json.loads(ask("user", "show", USER, "--json")[1])["grant"]["filter"] == {
        "value": "nodns,all", "from": "user, group staff", "effect": "now"}
    wait_for(lambda: reaches(net.cli, client.peer, 8081), 30, "the group's filter")
    for s in (door, other, at_client):
        s.close()


def test_a_reload_changes_filters_of_sessions_that_are_up(net, tunnel, ask):
    server, client = tunnel(filters=FILTERS)
    path = f"{server.state}.conf"
    door = listener(net.srv, client.peer, 8081)
    ask("user", "set", USER, "filter=all")
    assert reaches(net.cli, client.peer, 8081)
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("all: allow any", "all: allow icmp any"))
    ask("reload")
    wait_for(lambda: not reaches(net.cli, client.peer, 8081, 1), 30, "the new filter")
    assert net.cli.ping(client.peer, 1) == 1
    with open(path, "w") as f:
        f.write(text.replace("all: allow any", "some: allow any"))
    ask("reload")
    server.wait_log("POLICY_NO_FILTER")
    assert net.cli.ping(client.peer, 1) == 0, "what it would have limited is not known"
    door.close()


def test_a_filter_that_cannot_be_read_stops_the_start(start_server):
    server = start_server({"policy": {"filters": '"web: allow tpc any"'}}, ready=False)
    assert server.wait_exit(30) != 0
    assert "POLICY_BAD_FILTER" in server.err and "tpc" in server.err
