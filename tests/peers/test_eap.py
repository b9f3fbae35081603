"""
Debian's eapol_test (the client of wpa_supplicant), which nobody here wrote, against the server's methods.

        eapol_test ---RADIUS---> eap_radius (tests/peers/eap_radius.c: aaa/eap/ behind a little RADIUS)

Both ends' whole MSK must be the same (eapol.sh compares all of it).
"""

import os
import subprocess

import pytest

from harness.host import wait_for
from harness.program import ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
SHIM = os.path.join(ROOT, "build-asan", "tests", "eap_radius")
PORT, SECRET = 21812, "testing123"
UPN = "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"


class Pki:
    def __init__(self, folder):
        self.folder = folder
        self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key")
        self.openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=Test CA", "-days", "9", "-out", "ca.pem")
        self.make("server", "radius.test", "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:radius.test")
        self.make("alice", "other name", f"extendedKeyUsage=clientAuth\n{UPN}alice")
        self.make("usage", "alice", "extendedKeyUsage=serverAuth")
        self.make("mallory", "mallory", "extendedKeyUsage=clientAuth")
        self.make("expired", "alice", "extendedKeyUsage=clientAuth", "-1")
        self.make("rsa", "alice", "extendedKeyUsage=clientAuth", rsa=True)
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "own.key", "-subj", "/CN=alice",
                     "-days", "9", "-out", "own.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def make(self, name, cn, extensions, days="9", rsa=False):
        with open(self.path("ext"), "w") as f:
            f.write(extensions)
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={cn}",
                     "-out", "csr")
        self.openssl("x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days,
                     "-extfile", "ext", "-out", f"{name}.pem")

    def path(self, name):
        return os.path.join(self.folder, name)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Pki(str(tmp_path_factory.mktemp("pki")))


class Judge:
    """The shim, and eapol_test as often as is asked."""

    def __init__(self, host, pki, words):
        self.host, self.pki = host, pki
        self.out = open(pki.path("shim.log"), "w+")
        self.shim = subprocess.Popen(
            host.argv(SHIM, str(PORT), SECRET, words, pki.path("server.pem"), pki.path("server.key"), pki.path("ca.pem")),
            stdout=self.out, stderr=subprocess.STDOUT)
        wait_for(lambda: "ready" in self.said(), 30, "the shim")

    def said(self):
        with open(self.out.name) as f:
            return f.read()

    def close(self):
        self.shim.terminate()
        self.shim.wait(30)
        self.out.close()
        assert "Sanitizer" not in self.said(), self.said()

    def __call__(self, method, user="alice", password="Secret-1", cert="alice", **environment):
        e = {**os.environ, "EJ_CA": self.pki.path("ca.pem"), "EJ_NAME": "radius.test",
             "EJ_CERT": self.pki.path(f"{cert}.pem"), "EJ_KEY": self.pki.path(f"{cert}.key"), **environment}
        r = subprocess.run(
            self.host.argv("bash", os.path.join(HERE, "eapol.sh"), method, "127.0.0.1", str(PORT), SECRET, user, password),
            env=e, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return r.stdout, self.said().splitlines()[-1]


@pytest.fixture
def judge(net, pki):
    kept = []

    def make(words):
        kept.append(Judge(net.srv, pki, words))
        return kept[-1]
    yield make
    for j in kept:
        j.close()


def all_pass(ask, rows):
    for method, environment, word in rows:
        out, said = ask(method, **environment)
        assert out.startswith("PASS"), f"{method} {environment}: {out}\n{said}"
        assert said == f"accept alice {word}"
        if "EJ_TLS" in environment and "EJ_INNER" not in environment:  # else it is that of the inner one
            assert ("TLSv1.2" if environment["EJ_TLS"] == "1.2" else "TLSv1.3") in out, out


def test_it_takes_each_method_with_the_same_keys(judge):
    ask = judge("tls mschapv2 md5")
    all_pass(ask, (
        ("tls", {"EJ_TLS": "1.2"}, "eap-tls"), ("tls", {"EJ_TLS": "1.3"}, "eap-tls"),
        ("tls", {"EJ_TLS": "both"}, "eap-tls"), ("tls", {"EJ_TLS": "1.3", "EJ_FRAG": "150"}, "eap-tls"),
        ("tls", {"EJ_TLS": "1.2", "EJ_FRAG": "150"}, "eap-tls"), ("mschapv2", {}, "eap-mschapv2"),
        ("md5", {}, "eap-md5")))


def test_peap_binds_its_inner_method(judge):
    bound = {"EJ_PHASE1": "crypto_binding=2"}
    all_pass(judge("tls peap"), (
        ("peap", {"EJ_TLS": "1.2", **bound}, "eap-peap"), ("peap", {"EJ_TLS": "1.3", **bound}, "eap-peap"),
        ("peap", {"EJ_TLS": "1.2", "EJ_FRAG": "150", **bound}, "eap-peap"),
        ("peap", {"EJ_TLS": "1.2", "EJ_INNER": "TLS", **bound}, "eap-peap"),
        ("peap", {"EJ_TLS": "1.3", "EJ_INNER": "TLS", **bound}, "eap-peap")))


def test_peap_without_a_binding_is_refused(judge):
    ask = judge("peap")
    out, said = ask("peap", EJ_PHASE1="crypto_binding=0")
    assert out.startswith("FAIL") and said.startswith("reject AUTH_EAP_BINDING"), out + said
    out, said = ask("peap", password="wrong")
    assert out.startswith("FAIL") and said.startswith("reject AUTH_WRONG_PASSWORD"), out + said


def test_an_rsa_certificate_logs_in_with_both_versions(judge):
    ask = judge("tls")
    for version in ("1.2", "1.3"):
        out, said = ask("tls", cert="rsa", EJ_TLS=version)
        assert out.startswith("PASS"), out + said


def test_it_is_refused_with_the_right_event(judge):
    ask = judge("tls mschapv2 md5")
    for version in ("1.2", "1.3"):
        for cert, event, alert in (("usage", "AUTH_CERT_WRONG_USAGE", "unsupported certificate"),
                                   ("mallory", "AUTH_CERT_UNKNOWN_USER", ""),
                                   ("expired", "AUTH_CERT_EXPIRED", "certificate expired"),
                                   ("own", "AUTH_CERT_UNKNOWN_CA", "unknown CA")):
            out, said = ask("tls", cert=cert, EJ_TLS=version)
            assert out.startswith("FAIL") and alert in out, f"{cert} {version}: {out}"
            assert said.startswith(f"reject {event}"), f"{cert} {version}: {said}"
    out, said = ask("tls", EJ_NAME="other.test")  # the client refuses the server
    assert out.startswith("FAIL") and said.startswith("reject AUTH_TLS_FAILED"), out + said
    for method in ("mschapv2", "md5"):
        out, said = ask(method, password="wrong")
        assert out.startswith("FAIL") and said.startswith("reject AUTH_WRONG_PASSWORD"), out + said


def test_no_session_is_resumed(judge):
    out, _ = judge("tls")("tls", EJ_TLS="1.2", EJ_REPEAT="1")
    assert out.startswith("PASS") and "0 resumed" in out, out
