# SPDX-License-Identifier: Apache-2.0
"""
Answers of a proxy that RFC 9110 allows and few send: schemes in one line, folded, behind interim answers.

        cli  culvert connect --proxy  ----  srv  (the lab's proxy, and culvert serve)
"""

import os
import sys

import pytest

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


def test_a_407_without_a_scheme_that_is_spoken_names_what_it_wants(net, start_server, connect):
    start_server()
    proxy = ListingProxy(net.srv, "NTLM", "", "Proxy-Authenticate: Negotiate, NTLM")
    try:
        client = connect("--proxy", "http://carol:Tunnel-9@192.0.2.1:3128", wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "it wants: Negotiate, NTLM" in client.err
    finally:
        proxy.close()
