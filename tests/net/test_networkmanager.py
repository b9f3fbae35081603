"""
A real NetworkManager, headless, brings the tunnel up with our plugin:

    desk 198.18.0.2 ── rtr ── srv: culvert serve
      NetworkManager ⇄ private bus ⇄ culvert networkmanager ── culvert connect
"""

import os
import re

import pytest

from harness.desktop import NetworkManager
from harness.host import Host, traces, wait_for, wire
from harness.program import PASSWORD, SANITIZED, USER, environment

TYPE = "org.freedesktop.NetworkManager."


@pytest.fixture(scope="module")
def manager(network):
    desk = Host("desk")
    wire(network.rtr, "d0", desk, "eth0")
    network.rtr.ip("address add 198.18.0.1/24 dev d0")
    with open(f"{desk.root}/etc/hosts", "w") as f:
        f.write("127.0.0.1 localhost\n192.0.2.1 vpn.example\n")
    nm = NetworkManager(desk, SANITIZED, environment())
    nm.cli("con", "add", "type", "ethernet", "ifname", "eth0", "con-name", "base", "ipv4.method",
           "manual", "ipv4.addresses", "198.18.0.2/24", "ipv4.gateway", "198.18.0.1",
           "ipv6.method", "disabled", "autoconnect", "no")
    nm.cli("dev", "set", "eth0", "managed", "yes")
    nm.cli("-w", "30", "con", "up", "base")
    network.clean[network.hosts.index(network.rtr)] = traces(network.rtr)
    yield nm
    nm.close()
    desk.close()


@pytest.fixture
def vpn(manager, state):
    """vpn(data={}, secrets=..., kind="culvert", ...) makes the connection `v` and is its manager."""
    def make(data=None, password=PASSWORD, kind="culvert", ipv6="auto", extra=()):
        pairs = {"gateway": "vpn.example", "user": USER, "ca-cert": os.path.join(state, "server.crt"),
                 "password-flags": "0", **(data or {})}
        manager.cli("con", "add", "type", "vpn", "con-name", "v", "ifname", "*", "vpn-type",
                    TYPE + kind, "vpn.data", ",".join(f"{k}={v}" for k, v in pairs.items() if v),
                    *(["vpn.secrets", f"password={password}"] if password else []),
                    "ipv6.method", ipv6, "autoconnect", "no", *extra)
        return manager
    yield make
    manager.cli("-w", "30", "con", "down", "v", check=False)
    manager.cli("con", "delete", "v", check=False)
    wait_for(lambda: "culvert" not in manager.host.run("ip -o link"), 30, "the interface to go")


def up(manager, *extra):
    return manager.cli("-w", "60", "con", "up", "v", *extra, check=False, timeout=90)


def story(manager, said):
    return f"{said}\n{manager.text()}"


@pytest.mark.parametrize("kind", ["culvert", "sstp"])
def test_a_connection_comes_up_and_goes(net, vpn, start_server, kind):
    server = start_server({"tunnel": {"dns": "10.77.0.53, 10.77.0.54"}})
    manager = vpn(kind=kind)
    said = up(manager)
    assert "successfully activated" in said, story(manager, said)
    shown = manager.cli("-f", "GENERAL.STATE,IP4,VPN", "con", "show", "v")
    address = re.search(r"IP4.ADDRESS\[1\]:\s*([\d.]+)/32", shown)
    assert address and re.findall(r"IP4.DNS\[\d\]:\s*(\S+)", shown) == ["10.77.0.53", "10.77.0.54"], \
        shown
    assert PASSWORD not in manager.host.run("ps", "-ewwo", "args")
    assert manager.host.ping(server.address(), 1) == 1
    assert "culvert0" in manager.host.run("ip route get 203.0.113.2"), manager.host.run("ip route")
    assert "eth0" in manager.host.run("ip route get 192.0.2.1"), manager.host.run("ip route")
    assert address[1] in manager.host.run("ip -4 -o address show dev culvert0")
    manager.cli("-w", "30", "con", "down", "v")
    wait_for(lambda: "culvert0" not in manager.host.run("ip -o link"), 30, "the interface to go")
    assert "eth0" in manager.host.run("ip route get 203.0.113.2")


def test_split_by_the_connection_s_own_settings(net, vpn, start_server):
    start_server()
    manager = vpn(extra=("ipv4.never-default", "yes", "ipv4.routes", "203.0.113.0/24"), ipv6="disabled")
    said = up(manager)
    assert "successfully activated" in said, story(manager, said)
    assert "culvert0" in manager.host.run("ip route get 203.0.113.2")
    assert "eth0" in manager.host.run("ip route get 203.0.114.2")


