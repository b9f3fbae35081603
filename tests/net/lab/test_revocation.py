# SPDX-License-Identifier: Apache-2.0
"""
Whether a certificate was revoked: whom the diagnosis asks, and which answers count.

        cli                      rtr                      srv
    culvert diagnose ---------------------------- a web server with the certificate
    (and a web server on                |
     every address of cli)             www    lists and responders

(Drawing with addresses: tests/conftest.py.)
"""

import json
import os

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import servers
from certificates import Authority, nonce_of, ocsp_response
from faults import CLI, SRV, WWW, Lab
from harness import program

LIST, RESPONDER = f"http://{WWW}/lab.crl", f"http://{WWW}/ocsp"
NOT_REVOKED, REVOKED = "not revoked (signature verified)", ": revoked (signature verified)"


@pytest.fixture
def lab(net, fresh_state, binary):
    lab = Lab(net, fresh_state, binary)
    yield lab
    lab.undo()


class Web:
    """Answers what `answer(head, body)` returns; remembers what it was asked."""

    def __init__(self, lab, address, port, answer, host):
        self.asked, self._answer = [], answer
        lab.listen(self._serve, port=port, address=address, host=host)

    def _serve(self, connection):
        head = servers.read_head(connection)
        head, _, body = head.partition("\r\n\r\n")
        self.asked.append(head.split("\r\n")[0])
        for line in head.split("\r\n"):
            if line.lower().startswith("content-length:"):
                want = int(line.split(":")[1])
                while len(body) < want:
                    body += connection.recv(4096).decode("latin-1")
        answer = self._answer(head, body.encode("latin-1"))
        if isinstance(answer, bytes):
            answer = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n").encode() + answer
        else:
            answer = answer[0]
        connection.sendall(answer)


def web(lab, answer, port=80):
    return Web(lab, WWW, port, answer, lab.net.www)


def serve(lab, certificate, key, chain=()):
    """SSTP is not needed here: what answers is a web server with this certificate."""
    lab.https(servers.says(servers.answer("404 Not Found")), lab.pki.files(certificate, key, chain))


def tls_probe(lab, *extra, trust="--ca"):
    """({fact: value}, {finding: found}, {finding: weight}) of the TLS probe."""
    arguments = ["diagnose", lab.host, "--timeout", "2", "--json", *lab.arguments, *extra]
    environment = program.environment()
    if trust == "--ca":
        arguments += ["--ca", lab.ca]
    elif trust:
        environment["SSL_CERT_FILE"] = trust
    r = program.subprocess.run(lab.net.cli.argv(lab.binary, *arguments), env=environment,
                               stdin=program.subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=60)
    assert "Sanitizer" not in r.stderr and "runtime error" not in r.stderr, r.stderr
    report = json.loads(r.stdout)
    probe = next(p for p in report["probes"] if p["probe"] == "tls")
    found = [f for f in report["findings"] if f["probe"] == "tls"]
    return ({f["name"]: f["value"] for f in probe["facts"]}, {f["name"]: f["found"] for f in found},
            {f["name"]: f["weight"] for f in found})


def does_not_count(seen, fact, why):
    facts, found, _ = seen
    assert "does not count" in facts[fact] and why in facts[fact], facts
    assert "CERT_REVOCATION_OFFLINE" in found and "CERT_REVOKED" not in found, found
    assert NOT_REVOKED not in facts[fact]


# --- lists


def listed(lab, octets, **kw):
    """octets(certificate) is what the place of the list answers; returns what was seen."""
    certificate, key = lab.pki.root.leaf(crl=LIST, **kw)
    web(lab, lambda head, body: octets(certificate))
    serve(lab, certificate, key)
    return tls_probe(lab)


def test_a_good_list(lab):
    facts, found, _ = listed(lab, lambda c: lab.pki.root.crl())
    assert facts["revocation list"] == f"{LIST}: {NOT_REVOKED}"
    assert not [n for n in found if "REVO" in n]


