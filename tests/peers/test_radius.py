# SPDX-License-Identifier: Apache-2.0
"""
Logins through Debian's FreeRADIUS, which nobody here wrote.

        cli  culvert connect                 srv  culvert serve                 www  freeradius
                                                                        203.0.113.2, ports 1812 and 1813

Drawing of the hosts: tests/conftest.py.
"""

import json
import re
import subprocess

import pytest

from harness.freeradius import SECRET, USERS, FreeRadius
from harness.program import PASSWORD, run

ADDRESS = "203.0.113.2"


@pytest.fixture(scope="module")
def radius_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("freeradius")


@pytest.fixture
def radius(net, radius_folder):
    """radius(...) -> a FreeRADIUS that runs; ended after the test."""
    kept = []

    def start(**kw):
        for name in ("detail", "radius.log"):
            (radius_folder / name).unlink(missing_ok=True)
        kept.append(FreeRadius(net.www, ADDRESS, radius_folder, **kw).start())
        return kept[-1]
    yield start
    for r in kept:
        r.kill()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def serve(start_server, secret):
    """serve(method, sources=, radius={...}) -> Server whose users are FreeRADIUS's"""
    def start(auth="mschapv2", sources="radius", radius=None, **sections):
        config = {"ppp": {"auth": auth}, "auth": {"sources": sources},
                  "radius": {"servers": ADDRESS, "secret_file": secret, "timeout": "4s",
                             **(radius or {})}, **sections}
        return start_server(config)
    return start


def refused(connect, server, event, user="alice", password=PASSWORD, auth=None, **kw):
    client = connect(*(["--auth", auth] if auth else []), user=user, password=password, wait=False, **kw)
    server.wait_log(rf"\b{event}\b")
    assert client.wait_exit(60) != 0, client.story()
    return client


@pytest.mark.parametrize("auth, hint", [("mschapv2", "3190 SSTP_BINDING_OK"),
                                        ("pap", "3191"), ("chap", "3191")])
def test_a_login(net, radius, serve, connect, auth, hint):
    radius()
    server = serve(auth)
    client = connect("--auth", auth, user="alice")
    server.wait_log(rf'4101 AUTH_ACCEPTED.*user="?alice"? method={auth} source=radius '
                    rf'server="?{ADDRESS}:1812')
    server.wait_log(hint)
    assert net.cli.ping(server.address(), 2) == 2
    client.stop()


def test_what_radius_grants(net, radius, serve, connect):
    users = USERS.replace("Service-Type = Framed-User, Framed-Protocol = PPP,",
                          "Framed-IP-Address = 10.99.0.42, MS-Primary-DNS-Server = 192.0.2.77,", 1)
    radius(users=users)
    server = serve(tunnel={"ipv4_pool": "10.99.0.0/24", "dns": ""})
    client = connect(user="alice")
    assert client.address == "10.99.0.42"
    assert "192.0.2.77" in net.cli.run("cat /etc/resolv.conf")
    client.stop()
    connect(user="bob", password="Secret-2")
    server.wait_log("4101.*bob")


def test_the_same_address_again_after_a_restart(radius, serve, connect):
    radius()
    server = serve()
    first = connect(user="bob", password="Secret-2")
    address = first.address
    first.stop()
    server.stop()
    server = serve()
    connect("--no-default-route", "--no-dns", user="alice")
    again = connect("--no-default-route", "--no-dns", user="bob", password="Secret-2", tun="cv-cli2")
    assert again.address == address


def test_a_refusal(radius, serve, connect):
    radius()
    server = serve()
    refused(connect, server, "AUTH_RADIUS_REJECTED", password="wrong")
    refused(connect, server, "AUTH_RADIUS_REJECTED", user="nobody")


def test_local_users_first(radius, serve, connect):
    """alice is in both, with the same password here; bob is only on the server of RADIUS."""
    radius()
    server = serve(sources='local radius')
    connect("--no-default-route", "--no-dns", user="alice")
    assert "source=radius" not in server.wait_log("4101 AUTH_ACCEPTED.*").group()
    connect("--no-default-route", "--no-dns", user="bob", password="Secret-2", tun="cv-cli2")
    server.wait_log("4101.*bob.*source=radius")
    refused(connect, server, "AUTH_WRONG_PASSWORD", password="wrong", tun="cv-cli3")


@pytest.mark.parametrize("how, event", [
    ("absent", "AUTH_RADIUS_NO_ANSWER"), ("silent", "AUTH_RADIUS_NO_ANSWER"),
    ("unsealed", "AUTH_RADIUS_NOT_SEALED"), ("keyless", "AUTH_RADIUS_NO_KEYS"),
    ("other-secret", "AUTH_RADIUS_NO_ANSWER")])