def test_ipv6_comes_with_it(net, vpn, start_server):
    start_server()
    manager = vpn()
    said = up(manager)
    assert "successfully activated" in said, story(manager, said)
    wait_for(lambda: re.search(r"IP6.ADDRESS\[\d\]:\s*fd", manager.cli("-f", "IP6", "con", "show", "v")),
             30, "an address of the server's prefix")


def test_the_password_is_asked_by_the_agent(net, vpn, start_server, tmp_path):
    """nmcli has our auth-dialog describe what to ask for; the answer is not saved."""
    start_server()
    manager = vpn({"password-flags": "2"}, password=None)
    said = up(manager)
    assert "secrets" in said.lower() and "successfully" not in said, story(manager, said)
    file = tmp_path / "passwords"
    file.write_text(f"vpn.secrets.password:{PASSWORD}\n")
    said = up(manager, "passwd-file", str(file))
    assert "successfully activated" in said, story(manager, said)
    assert PASSWORD not in manager.text()


def test_a_lost_connection_comes_back_under_networkmanager(net, vpn, start_server):
    """The server goes and comes: interface, address and NetworkManager's state stay."""
    server = start_server()
    manager = vpn(extra=("vpn.persistent", "yes"))
    said = up(manager)
    assert "successfully activated" in said, story(manager, said)
    before = manager.host.run("ip -4 -o address show dev culvert0")
    index = manager.host.run("cat /sys/class/net/culvert0/ifindex")
    assert server.stop() == 0
    server = start_server()
    wait_for(lambda: manager.host.ping(server.address(), 1, wait=1), 60,
             f"the tunnel to come back\n{manager.text()}")
    assert manager.host.run("ip -4 -o address show dev culvert0") == before
    assert manager.host.run("cat /sys/class/net/culvert0/ifindex") == index
    assert "activated" in manager.cli("-f", "GENERAL.STATE", "con", "show", "v")


def test_a_refused_password_is_asked_for_again(net, vpn, start_server, tmp_path):
    """The stored one is old: the service asks once more (SecretsRequired), and goes on with the answer."""
    start_server()
    manager = vpn(password="the old one")
    file = tmp_path / "passwords"
    file.write_text(f"vpn.secrets.password:{PASSWORD}\n")
    said = up(manager, "passwd-file", str(file))
    assert "successfully activated" in said, story(manager, said)
    assert "LOGIN_REFUSED" in manager.text() or "AUTH" in manager.text(), manager.text()


@pytest.mark.parametrize("data, password, reason", [
    ({}, "wrong", "login|secrets"), ({"user": "mallory"}, PASSWORD, "login|secrets"),
    ({"ca-cert": ""}, PASSWORD, "connect|stopped"), ({"gateway": "192.0.2.1:9"}, PASSWORD, "connect|stopped"),
    ({"gateway": "-x"}, PASSWORD, "connect|stopped"),
    ({"refuse-mschapv2": "yes", "refuse-chap": "yes", "refuse-pap": "yes"}, PASSWORD, "fail|stopped")])
def test_failures_have_their_reason(net, vpn, start_server, data, password, reason):
    start_server()
    manager = vpn(data, password)
    said = up(manager)
    assert "Error" in said and re.search(reason, said, re.IGNORECASE), story(manager, said)
    assert "culvert0" not in manager.host.run("ip -o link")


def dialog(manager, *arguments, pairs="DONE\n"):
    return manager.host.run(SANITIZED, "networkmanager", "--auth-dialog", "-u", "x", "-n", "My\tVPN",
                            "-s", TYPE + "culvert", *arguments, input=pairs, stdin=None,
                            env=environment())


def test_the_auth_dialog_describes_what_to_ask(manager):
    pairs = ("DATA_KEY=user\nDATA_VAL=alice\nDATA_KEY=proxy-user\nDATA_VAL=p\n"
             "SECRET_KEY=password\nSECRET_VAL= a\\b\nDONE\n")
    text = dialog(manager, "-i", "--external-ui-mode", pairs=pairs)
    assert "[VPN Plugin UI]\nVersion=2\n" in text and "[password]\nValue=\\sa\\\\b\n" in text, text
    assert re.search(r"\[password\][^\[]*ShouldAsk=false", text)
    assert re.search(r"\[proxy-password\][^\[]*ShouldAsk=true", text)
    again = dialog(manager, "-i", "-r", "--external-ui-mode", pairs=pairs)
    assert re.search(r"\[password\][^\[]*ShouldAsk=true", again)
    hinted = dialog(manager, "-i", "-t", "password", "--external-ui-mode", pairs=pairs)
    assert re.search(r"\[password\][^\[]*ShouldAsk=true", hinted)
    silent = dialog(manager, "--external-ui-mode", pairs=pairs)
    assert "ShouldAsk=true" not in silent
    assert dialog(manager, pairs=pairs + "QUIT\n").startswith("password\n a\\b")
    assert "\n" not in re.search(r"Description=(.*)", text)[1]
