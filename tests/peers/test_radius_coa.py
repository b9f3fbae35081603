# SPDX-License-Identifier: Apache-2.0
"""
Change of authorization and Disconnect (RFC 5176), by FreeRADIUS's radclient.

        srv  culvert serve, 192.0.2.1:3799              www  freeradius, radclient  203.0.113.2
"""

import re

import pytest

from harness.freeradius import SECRET, FreeRadius

ADDRESS = "203.0.113.2"


@pytest.fixture
def order(net):
    """order("disconnect", "User-Name = bob") -> what radclient printed"""
    def send(what, attributes, secret=SECRET, host=None, tries=1):
        return (host or net.www).run(
            "sh", "-c", f"printf '%s\\n' '{attributes}' | radclient -x -r {tries} -t 2 "
            f"192.0.2.1:3799 {what} {secret}", check=False)
    return send


@pytest.fixture
def server(net, tmp_path, start_server, connect):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    with FreeRadius(net.www, ADDRESS, tmp_path / "radius"):
        server = start_server({"auth": {"sources": "radius"},
                               "radius": {"servers": ADDRESS, "secret_file": path,
                                          "coa_listen": "192.0.2.1:3799"}})
        server.client = connect("--no-dns", "--once", user="bob", password="Secret-2")
        yield server


def test_a_session_is_ended_by_what_names_it(order, server):
    assert "Disconnect-NAK" in (out := order("disconnect", "User-Name = nobody")), out
    assert re.search("Error-Cause = Session-Context-Not-Found", out), out
    out = order("disconnect", "User-Name = bob\nFramed-IP-Address = 10.255.255.1")
    assert "Session-Context-Not-Found" in out, "all that is given must match"
    out = order("disconnect", "User-Name = bob\nNAS-Identifier = another")
    assert "NAS-Identification-Mismatch" in out
    assert "Missing-Attribute" in order("disconnect", "Reply-Message = x")
    assert "Unsupported-Attribute" in order("disconnect", "User-Name = bob\nLogin-TCP-Port = 1")
    assert server.client.running()
    out = order("disconnect", f"User-Name = bob\nFramed-IP-Address = {server.client.address}\n"
                "Calling-Station-Id = 198.51.100.2")
    assert "Disconnect-ACK" in out, out
    server.wait_log("6179 SESSION_DISCONNECTED")
    server.client.wait_exit()


def test_strangers_and_replays_are_not_heard(net, order, server):
    assert "No reply" in order("disconnect", "User-Name = bob", secret="wrong")
    assert "No reply" in order("disconnect", "User-Name = bob", host=net.cli)
    assert "No reply" in order("disconnect", "User-Name = bob\nEvent-Timestamp = 1000000000")
    assert server.client.running()


def test_a_change_takes_effect_or_changes_nothing(order, server):
    out = order("coa", "User-Name = bob\nSession-Timeout = 1\nFramed-MTU = 1000")
    assert "CoA-NAK" in out and "Unsupported-Attribute" in out, out
    out = order("coa", "User-Name = bob\nSession-Timeout = 1\nFilter-Id = no-such-filter")
    assert "CoA-NAK" in out, out
    assert server.client.running()
    out = order("coa", "User-Name = bob\nSession-Timeout = 1")
    assert "CoA-ACK" in out, out
    server.wait_log("6141 SESSION_TIME_UP")
    server.client.wait_exit()
