# SPDX-License-Identifier: Apache-2.0
"""
Answers of a proxy that RFC 9110 allows and few send: schemes in one line, folded, behind interim answers.

        cli  culvert connect --proxy  ----  srv  (the lab's proxy, and culvert serve)
"""

import json
import os
import ssl
import sys

import pytest

from harness.certificate import make_certificate
from harness.program import run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))
import servers  # noqa: E402

INTERIM = "HTTP/1.1 103 Early Hints\r\nLink: </a>;\r\n rel=x\r\n\r\n"
DIGEST = 'Digest realm="lab", nonce="abc123", qop="auth", algorithm=MD5'
BASIC = 'Basic realm="a, Digest nonce=1"'
WANTED = {
    "one line": ("Basic", "", f"Proxy-Authenticate: NEGOTIATE,NTLM,{BASIC}"),
    "folded": ("Basic", "", f"proxy-authenticate: Negotiate,\r\n\tNTLM TlRM==,\r\n {BASIC}"),
    "several lines": ("Digest", "", f"PROXY-AUTHENTICATE: NTLM\r\nProxy-Authenticate: {BASIC}, "
                      f"{DIGEST}"),
    "Digest behind one that is not spoken": (
        "Digest", "", f'Proxy-Authenticate: Digest realm="lab", nonce="x", algorithm=SHA-512-256,'
        f" {DIGEST}"),
    "interim answers": ("Basic", INTERIM * 3, f"Proxy-Authenticate: {BASIC}"),
}


class ListingProxy(servers.Proxy):
    """Says `before`, then 407 with `headers` and a body, until the login is right."""

    def __init__(self, host, scheme, before, headers):
        self.before, self.headers, self.refused = before, headers, 0
        super().__init__(host, "192.0.2.1", 3128, scheme, "carol", "Tunnel-9")

    def _serve(self, connection):
        peeked = connection.recv(4096, servers.socket.MSG_PEEK).decode("latin-1")
        if self._allowed(peeked):
            connection.sendall(self.before.encode())
            super()._serve(connection)
            return
        self.refused += 1
        connection.sendall(f"{self.before}HTTP/1.1 407 Proxy Authentication Required\r\n"
                           f"{self.headers}\r\nContent-Length: 5, 5\r\n\r\nhello".encode())


@pytest.mark.parametrize("scheme, before, headers", WANTED.values(), ids=WANTED.keys())
def test_a_407_in_any_form_is_answered(net, start_server, connect, scheme, before, headers):
    start_server()
    proxy = ListingProxy(net.srv, scheme, before, headers)
    try:
        client = connect("--no-default-route", "--no-dns", "--proxy",
                         "http://carol:Tunnel-9@192.0.2.1:3128")
        assert proxy.refused == 1, "one round to hear what it wants, one that is let through"
        assert client.stop() == 0, client.story()
    finally:
        proxy.close()


class KeepingProxy(servers.Proxy):
    """After its 407 it keeps the connection, as most do, or says that it closes it and does."""

    def __init__(self, host, scheme, keeps):
        self.keeps, self.requests = keeps, []
        super().__init__(host, "192.0.2.1", 3128, scheme, "carol", "Tunnel-9")

    def _serve(self, connection):
        self.requests.append(0)
        while head := connection.recv(4096, servers.socket.MSG_PEEK):
            self.requests[-1] += 1
            if self._allowed(head.decode("latin-1")):
                super()._serve(connection)
                return
            connection.recv(len(head))
            connection.sendall(
                f"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: "
                f"{self._wanted()}\r\n{'Proxy-' if self.keeps else ''}Connection: "
                f"{'keep-alive' if self.keeps else 'close'}\r\nContent-Length: 5\r\n\r\nhello"
                .encode())
            if not self.keeps:
                return


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
@pytest.mark.parametrize("keeps", [True, False], ids=["keeps", "closes"])
def test_a_proxy_may_keep_the_connection_of_its_407_or_close_it(net, start_server, connect, scheme,
                                                                keeps):
    """The login comes by a connection of its own, so it makes no difference."""
    start_server()
    proxy = KeepingProxy(net.srv, scheme, keeps)
    try:
        client = connect("--no-default-route", "--no-dns", "--proxy",
                         "http://carol:Tunnel-9@192.0.2.1:3128")
        assert net.cli.ping(client.peer, 1) == 1
        assert sum(proxy.requests) == 2, proxy.requests
        assert client.stop() == 0, client.story()
    finally:
        proxy.close()


@pytest.mark.parametrize("coding", ["chunked", "x-unknown"])
def test_a_transfer_coding_in_the_answer_is_named(net, connect, binary, tmp_path, coding):
    """A balancer in HTTP mode: its chunks are no SSTP packets, and the client says so at once."""
    certificate, key = make_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server = servers.Listener(net.srv, "192.0.2.1", 443, servers.over_tls(tls, servers.says(
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n".encode())))
    try:
        client = connect("--ca", certificate, trust=False, wait=False)
        assert client.wait_exit() == 15, client.story()
        assert "2509" in client.err and f'"Transfer-Encoding: {coding}"' in client.err
        code, out, _ = run(binary, "diagnose", "vpn.example", "--ca", certificate, "--json",
                           host=net.cli, check=False)
        assert json.loads(out)["findings"][0]["name"] == "HTTP_TRANSFER_CODING" and code == 15, out
    finally:
        server.close()


def test_a_407_without_a_scheme_that_is_spoken_names_what_it_wants(net, start_server, connect):
    start_server()
    proxy = ListingProxy(net.srv, "NTLM", "", "Proxy-Authenticate: Negotiate, NTLM")
    try:
        client = connect("--proxy", "http://carol:Tunnel-9@192.0.2.1:3128", wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "it wants: Negotiate, NTLM" in client.err
    finally:
        proxy.close()
