"""
Text that a stranger chose does nothing on a terminal and forges nothing in a log: names of clients at
a real server, and what a hostile server, its certificate and a proxy say to our client.

        cli (sstp.Tunnel | culvert connect, diagnose)  ----  srv (culvert serve | lab servers)
"""

import json
import os
import re
import sys
import unicodedata

import pytest

from harness import sstp
from harness.certificate import make_certificate
from harness.host import wait_for
from harness.program import PASSWORD, USER, Program, run

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lab"))
import servers  # noqa: E402

FORGED = b"x\r\n2026-01-01 00:00:00  192.0.2.66  root  4101 AUTH_ACCEPTED"
NAMES = {
    "line": FORGED,
    "escape": b"\x1b[2J\x1b]0;pwned\x07\x1b[31mroot",
    "c1": b"\xc2\x9b2J\xc2\x85root",
    "lone-c1": b"\x9b2Jroot\x85",
    "bidi": "\u202etoor\u2066x\u2069\u200e\u061c".encode(),
    "invisible": "ro\u200bot\u2028\u2029\ufeff\u00ad".encode(),
    "field": b'x" user="root" method="mschapv2',
    "backslash": b"CORP\\x1b[2J\\",
    "no-utf8": b"\xff\xfe\xc0\xaf",
    "nul": b"admin\0evil",
    "columns": b"admin" + b" " * 40 + b"10.0.0.1 up",
    "long": b"\x1b" * 250,
}


