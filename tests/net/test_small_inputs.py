# SPDX-License-Identifier: Apache-2.0
"""
Small inputs on which something failed once (tests/data), as they are; and what `culvert diagnose` says
of a server that wants no good.

        cli  culvert connect, diagnose  ----  srv  HostileServer, a proxy, or culvert serve
"""

import json
import os
import subprocess
import sys
import tempfile

import pytest

from harness import program
from harness.hostile import HostileServer
from harness.program import PASSWORD, ROOT, USER
from harness.sstp import IPCP, packet

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))
import servers  # noqa: E402

DATA = os.path.join(ROOT, "tests", "data")


def octets(name):
    with open(os.path.join(DATA, name), "rb") as f:
        return f.read()


NO_OPTIONS = octets("ipcp-request-without-options.sstp")
ONE_LINE = octets("proxy-407-one-line.txt")


@pytest.fixture
def hostile(net, tmp_path):
    with HostileServer(net.srv, tmp_path) as server:
        yield server


@pytest.fixture
def diagnose(net, binary, hostile):
    """diagnose(behave, *options) -> (report as an object, report as text)"""
    def run(behave, *extra):
        hostile.serve(behave)
        made = []
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write(PASSWORD + "\n")
            secret.flush()
            for form in (["--json"], []):
                r = subprocess.run(net.cli.argv(
                    binary, "diagnose", f"{USER}@vpn.example", "--ca", hostile.certificate,
                    "--password-file", secret.name, "--timeout", "3", *form, *extra),
                    capture_output=True, text=True, timeout=120, env=program.environment())
                assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
                assert r.returncode >= 0, "ended by a signal"
                made.append(r.stdout)
        return json.loads(made[0]), made[1]
    return run


# --- a request of IPCP without options


def test_a_request_without_options_brings_the_client_up(net, connect, hostile):
    client = connect("--ca", hostile.certificate, "--no-dns", "--no-ipv6", trust=False, wait=False)
    session = hostile.session()
    session.ipcp(raw=NO_OPTIONS)
    client.wait_connected()
    assert client.address == "10.9.0.2", client.story()
    assert session.ping("10.9.0.2")
    session.close()


def hold(session):
    """Reads and answers keep-alives until the client goes."""
    session.expect(lambda m: m.name in ("CALL_ABORT", "CALL_DISCONNECT"), 60)


@pytest.mark.parametrize("when", ["up", "before"])
def test_ipv4_that_ends_alone_has_its_reason_shown(net, connect, hostile, when):
    """IPv6 stays up, so the call goes on, and the client says why IPv4 is over."""
    client = connect("--ca", hostile.certificate, "--no-dns", "--verbose", trust=False, wait=False)
    session = hostile.session()
    if when == "up":
        session.ipcp()
    session.ipv6cp()
    if when == "up":
        client.wait_connected()
    session.send_ppp(IPCP, packet(5, 77, b"no IPv4 \x1b[31m today"))
    client.wait_log("4205 IPCP_TERMINATED: The other end closed IPv4 in this tunnel.")
    assert 'the call goes on; it says: "no IPv4' in client.err and "\x1b" not in client.err
    assert client.process.poll() is None, client.story()
    session.close()
    assert client.wait_exit() != 0


def nothing_inside(session):
    session.ipcp(raw=NO_OPTIONS)
    hold(session)


def test_a_server_that_names_nothing_inside_is_a_warning(diagnose):
    report, text = diagnose(nothing_inside)
    assert report["outcome"] != "ok", report
    found = [f["name"] for f in report["findings"]]
    assert "PROBE_NOTHING_TO_ASK" in found and "PROBE_NO_GATEWAY" not in found, found
    assert "the server names no address of its own" in json.dumps(report)
    assert "All that was measured is well" not in text
    assert "answers no ping" not in text, "no ping was sent"


def only_a_name_server(session):
    session.ipcp(request=[], dns=["10.9.0.53"])
    hold(session)


def test_a_silent_name_server_is_then_all_that_is_silent(diagnose):
    report, text = diagnose(only_a_name_server)
    assert "PROBE_NOTHING_INSIDE" in [f["name"] for f in report["findings"]], report
    assert "it names no address of its own, and silent is the name server it hands out" in text


# --- the diagnosis of servers that do as they like


def gives_nothing(session):
    session.ipcp(give=None)
    hold(session)


def terminates(session):
    session.ipcp()
    session.send_ppp(IPCP, packet(5, 77, b"\x1b[31mAll that was measured is well."))
    hold(session)


