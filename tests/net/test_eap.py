"""
Our client logs in at our server by EAP, with the crypto binding required on both ends.
"""

import json
import os
import shlex
import subprocess

import pytest

from harness import program
from harness.authority import Authority
from harness.host import wait_for
from harness.program import PASSWORD, SLOW, USER

PLAIN = ("--no-default-route", "--no-dns")
EAP = {"ppp": {"auth": "eap-mschapv2 eap-md5 mschapv2"}}


@pytest.fixture
def reversible(state, binary):
    program.run(binary, "user", "add", "carol", "--password-stdin", "--reversible", "--state", state,
                stdin="Geheim-2\n")
    return "carol", "Geheim-2"


def test_eap_mschapv2_with_its_key_in_the_binding(net, start_server, connect):
    server = start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-mschapv2")
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_OK")
    server.wait_log("method=eap-mschapv2")
    assert client.stop() == 0


def test_eap_md5_yields_no_key_and_works_all_the_same(net, start_server, connect, reversible):
    server = start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-md5", user=reversible[0], password=reversible[1])
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_UNKEYED")


def test_a_wrong_password_is_said_in_eap_as_it_is_without(start_server, connect):
    start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-mschapv2", password="wrong", wait=False)
    assert client.wait_exit(30) == 19
    assert "4102 AUTH_FAILED" in client.err and "E=691" in client.err, client.err


def test_a_client_that_wants_another_method_is_told_which(start_server, connect):
    start_server({"ppp": {"auth": "eap-mschapv2"}})
    client = connect(*PLAIN, "--auth", "eap-md5", wait=False)
    assert client.wait_exit(30) == 19
    assert "EAP-MSCHAPv2; wanted here: EAP-MD5" in client.err, client.err


@pytest.mark.parametrize("auth", ["eap-mschapv2,mschapv2", "mschapv2,eap-mschapv2"])
def test_either_of_two_methods_will_do(start_server, connect, auth):
    for offered in ("eap-mschapv2", "mschapv2"):
        server = start_server({"ppp": {"auth": offered}})
        assert connect(*PLAIN, "--auth", auth).stop() == 0
        assert server.stop() == 0


# ---- certificates ----------------------------------------------------------------------------------

TLS = {"ppp": {"auth": "eap-tls"}}


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "p12-password"
    path.write_text("Geheim-1\n")
    return str(path)


@pytest.fixture
def ca(state, binary, tmp_path, secret):
    """`ca("revoke", USER)`; `ca.issue(USER)` gives the options for `culvert connect`."""
    def run(*words):
        return program.run(binary, "ca", *words, "--state", state)

    def issue(user, *options):
        file = str(tmp_path / f"{user}.p12")
        run("issue", user, "--out", file, "--p12-password-file", secret, *options)
        return "--p12", file, "--p12-password-file", secret

    run("init")
    run.issue = issue
    return run


@pytest.mark.parametrize("key", ["p256", "rsa"])
def test_eap_tls_with_our_own_authority(net, start_server, connect, ca, key):
    options = ca.issue(USER, "--key", key)
    server = start_server(TLS)
    client = connect(*PLAIN, "--auth", "eap-tls", *options)
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_OK")
    server.wait_log("method=eap-tls")
    assert client.stop() == 0


def refused(connect, server, event, *options, **how):
    """A login that the server refuses, with its event and the client's words for it."""
    client = connect(*PLAIN, "--auth", "eap-tls", *options, wait=False, **how)
    assert client.wait_exit(30) == 19, client.story()
    server.wait_log(event)
    return client


def test_the_certificate_gives_the_name(start_server, connect, ca, binary, state):
    """Whatever is typed before the @, the identity decides nothing."""
    options = ca.issue(USER)
    server = start_server(TLS)
    connect(*PLAIN, *options, user="mallory")
    server.wait_log(f'user="{USER}" method=eap-tls')


def test_a_revoked_certificate_and_a_user_who_is_none(start_server, connect, ca):
    options, ghost = ca.issue(USER), ca.issue("ghost")
    ca("revoke", USER)
    server = start_server(TLS)
    refused(connect, server, "AUTH_CERT_REVOKED", *options)
    refused(connect, server, "AUTH_CERT_UNKNOWN_USER", *ghost)


