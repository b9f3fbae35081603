# SPDX-License-Identifier: Apache-2.0
"""
Accounting with Debian's FreeRADIUS: no session without Start and Stop, whatever dies.

Drawing of the hosts: tests/peers/test_radius.py.
"""

import json
import signal

import pytest

from harness.freeradius import SECRET, FreeRadius
from harness.host import wait_for
from harness.program import run

ADDRESS = "203.0.113.2"


@pytest.fixture
def radius(net, tmp_path):
    server = FreeRadius(net.www, ADDRESS, tmp_path / "radius")
    yield server
    server.kill()


@pytest.fixture
def serve(start_server, tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")

    def start(**kw):
        options = {"servers": ADDRESS, "accounting": ADDRESS, "secret_file": path,
                   "timeout": "3s", "dead_time": "2s", **kw}
        return start_server({"auth": {"sources": "local radius"}, "radius": options})
    return start


def records(radius, kind):
    return [r for r in radius.records() if r["Acct-Status-Type"] == kind]


def wait_records(radius, kind, n, seconds=60):
    wait_for(lambda: len(records(radius, kind)) >= n, seconds, f"{n} of {kind}")
    return records(radius, kind)


def waiting(server):
    _, out, _ = run(server.binary, "radius", "status", "--json", "--state", server.state)
    return json.loads(out)["spool"]["waiting"]


def test_a_session_from_its_start_to_its_stop(net, radius, serve, connect):
    radius.start()
    server = serve()
    wait_records(radius, "Accounting-On", 1)
    client = connect("--no-dns", user="bob", password="Secret-2")
    start = wait_records(radius, "Start", 1)[0]
    assert start["User-Name"] == "bob" and start["Framed-IP-Address"] == client.address
    assert start["Acct-Authentic"] == "RADIUS" and start["Calling-Station-Id"] == "198.51.100.2"
    assert net.cli.ping(server.address(), 5, size=1000) == 5
    client.stop()
    stop = wait_records(radius, "Stop", 1)[0]
    assert stop["Acct-Session-Id"] == start["Acct-Session-Id"]
    assert stop["Acct-Terminate-Cause"] == "User-Request"
    assert int(stop["Acct-Input-Octets"]) >= 5 * 1000 <= int(stop["Acct-Output-Octets"])
    connect("--no-dns").stop()  # a local user
    assert wait_records(radius, "Start", 2)[1]["Acct-Authentic"] == "Local"
    assert server.stop() == 0
    wait_records(radius, "Accounting-Off", 1)
    assert len(records(radius, "Start")) == len(records(radius, "Stop")) == 2


def test_class_goes_back_as_it_came(radius, serve, connect):
    radius.start()
    server = serve()
    server.stop()
    server = serve(nas_identifier="gate-7")
    run(server.binary, "user", "remove", "alice", "--state", server.state)
    connect("--no-dns").stop()
    stop = wait_records(radius, "Stop", 1)[0]
    assert "Class = 0x70656572" in radius.read("detail") and "Class = 0x32" in radius.read("detail")
    assert stop["NAS-Identifier"] == "gate-7"


def test_a_server_that_dies_and_comes_back_misses_nothing(radius, serve, connect):
    """Sessions begin and end meanwhile, and a session is never ended because accounting is down."""
    radius.start()
    server = serve()
    wait_records(radius, "Accounting-On", 1)
    first = connect("--no-dns", "--no-default-route")
    wait_records(radius, "Start", 1)
    radius.kill()
    for _ in range(2):
        connect("--no-dns", "--no-default-route", tun="cv-cli2").stop()
    server.wait_log("6170 RADIUS_SERVER_DEAD")
    assert first.running()
    radius.start()
    first.stop()
    stops = wait_records(radius, "Stop", 3)
    starts = wait_records(radius, "Start", 3)
    assert {r["Acct-Session-Id"] for r in starts} == {r["Acct-Session-Id"] for r in stops}
    assert int(starts[-1]["Acct-Delay-Time"]) > 0
    wait_for(lambda: waiting(server) == 0, 30, "an empty spool")


@pytest.mark.parametrize("radius_up", [True, False], ids=["server-up", "server-down"])
def test_a_kill_leaves_no_session_without_a_stop(net, radius, serve, connect, radius_up):
    radius.start()
    server = serve()
    connect("--no-dns", wait=True)
    start = wait_records(radius, "Start", 1)[0]
    if not radius_up:
        radius.kill()
    server.stop(signal.SIGKILL)
    net.srv.run("ip link del cv-srv", check=False)
    server = serve()
    server.wait_log("6176 ACCOUNTING_RECOVERED.*sessions=1")
    if not radius_up:
        radius.start()
    stop = wait_records(radius, "Stop", 1)[0]
    assert stop["Acct-Session-Id"] == start["Acct-Session-Id"]
    assert stop["Acct-Terminate-Cause"] == "NAS-Reboot"
    wait_records(radius, "Accounting-On", 2)
    connect("--no-dns", "--no-default-route", tun="cv-cli2")
    again = wait_records(radius, "Start", 2)[1]
    assert again["Acct-Session-Id"] != start["Acct-Session-Id"]
