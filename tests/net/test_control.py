"""
The control socket: what an admin asks a running server, and what he tells it to do.

        cli  culvert connect ==tunnel== srv  culvert serve, culvert sessions|kick|drain|...
"""

import json
import os
import re
import socket
import time

import pytest

from harness import sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, Program, add_user, run

SPLIT = ("--no-default-route", "--no-dns")


@pytest.fixture
def ask(net, binary, state):
    """ask("sessions", "--json") -> (exit code, stdout, stderr), asked on the server's host"""
    def call(*words, check=True, **kw):
        return run(binary, *words, "--state", state, host=net.srv, check=check, **kw)
    return call


def sessions(ask, *whom):
    return json.loads(ask("sessions", *whom, "--json")[1])


def up(ask):
    """A client that does not answer Call Disconnect stays listed for some seconds as leaving."""
    return [s["phase"] for s in sessions(ask)].count("up")


def test_sessions_of_all_workers_are_listed(net, server, ask):
    tunnels = [sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(5)]
    listed = sessions(ask)
    assert {s["address"] for s in listed} == {t.address for t in tunnels}
    one = next(s for s in listed if s["address"] == tunnels[0].address)
    assert one["user"] == USER and one["phase"] == "up" and "TLSv1" in one["tls"]
    assert one["peer"].startswith("198.51.100.2:") and time.time() - one["since"] < 60
    assert [s["session"] for s in sessions(ask, tunnels[0].address)] == [one["session"]]
    assert [s["session"] for s in sessions(ask, str(one["session"]))] == [one["session"]]
    assert len(sessions(ask, "198.51.100.2")) == 5 == len(sessions(ask, USER.upper()))
    assert sessions(ask, "nobody") == []
    out = ask("sessions")[1]
    assert USER in out and all(t.address in out for t in tunnels)
    for t in tunnels:
        t.close()


def test_kick_by_address_number_and_name(net, server, ask):
    tunnels = [sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(4)]
    code, out, _ = ask("kick", tunnels[0].address)
    assert code == 0 and "1 session ended" in out
    wait_for(lambda: up(ask) == 3, 10, "the session to go")
    number = sessions(ask, tunnels[1].address)[0]["session"]
    assert "1 session ended" in ask("kick", str(number))[1]
    wait_for(lambda: up(ask) == 2, 10, "the session to go")
    assert "2 sessions ended" in ask("kick", USER)[1]
    wait_for(lambda: not up(ask), 10, "the sessions to go")
    server.wait_log("SESSION_KICKED")
    assert ask("kick", USER, check=False)[0] == 1
    assert ask("kick", check=False)[0] == 2
    for t in tunnels:
        t.close()


@pytest.mark.parametrize("action", ["passwd", "disable", "remove"])
def test_a_changed_user_is_ended_and_others_are_not(net, server, ask, connect, binary, state,
                                                    action):
    add_user(binary, state, "bob", PASSWORD)
    mine, other = connect(*SPLIT), connect(*SPLIT, user="bob", tun="cv-cli2")
    extra = ["--password-stdin"] if action == "passwd" else []
    out = ask("user", action, USER, *extra, stdin="Another-1\n")[1]
    assert "1 session ended" in out
    assert mine.wait_exit() != 0
    assert [s["user"] for s in sessions(ask)] == ["bob"]
    assert net.cli.ping(other.peer, 1) == 1
    server.wait_log("USER_CHANGED")


def test_drain_ends_sessions_little_by_little_and_lets_nobody_in(net, server, ask, connect):
    tunnels = [sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD) for _ in range(6)]
    begin = time.monotonic()
    assert "draining; 6 sessions" in ask("drain", "--for", "3s")[1]
    time.sleep(1)
    assert 0 < up(ask) < 6
    refused = connect(*SPLIT, wait=False)
    assert refused.wait_exit() == 15 and "503" in refused.err
    server.wait_log("SERVER_DRAINED", 20)
    assert time.monotonic() - begin > 2
    assert ask("drain", "--stop")[0] == 0
    client = connect(*SPLIT)
    assert net.cli.ping(client.peer, 1) == 1
    for t in tunnels:
        t.close()