def hostile(text):
    """Characters that a terminal obeys, that hide, or that end a line where none ends."""
    return [hex(ord(c)) for c in text if c != "\n" and
            (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn") or c == "\ufffd")]


@pytest.fixture
def ask(net, binary, state):
    def call(*words):
        return run(binary, *words, "--state", state, host=net.srv)[1]
    return call


def test_names_of_strangers(net, start_server, ask, binary, state, keep):
    server = start_server({"auth": {"fail_delay": "0s"},
                           "metrics": {"listen": "127.0.0.1:9443"}})
    follower = Program(net.srv, binary, "events", "--follow", "--state", state)
    followed_json = Program(net.srv, binary, "events", "--follow", "--json", "--state", state)
    keep += [follower, followed_json]

    def both_follow():
        sstp.Tunnel(net.cli, "192.0.2.1").tls().close()
        return follower.out and followed_json.out
    wait_for(both_follow, 30, "the followers")
    for name in NAMES.values():
        t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
        t.authenticate(name, "wrong")
        assert hostile(ask("sessions")) == []
        t.close()
    stranger = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    stranger.stream.sendall(b'GET /" user="root"\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n')
    follower.wait_line(r"\\U?\S*ff\\x\S*fe|\\xff")

    stranger.close()
    wait_for(lambda: not json.loads(ask("sessions", "--json")), 30, "the last connection to end")
    table, rows = ask("attempts"), json.loads(ask("attempts", "--json"))
    assert hostile(table) == [] and hostile(ask("attempts", "--json")) == []
    assert len(table.splitlines()) == 1 + len(rows)
    # the columns stand where the heading says, whatever the name
    at = table.splitlines()[0].index("NO.")
    assert all(re.fullmatch(r"\d{4} \w+ +\S.*", line[at - 1:].strip())
               for line in table.splitlines()[1:]), table
    seen = {r["user"] for r in rows}
    assert {NAMES[k].decode() for k in ("line", "escape", "c1", "bidi", "field", "columns")} <= seen
    assert "\\xff\\xfe\\xc0\\xaf" in seen and not seen & {"root", "admin"}
    assert "admin\u2400evil" in seen, "not the name before the NUL"

    for log in (server.err, follower.out, followed_json.out):
        assert hostile(log) == []
    for log in (server.err, follower.out):
        assert not [line for line in log.splitlines() if re.search(r'(?<![\\\w])user="?root', line)]
        assert not [line for line in log.splitlines() if line.startswith("2026-01-01 00:00:00 ")]
        assert re.search(r'user="x\\" user=\\"root\\" method', log)
    for line in followed_json.out.splitlines():
        json.loads(line)
    metrics = net.srv.run("curl", "-sS", "--max-time", "10", "http://127.0.0.1:9443/metrics")
    assert hostile(metrics) == [] and "root" not in metrics


def test_names_of_strangers_in_a_log_of_json(net, start_server):
    server = start_server({"auth": {"fail_delay": "0s"}, "server": {"log_format": "json"}})
    for name in NAMES.values():
        t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp().lcp()
        t.authenticate(name, "wrong")
        t.close()
    server.wait_log("xff")
    assert hostile(server.err) == []
    lines = [json.loads(line) for line in server.err.splitlines() if line.startswith("{")]
    texts = [line["text"] for line in lines]
    assert any('user="x\\" user=\\"root' in t for t in texts)
    assert not any(re.search(r'(?<![\\\w])user="?root', t) for t in texts)


EVIL = "\u202eevil\u009b2J\x1b[31m\"'<script>alert(1)</script>"


@pytest.fixture
def evil_server(net, tmp_path):
    """A server whose certificate, HTTP answer and PPP messages are as bad as they can be."""
    made = make_certificate(tmp_path, "vpn.example", subject=EVIL)
    tls = servers.context(*made)
    opened = []

    def start(serve, port=443):
        opened.append(servers.Listener(net.srv, "192.0.2.1", port, servers.over_tls(tls, serve)))
        return made[0]
    yield start
    for listener in opened:
        listener.close()


def clean(*texts):
    for text in texts:
        assert hostile(text) == [], ascii(text)
        assert "pwned" not in text or "\\x1b" in text or "\\u001b" in text.lower()


def diagnose(net, binary, tmp_path, *extra):
    page = tmp_path / "page.html"
    common = ("vpn.example", "--timeout", "3", "-q", *extra)
    text = run(binary, "diagnose", *common, "-v", "--html", page, host=net.cli, check=False,
               stdin=PASSWORD + "\n")
    as_json = run(binary, "diagnose", *common, "--json", host=net.cli, check=False,
                  stdin=PASSWORD + "\n")
    html = page.read_text(encoding="utf-8")
    clean(text[1], text[2], as_json[1], html)
    assert "<script>alert" not in html
    return text[1], json.loads(as_json[1])


@pytest.mark.parametrize("octets", [
    b"HTTP/1.1 503 \x1b]0;pwned\x07\xc2\x9b2J\xe2\x80\xae\r\nServer: \x1b[2J<script>alert(1)</script>"
    b"\r\nLocation: https://\xe2\x80\xae/\x9b\r\nVia: 1.1 \"x\"\r\nContent-Length: 0\r\n\r\n",
    b"\x1b]0;pwned\x07 no HTTP at all\xff\r\n\r\n"], ids=["status", "no-http"])
def test_what_a_server_says_over_http(net, evil_server, binary, tmp_path, connect, octets):
    evil_server(servers.says(octets))
    client = connect("--insecure", "-v", wait=False, trust=False)
    assert client.wait_exit() == 15, client.story()
    clean(client.out, client.err)
    diagnose(net, binary, tmp_path)


def test_what_a_server_says_to_who_is_refused(net, evil_server, binary, tmp_path, connect):
    lab = servers.Sstp("refuse", USER, PASSWORD)
    lab.message = b"\x1b]0;pwned\x07\xc2\x9b2J\xff \xe2\x80\xae\" user=\"root"
    trust = evil_server(lab)
    client = connect("--ca", trust, "-v", wait=False, trust=False)
    assert client.wait_exit() == 19, client.story()
    clean(client.out, client.err)
    assert '\\" user=\\"root' in client.err
    text, report = diagnose(net, binary, tmp_path, "--ca", trust, "-u", USER, "--password-file", "-")
    assert "root" in text and report["exit_code"] == 19


def test_names_in_a_certificate_that_is_not_trusted(net, evil_server, connect):
    evil_server(servers.says(servers.answer("404 Not Found")))
    client = connect("-v", wait=False, trust=False)
    assert client.wait_exit() == 14, client.story()
    clean(client.out, client.err)
    assert "evil" in client.err


def test_what_a_proxy_says(net, binary, tmp_path, connect):
    def serve(connection):
        servers.read_head(connection)
        connection.sendall(b"HTTP/1.1 407 \x1b[2J\xc2\x9b\xe2\x80\xae\r\nProxy-Authenticate: \x1b[2J "
                           b"realm=\"\xe2\x80\xae\x9b\"\r\nVia: \x1b]0;pwned\x07\r\n"
                           b"Content-Length: 0\r\n\r\n")
    proxy = servers.Listener(net.srv, "192.0.2.1", 3128, serve)
    client = connect("--proxy", "http://192.0.2.1:3128", "-v", wait=False, trust=False)
    assert client.wait_exit() == 12, client.story()
    clean(client.out, client.err)
    diagnose(net, binary, tmp_path, "--proxy", "http://192.0.2.1:3128")
    proxy.close()
