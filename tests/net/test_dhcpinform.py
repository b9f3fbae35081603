# SPDX-License-Identifier: Apache-2.0
"""
DHCPINFORM in the tunnel: each session learns the routes, name servers and domains of its own user, by
answers that the server makes in its data path. No socket listens on port 67.

        cli --- rtr --- srv
"""

import json
import signal
import struct

import pytest

from harness import dhcp, sstp
from harness.host import wait_for
from harness.program import PASSWORD, USER, add_user, run


@pytest.fixture
def ask(net, binary, state):
    def call(*words, check=True, **kw):
        return run(binary, *words, "--state", state, host=net.srv, check=check, **kw)
    return call


def log_in(net, user=USER):
    return sstp.Tunnel(net.cli, "192.0.2.1").up(user, PASSWORD)


def counts(ask):
    workers = json.loads(ask("status", "--json")[1])["workers"]
    return {k: sum(w[k] for w in workers) for k in ("dhcp_answered", "dhcp_refused", "dhcp_limited")}


def nets(n):
    return [f"10.9.{i}.0/24" if i < 256 else f"10.10.{i - 256}.0/24" for i in range(n)]


def test_the_constructed_request_gets_what_the_user_is_granted(net, start_server, ask, workers):
    ask("user", "set", USER, "routes=10.9.0.0/16,2001:db8:9::/48", "dns=10.9.0.53",
        "domains=corp.example", "search=corp.example,lab.example")
    start_server({"server": {"workers": workers}})
    t = log_in(net)
    found = dhcp.answers(t, [dhcp.of_vectors(t.address)])
    assert len(found) == 1
    ack = found[0]
    assert (ack.source, ack.to, ack.sport, ack.dport) == (t.server_address, t.address, 67, 68)
    assert (ack.ciaddr, ack.yiaddr, ack.siaddr, ack.giaddr) == (t.address, *["0.0.0.0"] * 3)
    assert (ack.xid, ack.htype, ack.hlen) == (0x12345678, 1, 6)
    assert ack.chaddr == bytes.fromhex("00534500000000000000000000000000")
    assert ack.options[54] == sstp.socket.inet_aton(t.server_address)
    assert ack.routes() == ack.routes(249) == ["10.9.0.0/16"] and ack.gateways() == {t.server_address}
    assert ack.dns == ["10.9.0.53"] and ack.domain == "corp.example"
    assert ack.search == ["corp.example", "lab.example"]
    assert 3 not in ack.options, "no default route beside the tunnel"
    assert counts(ask) == {"dhcp_answered": 1, "dhcp_refused": 0, "dhcp_limited": 0}
    t.close()


GOOD = {
    "no list": [(53, b"\x08"), (60, b"MSFT 5.0")],
    "no class": [(53, b"\x08"), (55, dhcp.ASKED)],
    "macOS": [(53, b"\x08"), (55, bytes([1, 121, 3, 6, 15, 119, 252]))],
    "dhcpcd": [(53, b"\x08"), (55, bytes([1, 121, 3, 6, 15, 28, 33, 51, 119]))],
    "padding between": b"\0\0\x35\x01\x08\0\x37\x02\x79\xf9\0",
    "the list in two pieces": [(53, b"\x08"), (55, b"\x79"), (55, b"\xf9")],
    "an identifier of 255": [(53, b"\x08"), (61, b"\xff" * 255)],
}
BAD = {
    "240 octets": b"",
    "no type": [(55, dhcp.ASKED)],
    "a type of two octets": [(53, b"\x08\x08")],
    "a type of none": [(53, b"")],
    "two types": [(53, b"\x08"), (53, b"\x08")],
    "an option past the end": b"\x35\x01\x08\x37\xc8\x79",
    "a length past the end": b"\x35\x01\x08\x37",
}


