"""
A host name with an umlaut: A-labels on the wire, in the certificate and its verification, and both
forms shown.

        cli  culvert connect, diagnose müller.example  ----  srv  culvert serve --name müller.example
"""

import json

import pytest

from harness.program import PASSWORD, USER, add_user, run

NAME, ASCII = "m\u00fcller.example", "xn--mller-kva.example"


def test_connect_to_a_name_with_an_umlaut(net, start_server, binary, connect, tmp_path):
    state = tmp_path / "state"
    with open(f"{net.cli.root}/etc/hosts") as f:
        before = f.read()
    server = start_server(state=state, extra=["--name", NAME])
    add_user(binary, state, USER, PASSWORD)
    shown = json.loads(run(binary, "cert", "show", "--json", "--state", state)[1])
    assert all(c["names"].split(", ")[0] == ASCII == c["subject"] for c in shown), shown
    assert f"{ASCII} ({NAME})" in run(binary, "cert", "show", "--state", state)[1]
    with open(f"{net.cli.root}/etc/hosts", "a") as f:
        f.write(f"192.0.2.1 {ASCII}\n")
    try:
        ca = ("--ca", state / "server.crt")
        client = connect(*ca, "--no-default-route", "--no-dns", "-v", server=NAME, trust=False)
        assert f"{ASCII} ({NAME})" in client.err, client.story()
        assert client.stop() == 0
        code, out, err = run(binary, "diagnose", NAME, *ca, "-q", host=net.cli, check=False)
        assert f"{ASCII} ({NAME}):443" in out and code == 0, out + err
        report = json.loads(run(binary, "diagnose", NAME, *ca, "--json", host=net.cli)[1])
        assert (report["host"], report["host_unicode"]) == (ASCII, NAME), report
    finally:
        with open(f"{net.cli.root}/etc/hosts", "w") as f:
            f.write(before)
    assert server.stop() == 0


@pytest.mark.parametrize("name", ["a..b", "a\u202e.example", "a-.example", "a" * 64 + ".example",
                                  "xn--\u00fc.example"])
def test_what_is_no_host_name_is_refused(binary, name, tmp_path):
    for command in (["connect", f"alice@{name}"], ["diagnose", name],
                    ["connect", "alice@vpn.example", "--sni", name]):
        code, out, err = run(binary, *command, check=False)
        assert code == 2 and "this is none" in err and "\u202e" not in err, (command, err)
    code, out, err = run(binary, "config", "check", "--option", f"server.name={name}", check=False)
    assert code == 2 and "[server] name: expected host names" in err, err
