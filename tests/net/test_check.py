"""
`culvert config check` looks at what a configuration names: a start that would fail, or serve clients
badly, is not called good. No network is needed; root is, for server.user.
"""

import datetime
import os
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from harness.certificate import make_certificate
from harness.program import run


@pytest.fixture
def files(tmp_path):
    """Two certificates of other keys, their keys, and an encrypted key: a/own.crt, a/own.key, ..."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        make_certificate(tmp_path / name)
    (tmp_path / "old").mkdir()
    make_certificate(tmp_path / "old", days=(-30, -1))
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", tmp_path / "a/own.key", "-out",
                    tmp_path / "encrypted.key", "-passout", "pass:secret"], check=True)
    (tmp_path / "state").mkdir()
    return tmp_path


def check(binary, files, *lines):
    config = files / "culvert.conf"
    state = [] if any("state =" in line for line in lines) else [f"state = {files}/state"]
    config.write_text("\n".join(("[server]", *state, *lines)) + "\n")
    before = sorted(os.listdir(files / "state"))
    code, out, err = run(binary, "config", "check", "--config", config, check=False)
    assert sorted(os.listdir(files / "state")) == before, "a check changes nothing"
    return code, out + err


def pair(files, cert="a/own.crt", key="a/own.key", *more):
    return (f"name = vpn.example\n[tls]\ncertificate = {files}/{cert}\nkey = {files}/{key}", *more)


def test_what_is_good_is_called_good(binary, files):
    code, said = check(binary, files, *pair(files))
    assert code == 0 and said.endswith("culvert.conf: good\n"), said


@pytest.mark.parametrize("lines, code, words", [
    (("user = nosuchuser",), 2, "there is no user \"nosuchuser\""),
    (("[tls]\ncertificate = /none/a.crt\nkey = {files}/a/own.key",), 2, "/none/a.crt: No such file"),
    (("[tls]\ncertificate = {files}/a/own.crt\nkey = /none/a.key",), 2, "/none/a.key: No such file"),
    (("[tls]\ncertificate = {files}/a/own.crt\nkey = {files}/b/own.key",), 14, "b/own.key"),
    (("[tls]\ncertificate = {files}/a/own.crt\nkey = {files}/encrypted.key",), 14, "encrypted.key"),
    (("[tls]\ncertificate = {files}/a/own.key\nkey = {files}/a/own.key",), 14, "a/own.key"),
    (("[tls]\ncertificate = {files}/a/own.crt\nkey = {files}/a/own.key\nocsp = /none/x",), 2, "/none/x"),
    (("[balancer]\naccept_certificates = /none/b.crt",), 2, "/none/b.crt"),
    (("[store]\nkey_file = /none/key",), 2, "/none/key"),
    (("[store]\nkey_file = {files}/a/own.crt",), 1, "64 hexadecimal digits"),
    (("listen = 192.0.2.77:443",), 2, "192.0.2.77:443: no interface"),
    (("[tunnel]\ntun = lo",), 2, "no TUN device"),
    (("[tls]\nkeylog = /none/keys",), 2, "/none"),
    (("[metrics]\nlisten = /none/socket",), 2, "/none"),
    (("state = /none/deeper/state",), 2, "/none/deeper"),
    (("state = {files}/a/own.crt",), 2, "Not a directory"),
], ids=lambda v: v[0][-40:] if isinstance(v, tuple) else "")
def test_what_is_not_there_is_not_good(binary, files, lines, code, words):
    got, said = check(binary, files, *(line.format(files=files) for line in lines))
    assert words in said and "good" not in said, said
    assert got == code, said


@pytest.mark.parametrize("cert, key, line, words", [
    ("old/own.crt", "old/own.key", "", "old/own.crt"),
    ("a/own.crt", "a/own.key", "name = other.example", "no certificate is for \"other.example\""),
    ("a/own.crt", "a/own.key", "[server]\ncongestion = nosuch", "this kernel has no \"nosuch\""),
])
def test_what_serves_clients_badly_is_warned_of(binary, files, cert, key, line, words):
    lines = pair(files, cert, key, line)
    if line.startswith("name"):
        lines = (line, *pair(files, cert, key)[0].split("\n")[1:])
    code, said = check(binary, files, *lines)
    assert words in said and "good" not in said, said
    assert code == (14 if "old" in cert else 0)


def test_a_file_that_the_servers_user_cannot_read(binary, files):
    for path in (files, *files.iterdir()):
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    for path in files.parents:
        if path != path.parent and os.stat(path).st_uid == 0 and path != files.anchor:
            os.chmod(path, os.stat(path).st_mode | 0o055)
    shutil.chown(files / "state", "nobody")
    code, said = check(binary, files, "user = nobody", *pair(files))
    assert code == 2 and "a/own.key: Permission denied, as the user nobody" in said, said
    os.chmod(files / "a/own.key", 0o644)
    code, said = check(binary, files, "user = nobody", *pair(files))
    assert code == 0 and "good" in said, said


def test_a_chain_in_the_wrong_order(binary, files):
    key = {n: ec.generate_private_key(ec.SECP256R1()) for n in ("ca", "mid", "leaf")}
    issuer = {"ca": "ca", "mid": "ca", "leaf": "mid"}
    now = datetime.datetime.utcnow()
    pem = {}
    for n in key:
        b = (x509.CertificateBuilder()
             .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]))
             .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer[n])]))
             .public_key(key[n].public_key()).serial_number(x509.random_serial_number())
             .not_valid_before(now - datetime.timedelta(days=1))
             .not_valid_after(now + datetime.timedelta(days=30))
             .add_extension(x509.BasicConstraints(n != "leaf", None), True))
        if n == "leaf":
            b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName("vpn.example")]), False)
        pem[n] = b.sign(key[issuer[n]], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (files / "leaf.key").write_bytes(key["leaf"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (files / "chain.crt").write_bytes(pem["leaf"] + pem["mid"] + pem["ca"])
    assert check(binary, files, *pair(files, "chain.crt", "leaf.key"))[1].endswith(": good\n")
    (files / "chain.crt").write_bytes(pem["leaf"] + pem["ca"] + pem["mid"])
    code, said = check(binary, files, *pair(files, "chain.crt", "leaf.key"))
    assert code == 0 and "certificate 2 did not issue certificate 1" in said, said
    (files / "chain.crt").write_bytes(pem["ca"] + pem["mid"] + pem["leaf"])
    code, said = check(binary, files, *pair(files, "chain.crt", "leaf.key"))
    assert code == 14, said


def test_an_ocsp_response_of_the_certificate_before(binary, files):
    def load(name):
        return (x509.load_pem_x509_certificate((files / name / "own.crt").read_bytes()),
                serialization.load_pem_private_key((files / name / "own.key").read_bytes(), None))
    now = datetime.datetime.utcnow()

    def answer(name, until):
        cert, key = load(name)
        return (ocsp.OCSPResponseBuilder()
                .add_response(cert=cert, issuer=cert, algorithm=hashes.SHA1(),
                              cert_status=ocsp.OCSPCertStatus.GOOD,
                              this_update=now - datetime.timedelta(days=2), next_update=until,
                              revocation_time=None, revocation_reason=None)
                .responder_id(ocsp.OCSPResponderEncoding.HASH, cert)
                .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    staple = files / "a.ocsp"
    lines = pair(files, "a/own.crt", "a/own.key", f"ocsp = {staple}")
    for name, until, words in (("a", 1, ": good\n"), ("b", 1, "about another certificate"),
                               ("a", -1, "it was good until")):
        staple.write_bytes(answer(name, now + datetime.timedelta(days=until)))
        code, said = check(binary, files, *lines)
        assert code == 0 and words in said, said