def test_what_can_be_wrong_has_its_event(radius, serve, connect, how, event):
    setting = {"silent": {"silent": True}, "unsealed": {"sealed": False},
               "keyless": {"mppe": "no"}, "other-secret": {"secret": "another"}}
    if how != "absent":
        radius(**setting[how])
    server = serve(radius={"require_message_authenticator": "yes", "timeout": "3s"})
    client = refused(connect, server, event)
    assert "691" in client.err + client.out or client.process.returncode
    if event == "AUTH_RADIUS_NO_ANSWER":
        server.wait_log("6170 RADIUS_SERVER_DEAD")
    code, out, _ = run(server.binary, "explain", event)
    assert not code and len(out) > 100


def test_message_authenticator_is_learned_for_good(radius, serve, connect):
    """`auto`: what a server once sent it must send from then on, restarts included."""
    first = radius()
    server = serve()
    connect(user="alice").stop()
    first.kill()
    server.stop()
    radius(sealed=False)
    server = serve(radius={"timeout": "3s"})
    refused(connect, server, "AUTH_RADIUS_NOT_SEALED")
    server.stop()
    server = serve(radius={"require_message_authenticator": "no"})
    server.wait_log("6174 RADIUS_UNSEALED_TAKEN")
    connect(user="alice")


def test_the_secret_is_read_again(radius, serve, connect, secret):
    radius(secret="other-1")
    server = serve(radius={"timeout": "3s"})
    refused(connect, server, "AUTH_RADIUS_NO_ANSWER")
    secret.write_text("other-1\n")
    run(server.binary, "reload", "--state", server.state)
    connect(user="alice")


def test_the_second_server_takes_over(radius, serve, connect):
    radius()
    server = serve(radius={"servers": f"203.0.113.77 {ADDRESS}", "timeout": "2s"})
    connect(user="alice")  # the client's patience is longer than the first server's time
    server.wait_log(f'4101.*server="?{ADDRESS}:1812')
    assert re.search(r"6170 RADIUS_SERVER_DEAD.*203.0.113.77:1812", server.err)


def test_status_and_test_say_it_in_words(net, radius, serve, connect, tmp_path):
    radius()
    server = serve()
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    ask = ("--password-file", password, "--state", server.state)
    _, out, _ = run(server.binary, "radius", "test", "alice", *ask)
    assert f"accepted by {ADDRESS}:1812" in out
    assert "the crypto binding will hold" in out
    assert "Class=0x70656572" in out and "MS-MPPE-Send-Key=(hidden)" in out
    _, out, _ = run(server.binary, "radius", "test", "alice", "--auth", "pap", *ask)
    assert "accepted" in out
    code, out, _ = run(server.binary, "radius", "test", "bob", "--json", *ask, check=False)
    assert code == 1 and json.loads(out)["name"] == "AUTH_RADIUS_REJECTED"
    _, out, _ = run(server.binary, "radius", "status", "--json", "--state", server.state)
    first = json.loads(out)["logins"]["servers"][0]
    assert first["server"] == f"{ADDRESS}:1812" and first["answered"] == 3 and not first["dead"]
    assert first["message_authenticator"] and first["round_trip_us"] > 0
    _, out, _ = run(server.binary, "radius", "status", "--state", server.state)
    assert "alive" in out


@pytest.mark.parametrize("method", ["eap-mschapv2", "eap-tls"])
def test_eap_goes_through_to_the_server(net, radius, radius_folder, serve, connect, method):
    """The methods end at FreeRADIUS; the key of the crypto binding comes from its MPPE keys."""
    radius(eap={"eap-mschapv2": "mschapv2", "eap-tls": "tls"}[method])
    server = serve("eap")
    extra = []
    if method != "eap-mschapv2":
        extra = ["--eap-ca", radius_folder / "ca.pem", "--eap-name", "radius.test"]
    if method == "eap-tls":
        for command in (
                "req -newkey rsa:2048 -nodes -subj /CN=alice -keyout cli.key -out cli.csr",
                "x509 -req -in cli.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 "
                "-out cli.pem"):
            subprocess.run(f"openssl {command}", shell=True, cwd=radius_folder, check=True,
                           stderr=subprocess.DEVNULL)
        extra += ["--cert", radius_folder / "cli.pem", "--key", radius_folder / "cli.key"]
    connect("--auth", method, *extra, user="alice")
    server.wait_log("4101 AUTH_ACCEPTED.*source=radius")
    server.wait_log("3190 SSTP_BINDING_OK")
    assert net.cli.ping(server.address(), 1) == 1


def test_a_wrong_password_inside_eap(radius, serve, connect):
    radius()
    server = serve("eap")
    refused(connect, server, "AUTH_RADIUS_REJECTED", password="wrong", auth="eap-mschapv2")
