# SPDX-License-Identifier: Apache-2.0
"""
Debian's squid as the proxy of a company: it wants Kerberos or NTLM, and judges both.

        cli  culvert connect --proxy  ----  srv  (squid-auth.sh: squid, winbindd, a KDC; and culvert serve)
"""

import os
import socket
import subprocess
import tempfile

import pytest

import peers
from harness.program import run

PROXY = "http://192.0.2.1:3128"
SPLIT = ("--no-default-route", "--no-dns")


class SquidAuth(peers.Script):
    name = "squid-auth.sh"

    def __init__(self, host, folder, schemes):
        with open(f"{host.root}/etc/hosts", "a") as f:  # squid's helper looks its machine's name up
            f.write(f"192.0.2.1 {socket.gethostname()}\n")
        super().__init__(host, folder, SA_NS="", SA_DIR=folder, SA_IP="192.0.2.1", SA_AUTH=schemes,
                         SA_HOST="proxy.peer.test")
        code, out = self("start", timeout=120)
        assert code == 0, out

    def close(self):
        self("stop", timeout=60)

    def ticket(self, user, password, where):
        """Of user, in a cache of its own: the environment that names it."""
        environment = {"KRB5_CONFIG": f"{self.folder}/krb5.conf", "KRB5CCNAME": f"FILE:{where}"}
        subprocess.run(self.host.argv("kinit", f"{user}@PEER.TEST"), env={**os.environ, **environment},
                       input=f"{password}\n", text=True, check=True, stdout=subprocess.DEVNULL)
        return environment


@pytest.fixture(scope="module")
def company(network):
    """One for the file: it takes seconds to start."""
    folder = tempfile.mkdtemp(prefix="culvert-squid-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    before = set(network.srv.processes())
    proxy = SquidAuth(network.srv, folder, "negotiate ntlm")
    network.residents |= set(network.srv.processes()) - before
    yield proxy
    proxy.close()


@pytest.fixture
def squid(net, company):
    """Its helpers come and go, and stay behind the test that made them start."""
    yield company
    for pid in net.srv.processes():
        with open(f"/proc/{pid}/cmdline") as f:
            if "/culvert\0" not in f.read():
                net.residents.add(pid)


@pytest.fixture
def password(tmp_path):
    def write(text):
        path = tmp_path / "proxy-password"
        path.write_text(text + "\n")
        return str(path)
    return write


@pytest.mark.parametrize("user, secret", [("alice", "Secret-1"), ("PEER\\bob", "Secret-2"),
                                          ("ALICE", "Secret-1")])
def test_a_password_logs_in_by_ntlm(net, squid, start_server, connect, password, user, secret):
    start_server()
    client = connect(*SPLIT, "-v", "--proxy", PROXY, "--proxy-user", user, "--proxy-password-file",
                     password(secret))
    assert net.cli.ping(client.peer, 1) == 1
    assert "login by NTLM" in client.err, client.err
    assert client.stop() == 0, client.story()


def test_a_ticket_logs_in_by_negotiate(net, squid, start_server, connect, tmp_path, monkeypatch):
    start_server()
    for name, value in squid.ticket("alice", "Secret-1", tmp_path / "ccache").items():
        monkeypatch.setenv(name, value)
    client = connect(*SPLIT, "-v", "--proxy", PROXY)
    assert net.cli.ping(client.peer, 1) == 1
    assert "login by Negotiate" in client.err, client.err
    assert client.stop() == 0, client.story()


@pytest.mark.parametrize("user, secret", [("alice", "wrong"), ("mallory", "Secret-1")])
def test_a_wrong_password_is_refused_and_sent_once(net, squid, connect, password, user, secret):
    client = connect(*SPLIT, "--proxy", PROXY, "--proxy-user", user, "--proxy-password-file",
                     password(secret), wait=False)
    assert client.wait_exit() == 12, client.story()
    assert "PROXY_AUTH_REFUSED" in client.err


def test_without_a_ticket_or_a_password_it_says_what_would_do(net, squid, connect, binary, monkeypatch):
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nonexistent")
    client = connect(*SPLIT, "--proxy", PROXY, wait=False)
    assert client.wait_exit() == 12, client.story()
    assert "PROXY_AUTH_NEEDED" in client.err and "it wants: Negotiate, NTLM; no ticket: " in client.err
    _, out, _ = run(binary, "diagnose", "vpn.example", "--proxy", PROXY, host=net.cli, check=False)
    assert "PROXY_AUTH_NEEDED" in out


def test_diagnose_names_the_logins_that_it_can_do(net, squid, start_server, binary, password):
    start_server()
    _, out, _ = run(binary, "diagnose", "vpn.example", "--verbose", "--proxy", PROXY, "--proxy-user", "alice",
                    "--proxy-password-file", password("Secret-1"), host=net.cli, check=False)
    assert "with NTLM" in out, out
    assert "Negotiate (the Kerberos ticket at hand), NTLM" in out, out