def test_attempts_tell_who_tried(net, server, ask, connect):
    connect(*SPLIT, password="wrong", wait=False).wait_exit()
    connect(*SPLIT)
    tried = wait_for(lambda: (a := json.loads(ask("attempts", "--json")[1])) and len(a) >= 2 and a,
                     10, "two attempts")
    assert {a["user"] for a in tried} == {USER}
    assert tried[0]["name"] == "SESSION_UP" and tried[1]["layer"] == "auth"
    assert len(json.loads(ask("attempts", "--most", "1", "--json")[1])) == 1
    assert "SESSION_UP" in ask("attempts")[1]


def test_events_are_followed(net, server, binary, keep, connect):
    follower = Program(net.srv, binary, "events", "--follow", "--json", "--state", server.state)
    keep.append(follower)
    time.sleep(1)
    client = connect(*SPLIT)
    follower.wait_line(rf'"name":"SESSION_UP".*{client.address}')
    lines = [json.loads(ln) for ln in follower.out.splitlines()]
    assert all({"at", "event", "name", "layer", "level", "what"} <= set(e) for e in lines)
    assert server.stop() == 0
    assert follower.wait_exit() == 0


def test_a_follower_that_does_not_read_harms_nobody(net, server, state, connect, ask):
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(os.path.join(state, "control.sock"))
    deaf.sendall(b'{"v":1,"cmd":"events"}\n')
    deaf.recv(100)
    for _ in range(3):
        sstp.Tunnel(net.cli, "192.0.2.1").up(USER, PASSWORD).close()
    assert ask("status")[0] == 0
    deaf.close()
    assert ask("status")[0] == 0


@pytest.mark.parametrize("line, error", [
    (b"nonsense\n", "JSON"), (b"[1]\n", "JSON"), (b'{"v":2,"cmd":"status"}\n', "version 1"),
    (b'{"v":1}\n', "cmd"), (b'{"v":1,"cmd":"x"}\n', "status sessions kick"),
    (b'{"v":1,"cmd":"kick"}\n', "whom"), (b'{"v":1,"cmd":"kick","address":"x"}\n', "address"),
    (b'{"v":1,"cmd":"drain","for_s":-1}\n', "seconds"),
    (b'{"v":1,"cmd":"kick","session":-1}\n', "number")])
def test_wrong_requests_are_refused_in_words(start_server, state, line, error):
    start_server()
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(state, "control.sock"))
    s.sendall(line)
    answer = json.loads(s.makefile().readline())
    assert answer["ok"] is False and error in answer["error"]
    s.close()


def test_many_askers_at_once(net, server, state):
    """More than the socket serves at a time: those above are closed, the others are answered."""
    import contextlib
    for _ in range(3):
        askers = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(10)
            with contextlib.suppress(OSError):
                s.connect(os.path.join(state, "control.sock"))
                s.sendall(b'{"v":1,"cmd":"sessions"}\n' * 20)
            askers.append(s)
        for s in askers[::2]:
            s.close()  # without waiting for its answers
        answered = 0
        for s in askers[1::2]:
            with contextlib.suppress(OSError, ValueError):
                answered += json.loads(s.makefile().readline())["ok"]
            s.close()
        assert answered >= 5


def test_no_server_is_said(binary, tmp_path):
    for command in (["sessions"], ["kick", "x"], ["reload"], ["drain"], ["attempts"],
                    ["events", "--follow"]):
        code, _, err = run(binary, *command, "--state", tmp_path, check=False)
        assert code == 1 and "culvert serve" in err, (command, err)


def test_every_command_has_help(binary):
    for command in ("sessions", "kick", "reload", "drain", "attempts", "events", "cert"):
        code, out, _ = run(binary, command, "--help")
        assert code == 0 and out.startswith("Usage: culvert " + command) and "--json" in out
        assert run(binary, command, "--nonsense", check=False)[0] == 2
