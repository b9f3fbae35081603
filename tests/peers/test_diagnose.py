"""
The diagnosis against a server that nobody here wrote: SoftEther 5.01 (scripts: softether.sh).

        cli  culvert diagnose, as nobody  ---  srv  SoftEther, SecureNAT 10.202.0.1
"""

import json
import os
import subprocess

import pytest

import peers
from harness import program
from harness.program import PASSWORD, USER
from lab.servers import NameServer

NOBODY = "65534"


@pytest.fixture(scope="module")
def softether(network):
    network.srv.ip("address add 192.0.2.53/32 dev lo")  # the resolver that SoftEther passes questions to
    names = NameServer(network.srv, "192.0.2.53")
    names.set(names={"vpn.example": ["192.0.2.1"]})
    server = peers.SoftEther(network.srv, "192.0.2.1", USER, PASSWORD).start()
    network.residents = set(network.srv.processes())
    yield server
    server.close()
    names.close()


def diagnose(net, binary, folder, password, ca):
    folder.chmod(0o755)
    secret, trusted = folder / "secret", folder / "ca.pem"
    secret.write_text(password + "\n")
    with open(ca) as f:
        trusted.write_text(f.read())
    r = subprocess.run(net.cli.argv(
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", binary, "diagnose",
        f"{USER}@vpn.example", "--ca", trusted, "--password-file", secret, "--timeout", "15", "--json"),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        env=program.environment())
    assert "Sanitizer" not in r.stderr, r.stderr
    return json.loads(r.stdout), r.returncode


@pytest.fixture
def folder():
    """One that everybody may enter; pytest's own belong to root."""
    import pathlib
    import tempfile
    with tempfile.TemporaryDirectory(prefix="culvert-diagnose-") as name:
        yield pathlib.Path(name)


def outcomes(report):
    return {p["probe"]: p["outcome"] for p in report["probes"]}


def test_a_healthy_softether_gives_no_warning(net, softether, binary, folder):
    report, code = diagnose(net, binary, folder, PASSWORD, softether.certificate)
    assert code == 0 and report["outcome"] == "ok", json.dumps(report, indent=1)
    assert outcomes(report)["ppp"] == outcomes(report)["tunnel"] == "ok"
    facts = {f["name"]: f["value"] for p in report["probes"] for f in p["facts"]}
    assert facts["binding hashes"] == "SHA-256"
    assert "EAP" in facts["login asked for"]
    assert facts["IPv4"].startswith("10.202.0.")


def test_a_wrong_password_at_softether(net, softether, binary, folder):
    report, code = diagnose(net, binary, folder, "not-it", softether.certificate)
    assert code == 19 and report["layer"] == "auth", json.dumps(report, indent=1)
