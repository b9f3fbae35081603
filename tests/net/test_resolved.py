"""
The tunnel's DNS with a real systemd-resolved on the client, on a bus of its own:

    cli ── outer name server: rtr 192.0.2.53 (answers 192.0.2.66)
     ╚══ tunnel ══ inner name server: srv 10.77.0.53 (answers 10.7.7.7)

Both are dnsmasq; the queries are counted at each.
"""

import signal
import time

import pytest

from harness.desktop import Bus, NameServer, Resolved
from harness.host import wait_for

INNER, OUTER = "10.77.0.53", "192.0.2.53"
PUSH = {"tunnel": {"dns": INNER}}


@pytest.fixture
def names(net):
    """(inner, outer): the two name servers."""
    net.srv.ip(f"address add {INNER}/32 dev lo")
    both = NameServer(net.srv, INNER, "10.7.7.7"), NameServer(net.rtr, OUTER, "192.0.2.66")
    yield both
    for server in both:
        server.close()
    net.srv.ip(f"address del {INNER}/32 dev lo")


@pytest.fixture
def bus(net):
    before = net.cli.run("cat /etc/resolv.conf")
    net.cli.run("mv /etc/resolv.conf /etc/resolv.conf.before")
    bus = Bus(net.cli)
    yield bus
    bus.close()
    net.cli.run("mv /etc/resolv.conf.before /etc/resolv.conf")
    net.cli.run("rm -rf /run/systemd/resolve /run/dbus")
    assert net.cli.run("cat /etc/resolv.conf") == before


@pytest.fixture
def resolved(bus):
    daemon = Resolved(bus, OUTER)
    yield daemon
    daemon.close()


def look_up(host, name):
    """By the C library, which asks the stub of resolved, or whom resolv.conf names."""
    return wait_for(lambda: host.run("getent", "ahostsv4", name, check=False), 20, name).split()[0]


def asked(names, name):
    return tuple(n.asked(name) > 0 for n in names)


def test_a_full_tunnel_asks_its_servers_for_everything(net, names, resolved, start_server, connect):
    start_server(PUSH)
    client = connect("--dns-domain", "corp.example")
    link = resolved.status(client.tun)
    assert INNER in link and "DNS Domain: corp.example ~." in link, link
    for name in ("a.corp.example", "a.example.net"):
        assert look_up(net.cli, name) == "10.7.7.7", resolved.status(client.tun)
        assert asked(names, name) == (True, False)
    assert look_up(net.cli, "short") == "10.7.7.7"
    assert names[0].asked("short.corp.example"), names[0].text()
    assert client.stop() == 0
    assert look_up(net.cli, "b.example.net") == "192.0.2.66"
    assert asked(names, "b.example.net") == (False, True)
    assert "DNS_WAY_FAILED" not in client.err


def test_a_split_tunnel_asks_its_servers_for_its_domains_only(net, names, resolved, start_server,
                                                              connect):
    start_server(PUSH)
    client = connect("--no-default-route", "--route", f"{INNER}/32", "--dns-domain", "corp.example",
                     "--dns-domain", "~müller.example.")
    for name in ("x.corp.example", "corp.example", "www.xn--mller-kva.example"):
        assert look_up(net.cli, name) == "10.7.7.7", resolved.status(client.tun)
        assert asked(names, name) == (True, False)
    for name in ("x.example.net", "notcorp.example", "corp.example.net"):
        assert look_up(net.cli, name) == "192.0.2.66"
        assert asked(names, name) == (False, True)
    assert "DNS_NOT_SPLIT" not in client.err
    link = resolved.status(client.tun)
    assert "-LLMNR -mDNS" in link.replace("\n", " "), link


def test_the_settings_outlive_resolved_and_end_with_a_killed_client(net, names, bus, start_server,
                                                                    connect):
    start_server(PUSH)
    daemon = Resolved(bus, OUTER)
    client = connect()
    daemon.close()
    daemon = Resolved(bus, OUTER)
    try:
        assert look_up(net.cli, "again.example.net") == "10.7.7.7"
        assert client.stop(signal.SIGKILL) == -signal.SIGKILL
        assert look_up(net.cli, "killed.example.net") == "192.0.2.66"
        assert names[0].asked("killed.example.net") == 0
        again = connect()
        assert look_up(net.cli, "next.example.net") == "10.7.7.7"
        assert again.stop() == 0
    finally:
        daemon.close()


def test_another_network_s_resolved_is_left_alone(net, names, bus, start_server, connect):
    """A bus crosses network namespaces: the number of our interface means another one there."""
    start_server(PUSH)
    daemon = Resolved(bus, OUTER, net=net.www)
    try:
        links = [daemon.status(link) for link in ("lo", "eth0")]
        client = connect()
        assert "find org.freedesktop.resolve1 in this network namespace" in client.err
        assert "DNS_WAY_FAILED" in client.err and 'used="/etc/resolv.conf"' in client.err
        assert INNER in net.cli.run("cat /etc/resolv.conf")
        assert [daemon.status(link) for link in ("lo", "eth0")] == links
        assert client.stop() == 0
        assert net.cli.run("readlink /etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf"
    finally:
        daemon.close()


@pytest.mark.parametrize("kind", ["no service", "no bus", "a service that hangs"])
def test_without_an_answer_the_file_is_used(net, names, bus, start_server, connect, kind):
    start_server(PUSH)
    daemon = Resolved(bus, OUTER)
    if kind == "a service that hangs":
        daemon.process.send_signal(signal.SIGSTOP)
    else:
        daemon.close()
    if kind == "no bus":
        bus.close()
        net.cli.run("rm -f /run/dbus/system_bus_socket")
    begin = time.monotonic()
    client = connect("--no-default-route", "--route", f"{INNER}/32", "--dns-domain", "corp.example")
    try:
        assert "DNS_WAY_FAILED" in client.err and "DNS_NOT_SPLIT" in client.err, client.err
        assert time.monotonic() - begin < 30
        assert look_up(net.cli, "y.corp.example") == "10.7.7.7"
        assert look_up(net.cli, "short") == "10.7.7.7"
        assert names[0].asked("short.corp.example")
        assert client.stop() == 0
    finally:
        daemon.process.send_signal(signal.SIGCONT) if kind == "a service that hangs" else None
        daemon.close()
    assert net.cli.run("readlink /etc/resolv.conf") == "../run/systemd/resolve/stub-resolv.conf"


@pytest.mark.parametrize("domain", ["", ".", "a..b", "-", "a b", "10.0.0.1", "x" * 64, "a\nb"])
def test_a_domain_that_is_none_is_refused(net, connect, domain):
    client = connect("--dns-domain", domain, trust=False, wait=False)
    assert client.wait_exit() == 2
    assert "--dns-domain" in client.err