def test_a_list_that_has_it(lab):
    facts, found, _ = listed(lab, lambda c: lab.pki.root.crl(c))
    assert REVOKED in facts["revocation list"] and "CERT_REVOKED" in found


def impostor(lab):
    """Another key under the issuer's name."""
    return Authority("Lab Root")


@pytest.mark.parametrize("revoked", [False, True])
def test_a_list_signed_by_another_key_says_nothing(lab, revoked):
    does_not_count(listed(lab, lambda c: impostor(lab).crl(*([c] if revoked else []))),
                   "revocation list", "signature failure")


def test_a_list_of_another_issuer_says_nothing(lab):
    does_not_count(listed(lab, lambda c: lab.pki.stranger.crl(c)), "revocation list", "")


@pytest.mark.parametrize("days, why", [((-9, -1), "expired"), ((1, 9), "not yet valid")])
def test_a_list_out_of_its_time_says_nothing(lab, days, why):
    does_not_count(listed(lab, lambda c: lab.pki.root.crl(days=days)), "revocation list", why)


def test_what_an_old_list_has_stays_revoked(lab):
    assert "CERT_REVOKED" in listed(lab, lambda c: lab.pki.root.crl(c, days=(-9, -1)))[1]


@pytest.mark.parametrize("octets", [b"", b"no list at all", b"\x30\x84\xff\xff\xff\xff"],
                         ids=["empty", "text", "cut"])
def test_what_is_no_list_says_nothing(lab, octets):
    does_not_count(listed(lab, lambda c: octets), "revocation list", "no revocation list")


def test_a_list_under_an_intermediate(lab):
    certificate, key = lab.pki.middle.leaf(crl=LIST)
    web(lab, lambda head, body: lab.pki.middle.crl(certificate))
    serve(lab, certificate, key, [lab.pki.middle])
    assert "CERT_REVOKED" in tls_probe(lab)[1]


def scope(**what):
    words = {"full_name": None, "relative_name": None, "only_contains_user_certs": False,
             "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
             "only_contains_attribute_certs": False, **what}
    return x509.IssuingDistributionPoint(**words), True


DELTA = x509.DeltaCRLIndicator(1), True
FRESHEST = x509.FreshestCRL([x509.DistributionPoint(
    [x509.UniformResourceIdentifier(f"http://{WWW}/delta.crl")], None, None, None)]), False
SOME = frozenset({x509.ReasonFlags.key_compromise})


@pytest.mark.parametrize("has_it", [False, True], ids=["without it", "with it"])
@pytest.mark.parametrize("extension, leaf, why", [
    (DELTA, {}, "it is a delta list"), (scope(indirect_crl=True), {}, "it is an indirect list"),
    (None, {"list_issuer": True}, "it is an indirect list"),
    (scope(only_some_reasons=SOME), {}, "some reasons of revocation only"),
], ids=["delta", "indirect", "another issuer's", "some reasons"])
def test_a_kind_of_list_that_is_not_read_says_so(lab, extension, leaf, why, has_it):
    """Neither revoked nor not revoked: a delta without its base, or a list of several issuers."""
    if leaf:
        leaf = {"list_issuer": lab.pki.stranger.subject}
    facts, found, weight = listed(lab, lambda c: lab.pki.root.crl(
        *([c] if has_it else []), extensions=[extension] if extension else []), **leaf)
    assert facts["revocation list"].startswith("not checked, because ") and why in found[
        "CERT_REVOCATION_UNCHECKED"], (facts, found)
    assert weight["CERT_REVOCATION_UNCHECKED"] == "note"
    assert not {"CERT_REVOKED", "CERT_REVOCATION_OFFLINE"} & set(found), found


@pytest.mark.parametrize("extension", [DELTA, scope(indirect_crl=True)], ids=["delta", "indirect"])
def test_a_forged_list_is_not_excused_by_its_kind(lab, extension):
    does_not_count(listed(lab, lambda c: impostor(lab).crl(extensions=[extension])),
                   "revocation list", "")


