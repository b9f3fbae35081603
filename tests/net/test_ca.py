"""
Certificates of users: `culvert ca` as an admin types it.
"""

import base64
import json
import os
import subprocess

import pytest

from harness import program


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "password"
    path.write_text("Geheim-1\n")
    return str(path)


@pytest.fixture
def ca(binary, tmp_path, secret):
    """`ca("issue", "alice")` on a state folder of its own."""
    folder = str(tmp_path / "state")

    def run(*words, check=True, state=folder):
        return program.run(binary, "ca", *words, "--state", state, check=check)

    def issue(user, *options, **how):
        file = str(tmp_path / f"{user}.p12")
        run("issue", user, "--out", file, "--p12-password-file", secret, *options, **how)
        return file

    run.state, run.issue, run.folder = folder, issue, tmp_path
    return run


def listing(ca, *options):
    return json.loads(ca("list", "--json", *options)[1])


def openssl(*words, stdin=None):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, text=True, check=True).stdout


def root_like_azures(folder, name="P2SRootCert"):
    """As New-SelfSignedCertificate makes it: keyCertSign, but no basicConstraints."""
    conf = folder / "root.conf"
    conf.write_text("[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nkeyUsage=critical,keyCertSign\n"
                    "subjectKeyIdentifier=hash\n")
    key, cert = str(folder / "root.key"), str(folder / "root.pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", "30",
            "-config", str(conf), "-keyout", key, "-out", cert)
    return cert, key


def test_an_issued_file_opens_with_its_password_alone(ca, secret):
    ca("init", "--name", "Staff")
    file = ca.issue("alice")
    assert os.stat(file).st_mode & 0o777 == 0o600
    text = openssl("pkcs12", "-in", file, "-passin", f"file:{secret}", "-nodes")
    assert "BEGIN PRIVATE KEY" in text and text.count("BEGIN CERTIFICATE") == 2
    with pytest.raises(subprocess.CalledProcessError):
        openssl("pkcs12", "-in", file, "-passin", "pass:wrong", "-nodes")
    code, _, err = ca("issue", "alice", "--out", file, "--p12-password-file", secret, check=False)
    assert code == 1 and "File exists" in err
    assert len(listing(ca)["certificates"]) == 1, "what was not written was not issued"


def test_there_is_one_authority_and_its_key_is_encrypted(ca):
    ca("init")
    code, _, err = ca("init", check=False)
    assert code == 1 and "there already" in err
    for name in os.listdir(ca.state):
        octets = open(os.path.join(ca.state, name), "rb").read()
        assert b"PRIVATE" not in octets
        # how the DER of a P-256 key begins: version 1, 32 octets
        assert bytes.fromhex("02010104 20".replace(" ", "")) not in octets


def test_without_an_authority_nothing_is_issued(ca, secret):
    code, _, err = ca("issue", "alice", "--out", str(ca.folder / "a.p12"), "--p12-password-file", secret,
                      check=False)
    assert code == 1
    ca("import", root_like_azures(ca.folder)[0])
    code, _, err = ca("issue", "alice", "--out", str(ca.folder / "a.p12"), "--p12-password-file", secret,
                      check=False)
    assert code == 1 and "culvert ca init" in err, err
    assert not os.path.exists(ca.folder / "a.p12")


def test_revoked_is_revoked_by_each_name_of_a_certificate(ca):
    ca("init")
    for user in ("alice", "bob", "carol"):
        ca.issue(user)
    rows = {c["user"]: c for c in listing(ca)["certificates"]}
    ca("revoke", "ALICE")
    serial = rows["bob"]["serial"]
    ca("revoke", "--serial", ":".join(serial[i:i + 2] for i in range(0, len(serial), 2)).lower())
    ca("revoke", "--thumbprint", rows["carol"]["thumbprint"].upper())
    assert {c["state"] for c in listing(ca)["certificates"]} == {"revoked"}
    for words in (("alice",), ("mallory",), ("--serial", serial)):
        code, _, err = ca("revoke", *words, check=False)
        assert code == 1 and "no such certificate" in err
    code, _, _ = ca("revoke", check=False)
    assert code == 2


