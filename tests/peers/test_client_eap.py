# SPDX-License-Identifier: Apache-2.0
"""
The EAP methods of our client, judged by servers that nobody here wrote.

        cli  culvert connect --EAP in PPP--> srv  culvert serve --EAP in RADIUS--> www  hostapd, freeradius

The server in between carries the packets and knows no method (`auth.sources = radius`, `ppp.auth = eap`).
The judge's MPPE keys become the key of the crypto binding: 3190 says that both ends derived the same key.
"""

import subprocess

import pytest

from harness.freeradius import FreeRadius
from harness.hostapd import NAME, SECRET, Hostapd
from harness.program import PASSWORD

ADDRESS = "203.0.113.2"
PLAIN = ("--no-default-route", "--no-dns")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The certificates, made once; FreeRADIUS and hostapd have a folder each."""
    return tmp_path_factory.mktemp("judges")


@pytest.fixture
def judge(net, folder):
    """judge("hostapd", tls=…) or judge("freeradius", …): started, and ended after the test."""
    kept = []

    def start(which, **kw):
        if which == "hostapd":
            made = Hostapd(net.www, folder / which, **kw)
        else:
            made = FreeRadius(net.www, ADDRESS, folder / which, **kw)
            client_certificate(folder / which)
        kept.append(made)
        return made.start()
    yield start
    for j in kept:
        j.kill()


def client_certificate(folder):
    if (folder / "cli.pem").exists():
        return
    for command in ("req -newkey rsa:2048 -nodes -subj /CN=alice -keyout cli.key -out cli.csr",
                    "x509 -req -in cli.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out cli.pem"):
        subprocess.run(f"openssl {command}", shell=True, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def carrier(start_server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    return start_server({"ppp": {"auth": "eap"}, "auth": {"sources": "radius"},
                         "radius": {"servers": ADDRESS, "secret_file": secret, "timeout": "10s"}})


def options(j, auth, cert=False, trust=True):
    given = ["--auth", auth]
    if trust and auth in ("eap-tls", "peap"):
        given += ["--eap-ca", f"{j.folder}/ca.pem", "--eap-name", NAME]
    if cert:
        given += ["--cert", f"{j.folder}/cli.pem", "--key", f"{j.folder}/cli.key"]
    return given


def passes(net, connect, server, j, auth, *more, cert=False, bound="3190 SSTP_BINDING_OK"):
    before = len(server.err)
    client = connect(*PLAIN, *options(j, auth, cert), *more, user="alice")
    assert net.cli.ping(client.peer, 1) == 1
    assert bound in server.err[before:], server.story()
    assert client.stop() == 0


def is_refused(connect, *arguments, password=PASSWORD):
    client = connect(*PLAIN, *arguments, user="alice", password=password, wait=False)
    assert client.wait_exit(30) == 19, client.story()
    return client.err


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_eap_tls_at_hostapd(net, judge, carrier, connect, tls):
    j = judge("hostapd", tls=tls)
    passes(net, connect, carrier, j, "eap-tls", cert=True)
    assert f"SSL: Using TLS version TLSv{tls}" in j.log


def test_eap_tls_in_small_pieces(net, judge, carrier, connect):
    passes(net, connect, carrier, judge("hostapd", fragment=150), "eap-tls", cert=True)


@pytest.mark.parametrize("auth, bound", [("eap-mschapv2", "3190 SSTP_BINDING_OK"), ("eap-md5", "3191 ")])
def test_passwords_at_hostapd(net, judge, carrier, connect, auth, bound):
    passes(net, connect, carrier, judge("hostapd"), auth, bound=bound)


def test_peap_at_hostapd_with_its_binding(net, judge, carrier, connect):
    j = judge("hostapd")
    passes(net, connect, carrier, j, "peap")
    assert "EAP-PEAP: Valid cryptobinding TLV received" in j.log, j.log
    passes(net, connect, carrier, j, "peap", cert=True)
    assert "EAP-PEAP: Phase2 type Nak'ed" in j.log, j.log


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_eap_tls_at_freeradius(net, judge, carrier, connect, tls):
    j = judge("freeradius", eap="tls", tls=tls)
    passes(net, connect, carrier, j, "eap-tls", cert=True)


def test_passwords_at_freeradius(net, judge, carrier, connect):
    passes(net, connect, carrier, judge("freeradius"), "eap-mschapv2")


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_peap_at_freeradius_which_sends_no_binding(net, judge, carrier, connect, tls):
    j = judge("freeradius", eap="peap", tls=tls)
    said = is_refused(connect, *options(j, "peap"))
    assert "4118 AUTH_EAP_SERVER_BINDING" in said and "the server sent none" in said and "--peap-binding optional" in said, said
    passes(net, connect, carrier, j, "peap", "--peap-binding", "optional")


@pytest.mark.parametrize("which", ["hostapd", "freeradius"])
def test_a_wrong_password(judge, carrier, connect, which):
    j = judge(which, **({"eap": "peap"} if which == "freeradius" else {}))
    for auth in ("eap-mschapv2", "peap"):
        said = is_refused(connect, *options(j, auth), "--peap-binding", "optional", password="wrong")
        assert "4102 AUTH_FAILED" in said, said
        assert which == "freeradius" or "E=691" in said, said  # that one sends the Failure alone
        carrier.wait_log("AUTH_RADIUS_REJECTED")


@pytest.mark.parametrize("which", ["hostapd", "freeradius"])
def test_a_foreign_server_certificate(judge, carrier, connect, folder, which):
    j = judge(which, **({"eap": "tls"} if which == "freeradius" else {}))
    certificate = options(j, "eap-tls", cert=True, trust=False)
    other = Hostapd(None, folder / "other")  # certificates of another authority
    for wrong in (("--eap-ca", f"{other.folder}/ca.pem", "--eap-name", NAME),
                  ("--eap-ca", f"{j.folder}/ca.pem", "--eap-name", "elsewhere.test")):
        said = is_refused(connect, *certificate, *wrong)
        assert "4115 AUTH_EAP_SERVER_CERT" in said, said
        said = is_refused(connect, "--auth", "peap", *wrong)
        assert "4115 AUTH_EAP_SERVER_CERT" in said, said


def test_a_certificate_that_the_judge_does_not_know(judge, carrier, connect, folder):
    j = judge("freeradius", eap="tls")  # a bare Failure, no alert; so does hostapd
    other = Hostapd(None, folder / "other")
    said = is_refused(connect, *options(j, "eap-tls"), "--cert", f"{other.folder}/cli.pem", "--key",
                      f"{other.folder}/cli.key")
    assert "4107 AUTH_REFUSED" in said and "it gives no reason" in said, said