def test_certificates_of_another_authority(start_server, connect, ca, tmp_path, binary, state):
    corp = Authority(tmp_path)
    ca("import", corp.file, "--user-from", "upn,email", "--match", "*@corp.example", "--strip")
    stranger = Authority(tmp_path, "Stranger")
    server = start_server(TLS)
    for file in (corp.issue("x", upn=f"{USER}@corp.example", file="upn"),
                 corp.issue("x", email=f"{USER.upper()}@CORP.example", file="email")):
        assert connect(*PLAIN, "--cert", file).stop() == 0
    for event, file in (
            ("AUTH_CERT_NO_NAME", corp.issue(USER)),
            ("AUTH_CERT_NO_NAME", corp.issue("x", upn=f"{USER}@evil.example", file="elsewhere")),
            ("AUTH_CERT_EXPIRED", corp.issue("x", upn=f"{USER}@corp.example", days=(-9, -2), file="old")),
            ("AUTH_CERT_NOT_YET_VALID", corp.issue("x", upn=f"{USER}@corp.example", days=(2, 9), file="new")),
            ("AUTH_CERT_WRONG_USAGE", corp.issue("x", upn=f"{USER}@corp.example", usage="serverAuth",
                                                 file="server")),
            ("AUTH_CERT_UNKNOWN_CA", stranger.issue(USER, upn=f"{USER}@corp.example", file="stranger"))):
        client = refused(connect, server, event, "--cert", file)
        if event != "AUTH_CERT_NO_NAME":
            assert "4117 AUTH_EAP_CERT_REFUSED" in client.err, client.err


def test_a_certificate_of_an_intermediate_authority(start_server, connect, ca, tmp_path):
    root = Authority(tmp_path)
    below = Authority(tmp_path, "Corp Users", signed_by=root)
    ca("import", root.file, "--user-from", "cn", "--match", "*")
    start_server(TLS)
    connect(*PLAIN, "--cert", below.issue(USER))


def test_the_server_must_show_a_certificate_that_is_trusted(start_server, connect, ca, tmp_path):
    options = ca.issue(USER)
    start_server(TLS)
    other = Authority(tmp_path)
    for wrong in (("--eap-ca", other.file), ("--eap-name", "elsewhere.example")):
        client = connect(*PLAIN, *options, *wrong, wait=False)
        assert client.wait_exit(30) == 19
        assert "4115 AUTH_EAP_SERVER_CERT" in client.err, client.err


def test_keys_under_a_passphrase_and_wrong_files(start_server, connect, ca, tmp_path, secret):
    corp = Authority(tmp_path)
    ca("import", corp.file, "--user-from", "cn", "--match", "*")
    file = corp.issue(USER, passphrase="Geheim-1")
    start_server(TLS)
    connect(*PLAIN, "--cert", file, "--p12-password-file", secret)
    wrong = tmp_path / "wrong"
    wrong.write_text("falsch\n")
    p12 = ca.issue(USER)[1]
    for options, event in ((("--cert", file, "--p12-password-file", str(wrong)), "event 2234"),
                           (("--p12", p12, "--p12-password-file", str(wrong)), "event 2234"),
                           (("--p12", file, "--p12-password-file", secret), "event 2221"),
                           (("--cert", str(tmp_path / "none")), "event 2220")):
        client = connect(*PLAIN, *options, wait=False)
        assert client.wait_exit(30) in (14, 2)
        assert event in client.err, client.err
    for options in (("--auth", "eap-tls"), ("--key", file), ("--p12", p12, "--cert", file)):
        assert connect(*PLAIN, *options, wait=False).wait_exit(30) == 2


def at_a_terminal(host, folder, *command):
    """The command with a terminal of its own; (process, what was printed so far)."""
    path = os.path.join(folder, "terminal.txt")
    out = open(path, "w")
    p = host.popen("script", "-qefc", shlex.join(command), "/dev/null", stdin=subprocess.PIPE, stdout=out,
                   stderr=subprocess.STDOUT, env=program.environment())
    out.close()
    return p, lambda: open(path, errors="replace").read()