@pytest.mark.parametrize("extensions, leaf", [
    ([FRESHEST], {}), ([], {"freshest": f"http://{WWW}/delta.crl"})], ids=["list", "certificate"])
def test_a_list_that_has_a_delta_besides_proves_only_what_is_in_it(lab, extensions, leaf):
    facts, found, _ = listed(lab, lambda c: lab.pki.root.crl(extensions=extensions), **leaf)
    assert "a newer delta list" in found["CERT_REVOCATION_UNCHECKED"], found
    assert NOT_REVOKED not in facts["revocation list"]
    lab.undo()
    facts, found, _ = listed(lab, lambda c: lab.pki.root.crl(c, extensions=extensions), **leaf)
    assert REVOKED in facts["revocation list"] and "CERT_REVOKED" in found


# --- how it is fetched


def raw(text):
    return lambda certificate: (text.encode(),)


@pytest.mark.parametrize("answer, why", [
    ("HTTP/1.1 302 Found\r\nLocation: http://203.0.113.2:8000/other.crl\r\n\r\n", "redirects (HTTP 302)"),
    ("HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", ""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "large"),
    ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "large"),
    ("SSH-2.0-OpenSSH\r\n\r\n", ""),
], ids=["redirect", "404", "cut short", "too long", "negative", "no http"])
def test_an_answer_that_is_none(lab, answer, why):
    other = web(lab, lambda head, body: lab.pki.root.crl(), port=8000)
    facts, found, weight = listed(lab, raw(answer))
    assert why in facts["revocation list"], facts
    assert weight["CERT_REVOCATION_OFFLINE"] == "warning"
    assert not other.asked, "it followed"


def test_places_of_an_untrusted_certificate_are_not_asked(lab):
    for authority, kw in ((lab.pki.stranger, {}), (lab.pki.root, {"days": (-30, -1)}),
                          (lab.pki.root, {"name": "www.example"}),
                          (lab.pki.root, {"usage": ExtendedKeyUsageOID.CLIENT_AUTH})):
        certificate, key = authority.leaf(crl=LIST, responder=RESPONDER, **kw)
        asked = web(lab, lambda head, body: lab.pki.stranger.crl())
        serve(lab, certificate, key)
        for extra in ([], ["--insecure"]):
            facts, found, weight = tls_probe(lab, *extra)
            assert facts["revocation"].startswith("not checked, because "), facts
            assert weight["CERT_REVOCATION_UNCHECKED"] == "note"
        assert not asked.asked, asked.asked
        lab.undo()


FORBIDDEN = {
    "127.0.0.1": "this machine", "127.1.2.3": "this machine", "0.0.0.0": "no address of a host",
    CLI: "this machine", "169.254.1.1": "link-local", "224.0.0.1": "multicast",
    "255.255.255.255": "no address of a host", "[::1]": "this machine", "[::]": "no address of a host",
    "[fe80::1]": "link-local", "[ff02::1]": "multicast", "[::ffff:127.0.0.1]": "this machine",
    f"[::ffff:{CLI}]": "this machine", "[2002:7f00:1::]": "this machine",
    "[64:ff9b::127.0.0.1]": "this machine", f"[64:ff9b::{CLI}]": "this machine",
    "localhost": "this machine",
}


@pytest.mark.parametrize("where", FORBIDDEN)
def test_this_machine_and_its_link_are_never_asked(lab, where):
    own = Web(lab, "0.0.0.0", 8080, lambda head, body: lab.pki.root.crl(), lab.net.cli)
    certificate, key = lab.pki.root.leaf(crl=f"http://{where}:8080/lab.crl")
    serve(lab, certificate, key)
    facts, found, weight = tls_probe(lab)
    assert "is not asked: it leads to " in facts["revocation list"], facts
    assert FORBIDDEN[where] in facts["revocation list"], facts
    assert "CERT_REVOCATION_UNCHECKED" in found
    assert not own.asked, own.asked