def test_a_list_of_thumbprints_is_taken_as_it_was_printed(ca):
    ca("init")
    file = ca.folder / "revoked"
    file.write_text("# of the old gateway\n"
                    "Name       : laptop\r\nThumbprint : AABBCCDDEEFF00112233445566778899AABBCC01\r\n"
                    '{"thumbprint": "aabbccddeeff00112233445566778899aabbcc02", "name": "x"}\n'
                    "aa bb cc dd ee ff 00 11 22 33 44 55 66 77 88 99 aa bb cc 03\n"
                    "# AABBCCDDEEFF00112233445566778899AABBCC04\n"
                    # 41 and 64 digits: no SHA-1
                    f"{'5' * 41}\n{'6' * 64}\n")
    ca("revoke", "--thumbprints", str(file))
    assert [r["thumbprint"][-2:] for r in listing(ca)["revoked"]] == ["01", "02", "03"]
    file.write_text("nothing here\n")
    code, _, err = ca("revoke", "--thumbprints", str(file), check=False)
    assert code == 2 and "no thumbprint" in err


@pytest.mark.parametrize("form", ["pem", "der", "base64"])
def test_the_root_of_a_point_to_site_gateway_is_taken_in_each_form(ca, form):
    cert, _ = root_like_azures(ca.folder)
    file = ca.folder / "root.cer"
    der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "der"], capture_output=True, check=True).stdout
    if form == "der":
        file.write_bytes(der)
    elif form == "base64":
        file.write_text(base64.b64encode(der).decode())
    else:
        file.write_text(open(cert).read())
    ca("import", str(file))
    row, = listing(ca)["authorities"]
    assert (row["name"], row["own"], row["user_from"]) == ("P2SRootCert", False, [])


def test_an_imported_authority_lets_nobody_in_by_mistake(ca, secret):
    cert, _ = root_like_azures(ca.folder)
    for words in (("--user-from", "cn"), ("--user-from", "upn"), ("--match", "*"),
                  ("--user-from", "upn", "--match", "*@*"), ("--user-from", "surname", "--match", "*"),
                  ("--user-from", "upn", "--match", "x", "--strip")):
        code, _, _ = ca("import", cert, *words, check=False)
        assert code == 2, words
    ca("import", cert, "--user-from", "upn,email", "--match", "*@corp.example", "--strip")
    code, _, _ = ca("set", "p2srootcert", "match=", check=False)
    assert code == 2
    row, = listing(ca)["authorities"]
    assert row["user_from"] == ["upn", "email"] and row["match"] == "*@corp.example" and row["strip"]
    code, _, err = ca("import", cert, check=False)
    assert code == 1 and "already" in err


def test_a_certificate_of_a_user_is_no_authority(ca, secret):
    ca("init")
    leaf = openssl("pkcs12", "-in", ca.issue("alice"), "-passin", f"file:{secret}", "-nokeys", "-clcerts")
    file = ca.folder / "leaf.pem"
    file.write_text(leaf)
    code, _, err = ca("import", str(file), check=False)
    assert code == 1 and "no authority" in err, err
    ca("bind", "bob", "--cert", str(file))
    assert listing(ca)["bindings"][0]["user"] == "bob"
    ca("unbind", "bob", "--cert", str(file))
    assert not listing(ca)["bindings"]


def test_what_ends_soon_is_listed(ca):
    ca("init")
    ca.issue("soon", "--days", "20")
    ca.issue("later", "--days", "90")
    ca.issue("gone", "--days", "20")
    ca("revoke", "gone")
    for span, users in (("30d", ["soon"]), ("20w", ["later", "soon"])):
        assert [c["user"] for c in listing(ca, "--expiring", span)["certificates"]] == users


def test_a_backup_has_the_authority(ca, binary, secret):
    ca("init")
    ca.issue("alice")
    file, new = str(ca.folder / "kept"), str(ca.folder / "new")
    program.run(binary, "backup", "--passphrase-file", secret, "--state", ca.state, file)
    program.run(binary, "restore", "--passphrase-file", secret, "--state", new, "--config",
                str(ca.folder / "none.conf"), file)
    ca.issue("bob", state=new)
    rows = json.loads(ca("list", "--json", state=new)[1])["certificates"]
    assert [r["user"] for r in rows] == ["alice", "bob"]