def test_an_expired_password_is_changed_in_the_login(net, start_server, connect, state, binary, tmp_path):
    auth = "eap-mschapv2"
    server = start_server({"ppp": {"auth": auth}})
    program.run(binary, "user", "set", USER, "must_change=yes", "--state", state)
    with open(tmp_path / "password", "w") as f:
        f.write(PASSWORD + "\n")
    p, said = at_a_terminal(
        net.cli, tmp_path, binary, "connect", f"{USER}@vpn.example", "--password-file", str(tmp_path / "password"),
        "--ca", os.path.join(state, "server.crt"), "--tun", "cv-cli", "--auth", auth, *PLAIN)
    try:
        for prompt in ("New password:", "Again:"):
            wait_for(lambda: prompt in said(), SLOW, f"{prompt} in {said()}\n{server.story()}")
            p.stdin.write("Neu-2 \u00e4\n".encode())
            p.stdin.flush()
        wait_for(lambda: "culvert: connected" in said(), SLOW, f"the tunnel: {said()}\n{server.story()}")
    finally:
        p.terminate()
        p.wait(SLOW)
    server.wait_log("AUTH_PASSWORD_CHANGED")
    server.wait_log("SSTP_BINDING_OK")
    assert connect(*PLAIN, "--auth", auth, password="Neu-2 \u00e4").stop() == 0
    assert connect(*PLAIN, "--auth", auth, wait=False).wait_exit(30) == 19  # the old one


# ---- what ends a session ---------------------------------------------------------------------------


def ends(client, server, event):
    assert client.wait_exit(30) != 0
    server.wait_log(event)


def test_a_revocation_ends_the_session(net, start_server, connect, ca):
    options = ca.issue(USER)
    server = start_server(TLS)
    client = connect(*PLAIN, *options)
    out = ca("revoke", USER)[1]
    assert "1 session ended" in out
    ends(client, server, "SESSION_CERT_REVOKED")
    refused(connect, server, "AUTH_CERT_REVOKED", *options)


def test_only_the_device_whose_thumbprint_is_revoked_goes(net, start_server, connect, ca, tmp_path, binary,
                                                          state):
    """Two laptops with one name in their certificates: an Azure gateway's users often share one CN."""
    root = Authority(tmp_path, "P2SRootCert", like_azure=True)
    ca("import", root.file, "--user-from", "cn", "--match", USER)
    a, b = root.issue(USER, file="a"), root.issue(USER, file="b")
    server = start_server(TLS)
    first = connect(*PLAIN, "--cert", a)
    second = connect(*PLAIN, "--cert", b, tun="cv-two")
    rows = json.loads(program.run(binary, "sessions", root.thumbprint("b"), "--json", "--state", state)[1])
    assert [r["certificate"]["authority"] for r in rows] == ["P2SRootCert"], rows
    third = connect(*PLAIN, "--cert", b, tun="cv-three")
    assert "2 sessions ended" in program.run(binary, "kick", root.thumbprint("b").upper(), "--state", state)[1]
    assert second.wait_exit(30) and third.wait_exit(30)
    second = connect(*PLAIN, "--cert", b, tun="cv-two")
    assert "1 session ended" in ca("revoke", "--thumbprint", root.thumbprint("a").upper())[1]
    ends(first, server, "SESSION_CERT_REVOKED")
    assert net.cli.ping(second.peer, 1) == 1
    assert "1 session ended" in ca("remove", "P2SRootCert")[1]
    ends(second, server, "SESSION_CERT_UNTRUSTED")


def test_a_changed_rule_ends_whom_it_does_not_let_in(start_server, connect, ca, tmp_path):
    corp = Authority(tmp_path)
    ca("import", corp.file)
    file = corp.issue("x")
    server = start_server(TLS)
    refused(connect, server, "AUTH_CERT_NO_NAME", "--cert", file, user=USER)
    ca("bind", USER, "--cert", file)
    client = connect(*PLAIN, "--cert", file)
    ca("unbind", USER, "--cert", file)
    ends(client, server, "SESSION_CERT_UNTRUSTED")


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_new_revocation_list_is_read_when_it_is_there(start_server, connect, ca, tmp_path, place):
    corp = Authority(tmp_path)
    lists = tmp_path / "lists"
    lists.mkdir()
    good, bad = corp.issue(USER, file="good"), corp.issue(USER, file="bad")
    corp.crl(file="lists/a.crl")
    ca("import", corp.file, "--user-from", "cn", "--match", "*", "--crl",
       str(lists if place == "folder" else lists / "a.crl"))
    server = start_server(TLS)
    stays, goes = connect(*PLAIN, "--cert", good), connect(*PLAIN, "--cert", bad, tun="cv-two")
    corp.crl("bad", file="lists/next", der=True)
    os.rename(lists / "next", lists / "a.crl")
    ends(goes, server, "SESSION_CERT_REVOKED")
    refused(connect, server, "AUTH_CERT_REVOKED", "--cert", bad, tun="cv-two")
    assert stays.running() and stays.stop() == 0