def test_what_is_answered_and_what_is_not(net, start_server, ask):
    ask("user", "set", USER, "routes=10.9.0.0/16")
    start_server()
    for name, options in GOOD.items():
        t = log_in(net)  # each has five answers a second
        ack = dhcp.ask(t, options)
        assert ack.routes() == ["10.9.0.0/16"], name
        t.close()
    t = log_in(net)
    own = t.address
    others = [dhcp.packet(own, dhcp.message(own, hlen=0)),
              dhcp.packet(own, dhcp.message(own, rest=b"\xff" + bytes(1500 - 28 - 240 - 90))),
              dhcp.packet(own, dhcp.message(own), to=t.server_address),
              sstp.udp(own, "255.255.255.255", 68, 67, dhcp.message(own))]  # without a checksum
    found = dhcp.answers(t, others)
    assert len(found) == len(others) and found[0].hlen == 0
    t.close()
    before = counts(ask)
    t = log_in(net)
    bad = [dhcp.packet(t.address, dhcp.message(t.address, o, rest=b"" if isinstance(o, bytes) else b"\xff"))
           for o in BAD.values()]
    assert len(bad) == 7
    assert dhcp.answers(t, bad[:4]) == []
    t.close()
    t = log_in(net)
    bad = [dhcp.packet(t.address, dhcp.message(t.address, o, rest=b"")) for o in list(BAD.values())[4:]]
    bad += [dhcp.packet(t.address, dhcp.message(t.address, op=2)),
            dhcp.packet(t.address, dhcp.message(t.address, giaddr=t.address))]
    assert dhcp.answers(t, bad) == []
    t.close()
    after = counts(ask)
    assert after["dhcp_refused"] - before["dhcp_refused"] == 9
    assert after["dhcp_answered"] == before["dhcp_answered"] and not after["dhcp_limited"]


def test_no_session_is_answered_in_the_name_of_another(net, binary, state, start_server, ask):
    """Two users with different routes; each asks for the other's, by ciaddr and by source."""
    add_user(binary, state, "bob", PASSWORD)
    ask("user", "set", USER, "routes=10.9.0.0/16", "domains=a.example")
    ask("user", "set", "bob", "routes=10.10.0.0/16", "domains=b.example")
    start_server({"server": {"workers": 2}})
    alice, bob = log_in(net), log_in(net, "bob")
    lies = [dhcp.packet(alice.address, dhcp.message(bob.address)),
            dhcp.packet(bob.address, dhcp.message(bob.address)),
            dhcp.packet(bob.address, dhcp.message(alice.address)),
            dhcp.packet(alice.address, dhcp.message("0.0.0.0"))]
    assert dhcp.answers(alice, lies) == []
    assert dhcp.answers(bob, []) == [], "nor does the answer go to the other"
    assert counts(ask)["dhcp_refused"] == 4
    a, b = dhcp.ask(alice), dhcp.ask(bob)
    assert (a.routes(), a.domain) == (["10.9.0.0/16"], "a.example")
    assert (b.routes(), b.domain) == (["10.10.0.0/16"], "b.example")
    alice.close()
    bob.close()


@pytest.mark.parametrize("n", [0, 1, 30, 31, 32, 300])
def test_one_option_of_routes_and_the_rest_is_logged(net, start_server, ask, n):
    if n:
        ask("user", "set", USER, "routes=" + ",".join(nets(n)))
    server = start_server()
    t = log_in(net)
    ack = dhcp.ask(t)
    assert ack.routes() == nets(min(n, 31)) and len(ack.octets) <= 576
    assert all(size <= 255 for _, size in ack.pieces)
    if n > 31:
        line = server.wait_log("DHCP_LEFT_OUT").group(0)
        assert f"routes=31 of={n}" in server.err, line
        dhcp.ask(t)
        assert server.err.count("DHCP_LEFT_OUT") == 1, "said once"
    else:
        assert "DHCP_LEFT_OUT" not in server.err
        if n < 2:
            assert ack.routes(249) == nets(n)
    t.close()


def test_split_over_several_options_when_the_server_is_told_to(net, start_server, ask):
    ask("user", "set", USER, "routes=" + ",".join(nets(60)))
    server = start_server({"tunnel": {"routes_split": "yes"}})
    t = log_in(net)
    ack = dhcp.ask(t)
    assert ack.routes() == ack.routes(249) == nets(60)
    assert [p for p in ack.pieces if p[0] == 121] == [(121, 255), (121, 225)]
    assert "DHCP_LEFT_OUT" not in server.err
    t.close()


def test_halves_of_the_internet_and_the_whole_of_it(net, start_server, ask):
    ask("user", "set", USER, "routes=0.0.0.0/1,128.0.0.0/1")
    start_server()
    t = log_in(net)
    assert dhcp.ask(t).routes() == ["0.0.0.0/1", "128.0.0.0/1"]
    ask("user", "set", USER, "routes=0.0.0.0/0")
    wait_for(lambda: dhcp.ask(t).routes() == ["0.0.0.0/0"], 30, "the new route", 0.5)
    t.close()