@pytest.mark.parametrize("path", [
    "http://203.0.113.2/a\r\nX-Injected: 1", "http://203.0.113.2/a b", "http://user@203.0.113.2/a",
    "http://203.0.113.2:0/a", "http://203.0.113.2:99999/a", "http://203.0.113.2:80x/a", "http:///a",
    "http://[203.0.113.2]/a", "http://203.0.113.2\\@127.0.0.1/"])
def test_a_url_that_is_none_is_not_asked(lab, path):
    asked = web(lab, lambda head, body: lab.pki.root.crl())
    certificate, key = lab.pki.root.leaf(crl=path)
    serve(lab, certificate, key)
    assert "no URL of plain HTTP" in tls_probe(lab)[0]["revocation list"]
    assert not asked.asked, asked.asked


def test_a_private_place_is_asked_only_when_the_user_named_the_ca(lab):
    lab.net.www.ip("address add 10.7.7.7/32 dev lo")
    lab.later(lab.net.www.ip, "address del 10.7.7.7/32 dev lo")
    lab.net.rtr.ip("route add 10.7.7.7/32 via 203.0.113.2")
    lab.later(lab.net.rtr.ip, "route del 10.7.7.7/32")
    inside = Web(lab, "10.7.7.7", 80, lambda head, body: lab.pki.root.crl(), lab.net.www)
    certificate, key = lab.pki.root.leaf(crl="http://10.7.7.7/lab.crl")
    serve(lab, certificate, key)
    facts, found, _ = tls_probe(lab, trust=lab.ca)
    assert "a private address" in facts["revocation list"] and not inside.asked, facts
    assert "CERT_REVOCATION_UNCHECKED" in found
    assert NOT_REVOKED in tls_probe(lab)[0]["revocation list"]
    assert inside.asked == ["GET /lab.crl HTTP/1.0"]


def test_a_name_is_judged_by_where_it_leads(lab):
    own = Web(lab, "0.0.0.0", 80, lambda head, body: lab.pki.root.crl(), lab.net.cli)
    there = web(lab, lambda head, body: lab.pki.root.crl())
    certificate, key = lab.pki.root.leaf(crl="http://crl.lab.example/lab.crl")
    serve(lab, certificate, key)
    lab.resolv(WWW)
    lab.names(WWW, names={"crl.lab.example": ["127.0.0.1", CLI]})
    assert "is not asked" in tls_probe(lab)[0]["revocation list"]
    lab.names(WWW, names={"crl.lab.example": ["127.0.0.1", WWW]})
    assert NOT_REVOKED in tls_probe(lab)[0]["revocation list"]
    assert there.asked and not own.asked


# --- OCSP


def responded(lab, answer, staple=False):
    """answer(certificate, nonce) is what the responder says, or what is stapled."""
    certificate, key = lab.pki.root.leaf(responder=None if staple else RESPONDER)
    if staple:
        paths = lab.pki.files(certificate, key)
        path = os.path.join(lab.folder, "staple.der")
        with open(path, "wb") as f:
            f.write(answer(certificate, None))
        os.chmod(path, 0o644)
        os.chmod(lab.folder, 0o755)
        if staple == "openssl":  # staples what our own server would not
            lab.start("openssl", "s_server", "-accept", f"{SRV}:443", "-cert", paths[0], "-key",
                      paths[1], "-status_file", path, "-rev", ready=(SRV, 443))
            lab.uses_server = False
        else:
            lab.serve(paths, tls={"ocsp": path})
    else:
        web(lab, lambda head, body: answer(certificate, nonce_of(body)))
        serve(lab, certificate, key)
    return tls_probe(lab)


def by_root(lab, **kw):
    return lambda c, nonce: ocsp_response(lab.pki.root, c, nonce=nonce, **kw)