def test_a_list_that_is_required_must_be_there_and_in_its_time(start_server, connect, ca, tmp_path, binary,
                                                               state):
    corp = Authority(tmp_path)
    file, crl = corp.issue(USER), str(tmp_path / "list.crl")
    ca("import", corp.file, "--user-from", "cn", "--match", "*", "--crl", crl)
    server = start_server(TLS)
    server.wait_log("CA_CRL_MISSING")
    refused(connect, server, "AUTH_CERT_NO_LIST", "--cert", file)
    corp.crl(days=(-9, -2))
    program.run(binary, "reload", "--state", state)
    server.wait_log("CA_CRL_OLD")
    refused(connect, server, "AUTH_CERT_NO_LIST", "--cert", file)
    check = program.run(binary, "config", "check", "-o", f"server.state={state}", check=False)
    assert "past its nextUpdate" in check[1] + check[2], check
    ca("set", corp.name, "crl=use")
    assert connect(*PLAIN, "--cert", file).stop() == 0
    corp.crl(USER, days=(-9, -2))
    ca("set", corp.name, "crl=use")
    refused(connect, server, "AUTH_CERT_REVOKED", "--cert", file)
    ca("set", corp.name, "crl=off")
    assert connect(*PLAIN, "--cert", file).stop() == 0


def test_a_certificate_that_ends_takes_its_session_along(start_server, connect, ca, tmp_path):
    corp = Authority(tmp_path)
    ca("import", corp.file, "--user-from", "cn", "--match", "*")
    file = corp.issue(USER, days=(-1, 6 / 86400))
    server = start_server(TLS)
    client = connect(*PLAIN, "--cert", file)
    ends(client, server, "SESSION_CERT_EXPIRED")


def test_a_certificate_that_ends_soon_is_said_at_each_login(start_server, connect, ca, tmp_path):
    corp = Authority(tmp_path)
    ca("import", corp.file, "--user-from", "cn", "--match", "*")
    soon, later = corp.issue(USER, days=(-1, 29), file="soon"), corp.issue(USER, days=(-1, 40), file="later")
    server = start_server(TLS)
    assert connect(*PLAIN, "--cert", later).stop() == 0
    assert "AUTH_CERT_ENDS_SOON" not in server.err
    assert connect(*PLAIN, "--cert", soon).stop() == 0
    server.wait_log(rf"6065 AUTH_CERT_ENDS_SOON.*user=\"?{USER}\"? certificate={corp.thumbprint('soon')} hours=69")


def test_eap_tls_begins_when_the_first_authority_comes(start_server, connect, binary, state, tmp_path,
                                                       secret):
    server = start_server({"ppp": {"auth": "eap-tls mschapv2"}})
    connect(*PLAIN).stop()
    program.run(binary, "ca", "init", "--state", state)
    program.run(binary, "ca", "issue", USER, "--state", state, "--out", str(tmp_path / "u.p12"),
                "--p12-password-file", secret)
    connect(*PLAIN, "--p12", str(tmp_path / "u.p12"), "--p12-password-file", secret)
    server.wait_log("method=eap-tls")


def test_peap_with_its_binding_and_the_password_inside(net, start_server, connect):
    server = start_server({"ppp": {"auth": "eap-peap"}})
    client = connect(*PLAIN, "--auth", "peap")
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_OK")
    assert client.stop() == 0
    client = connect(*PLAIN, "--auth", "peap", password="wrong", wait=False)
    assert client.wait_exit(30) == 19
    assert "4102 AUTH_FAILED" in client.err, client.err
