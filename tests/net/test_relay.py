# SPDX-License-Identifier: Apache-2.0
"""
A relay that ends TLS with a certificate that the client trusts: what server, client and diagnosis say
of the crypto binding. They say no more than they know.

        cli ── TLS ──▶ 192.0.2.1:443 harness.relay ── TLS ──▶ 127.0.0.1:8443 culvert serve     (srv)

(Drawing of the hosts: tests/conftest.py.)
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

import pytest

from harness import program
from harness.certificate import make_certificate
from harness.program import PASSWORD, USER
from harness.relay import Relay

sys.path.append(os.path.join(os.path.dirname(__file__), "lab"))
import servers  # noqa: E402

QUIET = ("--no-default-route", "--no-dns", "--verbose")
INSIDE = "127.0.0.1:8443"
METHODS = {"pap": "pap", "chap": "chap"}
VERIFIED, UNKEYED, IGNORED = "3190 SSTP_BINDING_OK", "3191 SSTP_BINDING_UNKEYED", \
    "3192 SSTP_BINDING_IGNORED"


@pytest.fixture
def mitm(net, start_server, state, tmp_path):
    """mitm(binding=, auth=, **what the relay does) -> (server, relay); the client trusts tmp_path/ca.pem."""
    made = [servers.NameServer(net.www, "203.0.113.2")]  # the one that the server hands out
    made[0].set(names={"vpn.example": ["192.0.2.1"]})

    def start(binding="required", auth="mschapv2", **what):
        server = start_server({"sstp": {"binding": binding}, "ppp": {"auth": auth},
                               "tunnel": {"dns": "203.0.113.2"}}, listen=INSIDE)
        own = make_certificate(tmp_path)
        with open(tmp_path / "ca.pem", "w") as ca:
            ca.write(open(own[0]).read() + open(server.certificate).read())
        made.append(Relay(net.srv, ("192.0.2.1", 443), ("127.0.0.1", 8443), own, **what))
        return server, made[-1]
    yield start
    for one in made:
        one.close()


@pytest.fixture
def dial(connect, tmp_path, binary, state):
    def start(*extra, method="mschapv2", **kw):
        if method == "chap":
            program.run(binary, "user", "passwd", USER, "--password-stdin", "--reversible",
                        "--state", state, stdin=PASSWORD + "\n")
        return connect("--ca", str(tmp_path / "ca.pem"), "--auth", method, *QUIET, *extra,
                       trust=False, **kw)
    return start


@pytest.fixture
def diagnose(net, binary, tmp_path):
    def run(*extra, form="--json"):
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write(PASSWORD + "\n")
            secret.flush()
            r = subprocess.run(net.cli.argv(
                binary, "diagnose", f"{USER}@vpn.example", "--ca", str(tmp_path / "ca.pem"),
                "--password-file", secret.name, "--timeout", "3", *([form] if form else []), *extra),
                capture_output=True, text=True, timeout=120, env=program.environment())
        assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
        return json.loads(r.stdout) if form == "--json" else r.stdout
    return run


def not_verified(server, client):
    """Nobody has claimed it."""
    assert VERIFIED not in server.err, server.story()
    for word in ("verified", "nobody stands", "proven"):
        assert word not in client.err + client.out, client.story()


# --- the server


def test_a_required_binding_ends_the_call_and_the_client_names_it(mitm, dial):
    server, _ = mitm()
    client = dial(wait=False)
    assert client.wait_exit() == 17, client.story()
    server.wait_log("3107 SSTP_BINDING_MISMATCH")
    not_verified(server, client)
    assert "connected" not in client.out
    assert "CALL_ABORT with attribute SSTP_ATTRIB_CRYPTO_BINDING (3), status " in client.err
    assert "VALUE_NOT_SUPPORTED (0x00000004)" in client.err, client.story()


def test_an_optional_one_lets_it_go_on_and_says_what_is_wrong(mitm, dial, binary, state, net):
    server, _ = mitm(binding="optional")
    client = dial()
    server.wait_log(f'{IGNORED}.* user="{USER}" hash=SHA-256 fault=3107 SSTP_BINDING_MISMATCH')
    not_verified(server, client)
    assert "sent with the login's key; whether it holds is for the server to judge" in client.err
    assert client.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("relayed", [False, True], ids=["direct", "relayed"])
def test_a_login_without_a_key_is_never_called_verified(
        mitm, dial, start_server, tmp_path, method, relayed):
    """A relay that computes hash and MAC again passes even where the binding is required."""
    if relayed:
        server, _ = mitm(auth=METHODS[method], zero_key=True)
    else:
        server = start_server({"ppp": {"auth": METHODS[method]}})
        (tmp_path / "ca.pem").write_text(open(server.certificate).read())
    client = dial(method=method)
    server.wait_log(f'{UNKEYED}.* user="{USER}"')
    not_verified(server, client)
    assert "sent without a key" in client.err
    assert client.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("method", METHODS)
def test_an_optional_binding_without_a_key_that_is_wrong_besides(mitm, dial, method):
    server, _ = mitm(binding="optional", auth=METHODS[method])
    client = dial(method=method)
    server.wait_log(f"{IGNORED}.* fault=3107 SSTP_BINDING_MISMATCH")
    not_verified(server, client)
    assert client.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("binding", ["required", "optional"])
def test_a_relay_without_the_key_cannot_compute_the_mac(mitm, dial, binding):
    server, _ = mitm(binding=binding, zero_key=True)
    client = dial(wait=binding == "optional")
    if binding == "required":
        assert client.wait_exit() == 17, client.story()
        server.wait_log("3104 SSTP_BINDING_MAC")
    else:
        server.wait_log(f"{IGNORED}.* fault=3104 SSTP_BINDING_MAC")
    not_verified(server, client)


def test_the_direct_way_is_verified(start_server, dial, tmp_path):
    server = start_server()
    (tmp_path / "ca.pem").write_text(open(server.certificate).read())
    client = dial()
    server.wait_log(f'{VERIFIED}.* user="{USER}" hash=SHA-256')
    assert client.stop(signal.SIGTERM) == 0


# --- the client


@pytest.mark.parametrize("said, name", [
    ((0, 5), "attribute SSTP_ATTRIB_NO_ERROR (0), status "),
    ((2, 7), "attribute SSTP_ATTRIB_STATUS_INFO (2), status "),
    ((200, 0xDEAD), "attribute unknown (200), status unknown (0x0000dead)"),
])
def test_an_abort_that_names_something_else_leads_to_a_guess(mitm, dial, said, name):
    """As accel-ppp says it: neither the attribute nor the status names the binding."""
    mitm(abort_as=said)
    client = dial(wait=False)
    assert client.wait_exit() == 16, client.story()
    assert f"CALL_ABORT with {name}" in client.err, client.story()
    assert "after the crypto binding was sent and before any data came; a guess: the server " \
        "refuses the binding" in client.err, client.story()
    assert "the certificate seen here has SHA-256 " in client.err


def test_a_connection_that_just_ends_after_the_binding_leads_to_the_guess(mitm, dial):
    mitm(strip={"CALL_ABORT"}, cut_after=0.5)
    client = dial(wait=False)
    assert client.wait_exit() != 0
    assert "a guess: the server refuses the binding" in client.err, client.story()


def test_an_end_after_data_says_nothing_of_the_binding(mitm, dial, net):
    server, _ = mitm(binding="optional", cut_after=3)
    client = dial()
    assert net.cli.ping(client.peer, 1) == 1
    assert client.wait_exit() != 0
    assert "guess" not in client.err, client.story()


# --- the diagnosis


def not_well(report, *names):
    assert report["outcome"] == "failed", report
    assert report["findings"][0]["name"] in names, report["findings"]
    assert report["exit_code"] != 0
    words = json.dumps(report)
    for claim in ("not refused", "verified"):
        assert claim not in words, claim


REFUSED, GUESSED = "SSTP_BINDING_REFUSED", "PROBE_BINDING_OFFLOAD"


@pytest.mark.parametrize("what, name", [
    ({}, REFUSED),
    ({"delay": 0.7}, REFUSED),
    ({"abort_as": (0, 5)}, GUESSED),
    ({"strip": {"CALL_ABORT"}, "cut_after": 1}, GUESSED),
], ids=["plain", "slow", "other status", "closed without a word"])
def test_a_refused_binding_is_never_called_well(mitm, diagnose, what, name):
    server, _ = mitm(**what)
    report = diagnose()
    not_well(report, name)
    server.wait_log("3107 SSTP_BINDING_MISMATCH")


def test_a_refusal_that_is_swallowed_is_not_called_well(mitm, diagnose):
    server, _ = mitm(strip={"CALL_ABORT"})
    report = diagnose()
    assert report["outcome"] != "ok", report
    assert "not refused" not in json.dumps(report)
    server.wait_log("3107 SSTP_BINDING_MISMATCH")


@pytest.mark.parametrize("binding", ["required", "optional"])
def test_a_relay_that_computes_a_binding_without_a_key_is_no_proof(mitm, diagnose, binding):
    """PAP gives the binding no key, so any relay can make it; the diagnosis claims nothing of it."""
    mitm(binding=binding, auth="pap", zero_key=True)
    for form in ("--json", None):
        report = diagnose("--auth", "pap", form=form)
        words = json.dumps(report) if form else report
        assert "PROBE_BINDING_WITHOUT_KEY" in words and "not refused" not in words, words
        assert "verified" not in words
        assert report["outcome"] != "ok" if form else "All that was measured is well" not in words


def test_the_text_says_it_too(mitm, diagnose):
    mitm()
    out = diagnose(form=None)
    assert "All that was measured is well" not in out and "not refused" not in out, out
    assert "First broken layer: binding" in out


def sent_is_no_proof(report, seen):
    """Through a relay a server with binding = optional lets the call go on: said as it was seen."""
    facts = {f["name"]: f["value"] for p in report["probes"] for f in p["facts"]}
    assert facts["crypto binding"] == "sent by SHA-256; " + seen
    assert facts["binding checked"] == "not measured, because only the server knows"
    note = next(f for f in report["findings"] if f["name"] == "PROBE_BINDING_SENT")
    assert (note["weight"], note["found"]) == ("note", seen)
    assert "not refused" not in json.dumps(report)


def test_a_binding_that_was_let_through_is_not_called_taken(mitm, diagnose, tmp_path):
    server, _ = mitm(binding="optional")
    report = diagnose()
    assert report["outcome"] == "ok", report
    sent_is_no_proof(report, "the server answered an SSTP echo after it")
    server.wait_log("3192 SSTP_BINDING_IGNORED")
    page = str(tmp_path / "page.html")
    words = diagnose("--html", page, form=None)
    assert "note: The crypto binding was sent and the call went on. This does not prove" in words
    assert "not refused" not in words and "verified" not in words, words
    words = open(page).read()
    assert "This does not prove that the server checked the binding." in words
    assert "not refused" not in words


def test_a_server_that_answers_no_echo_is_judged_by_its_data(mitm, diagnose):
    mitm(binding="optional", strip={"ECHO_RESPONSE"})
    report = diagnose()
    assert report["outcome"] == "ok", report
    facts = {f["name"]: f["value"] for p in report["probes"] for f in p["facts"]}
    assert facts["crypto binding"] == "sent by SHA-256; data came after it"
    sent_is_no_proof(report, "data came after it")


def test_a_server_that_shows_no_sign_at_all_is_a_warning(mitm, diagnose):
    mitm(binding="optional", strip={"ECHO_RESPONSE", "IP"})
    report = diagnose()
    assert "PROBE_BINDING_UNKNOWN" in [f["name"] for f in report["findings"]], report
    assert "not refused" not in json.dumps(report)


def test_a_call_that_ends_some_seconds_later_is_not_well(mitm, diagnose):
    mitm(binding="optional", cut_after=2)
    report = diagnose("--speed=4")
    assert report["outcome"] == "failed", report
    assert "the call ended within" in report["findings"][0]["found"]
    assert report["findings"][0]["probe"] == "tunnel"


def test_a_relay_in_front_of_ipv6_alone(mitm, diagnose, net):
    """IPv6 comes up first; that is no sign that the binding was taken."""
    server, relay = mitm()
    for _ in range(3):
        not_well(diagnose(), REFUSED)
    assert (True, "CALL_CONNECTED") in relay.seen and (False, "CALL_ABORT") in relay.seen
    assert VERIFIED not in server.err


# --- whose reason counts


@pytest.mark.parametrize("ending", ["CALL_DISCONNECT", "CALL_ABORT", None],
                         ids=["disconnect", "abort", "closed"])
def test_the_reason_of_lcp_outlives_the_end_of_the_call(net, connect, tmp_path, ending):
    """The server answers LCP's Terminate-Request with the end of the call, or of the connection."""
    own = make_certificate(tmp_path)
    listener = servers.Listener(net.srv, "192.0.2.1", 443, servers.over_tls(
        servers.context(*own), servers.Sstp("hangup", None, None, ending)))
    try:
        client = connect("--ca", own[0], *QUIET, trust=False, wait=False)
        assert client.wait_exit() == 18, client.story()
        assert "4009 LCP_AUTH_NOT_COMMON" in client.err, client.story()
    finally:
        listener.close()
