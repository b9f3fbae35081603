# SPDX-License-Identifier: Apache-2.0
"""
Groups and policy: what a user or group is granted is enforced at the login and in sessions that are up.

        cli --- rtr --- srv
"""

import json
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