def other_address(session):
    session.ipcp()
    session.ipcp(give="10.9.0.77", own="10.9.0.78")
    hold(session)


def garbage(session):
    session.ipcp()
    session.send(os.urandom(4000))
    hold(session)


def hangs_up(session):
    session.ipcp()
    session.tcp.close()


@pytest.mark.parametrize("behave", [
    lambda s: (s.ipcp(request=[(3, bytes(4))]), hold(s)),
    lambda s: (s.ipcp(request=[(3, bytes([10, 9, 0, 2]))]), hold(s)),
    lambda s: (s.ipcp(request=[(3, bytes([127, 0, 0, 1]))]), hold(s)),
    lambda s: (s.ipcp(own="192.0.2.1"), hold(s)), lambda s: (s.ipcp(give="198.51.100.1"), hold(s)),
    gives_nothing, terminates, other_address, garbage, hangs_up, hold, lambda s: s.close()],
    ids=["0.0.0.0", "our address", "loopback", "its outer address", "our gateway's address",
         "no address", "terminates", "another address", "garbage", "hangs up", "silent", "closes"])
def test_no_hostile_server_is_called_well(diagnose, behave):
    report, text = diagnose(behave)
    assert report["outcome"] != "ok" and report["findings"], report
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if line.startswith("All that was measured")]
    assert not lines, text
    for claim in ("verified", "not refused", "packets pass, MTU"):
        assert claim not in text, text


# --- a 407 with all schemes in one line


@pytest.fixture
def proxy(net):
    class Recorded(servers.Proxy):
        said = 0

        def _serve(self, connection):
            peeked = connection.recv(4096, servers.socket.MSG_PEEK).decode("latin-1")
            if self._allowed(peeked):
                super()._serve(connection)
                return
            self.said += 1
            connection.sendall(ONE_LINE)
            connection.recv(4096)
    made = Recorded(net.srv, "192.0.2.1", 3128, "Basic", "carol", "Tunnel-9")
    yield made
    made.close()


def test_the_recorded_407_is_answered_with_basic(net, start_server, connect, proxy):
    start_server()
    client = connect("--no-default-route", "--no-dns", "--proxy",
                     "http://carol:Tunnel-9@192.0.2.1:3128")
    assert proxy.said == 2  # NTLM's first message has no challenge for an answer
    assert client.stop() == 0, client.story()


def test_the_recorded_407_without_a_login_is_named(net, start_server, connect, proxy):
    start_server()
    client = connect("--proxy", "http://192.0.2.1:3128", wait=False)
    assert client.wait_exit() == 12, client.story()
    assert "PROXY_AUTH_NEEDED" in client.err, client.story()


# --- password files that are no text


@pytest.mark.parametrize("name, why", [("password-nul.bin", "value zero"),
                                       ("password-utf16le.bin", "UTF-16")])
def test_a_file_that_is_no_password_is_refused_by_every_command(net, start_server, state, binary,
                                                                name, why):
    server = start_server()
    path, certificate = os.path.join(DATA, name), server.certificate
    login = ("--password-file", path, "--ca", certificate)
    proxy_ = ("--proxy", "http://192.0.2.1:3128", "--proxy-user", "carol", "--proxy-password-file",
              path)
    with tempfile.NamedTemporaryFile("w") as right:
        right.write(PASSWORD + "\n")
        right.flush()
        mine = ("--password-file", right.name, "--ca", certificate)
        commands = [("connect", f"{USER}@vpn.example", *login),
                    ("diagnose", f"{USER}@vpn.example", *login),
                    ("bench", "vpn.example", "--user", USER, *login),
                    ("connect", f"{USER}@vpn.example", *mine, *proxy_),
                    ("diagnose", f"{USER}@vpn.example", *mine, *proxy_),
                    ("backup", "--state", state, "--passphrase-file", path, f"{state}/b")]
        for command in commands:
            code, out, err = program.run(binary, *command, host=net.cli, check=False)
            assert code == 2 and why in err, (command, code, out, err)
    for command in (("add", "bob"), ("passwd", USER)):
        r = subprocess.run([binary, "user", *command, "--password-stdin", "--state", state],
                           input=octets(name), capture_output=True, timeout=30,
                           env=program.environment())
        assert r.returncode and why in r.stderr.decode(), (command, r)
    assert "bob" not in program.run(binary, "user", "list", "--state", state)[1]
    assert not os.path.exists(f"{state}/b")
    assert server.running() and "AUTH_FAILED" not in server.err