def test_the_users_routes_come_before_the_groups_and_those_before_all(net, start_server, ask):
    ask("group", "add", "staff", "routes=10.2.0.0/16", "domains=staff.example")
    ask("group", "add", "admins", "routes=10.3.0.0/16", "search=admins.example")
    ask("user", "set", USER, "groups=staff,admins")
    start_server({"tunnel": {"routes": "10.1.0.0/16, 10.11.0.0/16"}})
    t = log_in(net)
    ack = dhcp.ask(t)
    assert ack.routes() == ["10.2.0.0/16"] and ack.domain == "staff.example"
    assert ack.search == ["admins.example", "staff.example"]
    for words, routes in ((["routes=10.4.0.0/16"], ["10.4.0.0/16"]), (["routes=none"], []),
                          (["routes=", "groups=admins"], ["10.3.0.0/16"]),
                          (["groups="], ["10.1.0.0/16", "10.11.0.0/16"])):
        ask("user", "set", USER, *words)
        wait_for(lambda want=routes: dhcp.ask(t).routes() == want, 30, f"routes {routes}", 0.5)
    t.close()


def test_a_reload_changes_the_next_answer(net, state, start_server, workers, ask):
    server = start_server({"server": {"workers": workers},
                           "tunnel": {"routes": "10.1.0.0/16", "dns": "10.1.0.53"}})
    t = log_in(net)
    assert (dhcp.ask(t).routes(), dhcp.ask(t).dns) == (["10.1.0.0/16"], ["10.1.0.53"])
    with open(f"{state}.conf") as f:
        text = f.read()
    with open(f"{state}.conf", "w") as f:
        f.write(text.replace("10.1.", "10.2."))
    server.process.send_signal(signal.SIGHUP)
    server.wait_log(" RELOADED")
    wait_for(lambda: dhcp.ask(t).routes() == ["10.2.0.0/16"], 30, "the new routes", 0.5)
    assert dhcp.ask(t).dns == ["10.2.0.53"]
    t.close()


def test_a_flood_costs_the_session_its_own_budget(net, binary, state, start_server, ask):
    add_user(binary, state, "bob", PASSWORD)
    ask("user", "set", USER, "routes=10.9.0.0/16")
    server = start_server()
    alice, bob = log_in(net), log_in(net, "bob")
    flood = [dhcp.packet(alice.address, dhcp.message(alice.address, xid=i)) for i in range(300)]
    found = dhcp.answers(alice, flood)
    seen = counts(ask)
    assert 5 <= len(found) == seen["dhcp_answered"] < 300
    assert seen["dhcp_answered"] + seen["dhcp_limited"] == 300
    assert len(dhcp.answers(bob, [dhcp.packet(bob.address, dhcp.message(bob.address))])) == 1
    assert server.err.count("DHCP_FLOOD") == 1
    wait_for(lambda: len(dhcp.answers(alice, flood[:1])) == 1, 30, "an answer in the next second", 0.3)
    alice.close()
    bob.close()


def test_what_is_no_inform_and_other_broadcasts_are_dropped(net, start_server, ask):
    start_server()
    t = log_in(net)
    noise = [dhcp.packet(t.address, dhcp.message(t.address, [(53, bytes([kind]))]))
             for kind in (1, 3, 4, 7)]
    noise += [dhcp.packet(t.address, dhcp.message(t.address), dport=68),
              sstp.udp(t.address, "255.255.255.255", 137, 137, b"x" * 50),
              dhcp.packet("0.0.0.0", dhcp.message("0.0.0.0", [(53, b"\x01")]))]
    assert dhcp.answers(t, noise) == []
    assert counts(ask) == {"dhcp_answered": 0, "dhcp_refused": 0, "dhcp_limited": 0}
    t.close()


def test_an_answer_goes_back_to_the_port_that_asked(net, start_server):
    start_server()
    t = log_in(net)
    request = dhcp.packet(t.address, dhcp.message(t.address), sport=50068)
    assert len(dhcp.answers(t, [request], wanted=50068)) == 1
    t.close()


def test_the_server_listens_on_no_dhcp_port(net, start_server):
    start_server()
    assert ":67 " not in net.srv.run("ss -Hlnu") and ":547 " not in net.srv.run("ss -Hlnu")