def delegate(lab, usage=ExtendedKeyUsageOID.OCSP_SIGNING, authority=None, days=(-1, 90)):
    """A responder's certificate, and an answer signed by it."""
    certificate, key = (authority or lab.pki.root).leaf(name="responder.example", usage=usage,
                                                        days=days)
    return lambda c, nonce, **kw: ocsp_response(
        lab.pki.root, c, signer=(certificate, key), nonce=nonce, certificates=[certificate], **kw)


@pytest.mark.parametrize("staple", [False, True], ids=["asked", "stapled"])
@pytest.mark.parametrize("make, want", [
    (by_root, NOT_REVOKED), (lambda lab: by_root(lab, status="REVOKED"), REVOKED),
    (delegate, NOT_REVOKED)], ids=["good", "revoked", "by a responder"])
def test_responses_that_count(lab, make, want, staple):
    fact = "revocation (stapled)" if staple else "revocation (OCSP)"
    facts, found, _ = responded(lab, make(lab), staple)
    assert want in facts[fact], facts
    assert ("CERT_REVOKED" in found) == (want == REVOKED), found


def test_a_response_without_a_nonce_counts_by_its_dates(lab):
    answer = lambda c, nonce: ocsp_response(lab.pki.root, c)
    assert NOT_REVOKED in responded(lab, answer)[0]["revocation (OCSP)"]
    lab.undo()
    answer = lambda c, nonce: ocsp_response(lab.pki.root, c, days=(-3, None))
    does_not_count(responded(lab, answer), "revocation (OCSP)", "out of date")
    lab.undo()
    answer = lambda c, nonce: ocsp_response(lab.pki.root, c, nonce=nonce, days=(0, None))
    assert NOT_REVOKED in responded(lab, answer)[0]["revocation (OCSP)"]


def _signed_by(lab, authority):
    return lambda c, nonce: ocsp_response(
        lab.pki.root, c, "REVOKED", signer=(authority.certificate, authority.key), nonce=nonce,
        certificates=[authority.certificate])


SIGNED = "neither the issuer nor a responder that it certified"
BAD = {
    "by an impostor": (lambda lab: _signed_by(lab, impostor(lab)), SIGNED),
    "by a stranger": (lambda lab: _signed_by(lab, lab.pki.stranger), SIGNED),
    "by a server's certificate": (lambda lab: delegate(lab, ExtendedKeyUsageOID.SERVER_AUTH), SIGNED),
    "by a stranger's responder": (lambda lab: delegate(lab, authority=lab.pki.stranger), SIGNED),
    "by a sub-CA's responder": (lambda lab: delegate(lab, authority=lab.pki.middle), SIGNED),
    "by an expired responder": (lambda lab: delegate(lab, days=(-30, -1)), SIGNED),
    "about another certificate": (lambda lab: by_root(lab, about=lab.pki.root.leaf()[0]),
                                  "about another certificate"),
    "old": (lambda lab: by_root(lab, days=(-9, -2)), "out of date"),
    "of tomorrow": (lambda lab: by_root(lab, days=(1, 2)), "out of date"),
    "unknown": (lambda lab: by_root(lab, status="UNKNOWN"), "does not know"),
    "no response": (lambda lab: lambda c, n: b"<html>", "no OCSP response"),
    "try later": (lambda lab: lambda c, n: bytes.fromhex("30030a0103"), "trylater"),
}


@pytest.mark.parametrize("case", BAD)
def test_responses_that_do_not_count(lab, case):
    make, why = BAD[case]
    does_not_count(responded(lab, make(lab)), "revocation (OCSP)", why)


def test_an_answer_to_another_request_does_not_count(lab):
    answer = lambda c, nonce: ocsp_response(lab.pki.root, c, nonce=b"0123456789abcdef")
    does_not_count(responded(lab, answer), "revocation (OCSP)", "nonce")


@pytest.mark.parametrize("case, server", [("by an impostor", "own"),
                                          ("about another certificate", "openssl")])
def test_stapled_responses_that_do_not_count(lab, case, server):
    make, why = BAD[case]
    does_not_count(responded(lab, make(lab), staple=server), "revocation (stapled)", why)
