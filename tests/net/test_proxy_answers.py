# SPDX-License-Identifier: Apache-2.0
"""
Answers of a proxy that RFC 9110 allows and few send: schemes in one line, folded, behind interim answers.

        cli  culvert connect --proxy  ----  srv  (the lab's proxy, and culvert serve)
"""

import json
import os
import select
import socket
import ssl
import sys
import threading

import pytest

from harness.certificate import make_certificate
from harness.program import run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))
import servers  # noqa: E402

INTERIM = "HTTP/1.1 103 Early Hints\r\nLink: </a>;\r\n rel=x\r\n\r\n"
DIGEST = 'Digest realm="lab", nonce="abc123", qop="auth", algorithm=MD5'
BASIC = 'Basic realm="a, Digest nonce=1"'
WANTED = {
    "one line": ("Basic", "", f"Proxy-Authenticate: NEGOTIATE,BEARER,{BASIC}"),
    "folded": ("Basic", "", f"proxy-authenticate: Negotiate,\r\n\tBearer TlRM==,\r\n {BASIC}"),
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
    proxy = ListingProxy(net.srv, "NTLM", "", "Proxy-Authenticate: Bearer, Hoba")
    try:
        client = connect("--proxy", "http://carol:Tunnel-9@192.0.2.1:3128", wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "it wants: Bearer, Hoba" in client.err and "PROXY_AUTH_SCHEME" in client.err
    finally:
        proxy.close()


@pytest.mark.parametrize("login", ["", "carol:Tunnel-9@"])
def test_a_proxy_without_kerberos_here_says_so(net, connect, monkeypatch, login):
    """It wants a ticket and nothing else, and there is none."""
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nonexistent")
    proxy = ListingProxy(net.srv, "NTLM", "", "Proxy-Authenticate: Negotiate")
    try:
        client = connect("--proxy", f"http://{login}192.0.2.1:3128", wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "it wants: Negotiate; no ticket: " in client.err and "PROXY_NO_TICKET" in client.err
    finally:
        proxy.close()


class SecureProxy(servers.Proxy):
    """It is spoken to by TLS."""

    def __init__(self, host, folder, scheme=None, **certificate):
        self.certificate, key = make_certificate(folder, **certificate)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, key)
        self.tls, self.refused = tls, 0
        super().__init__(host, "192.0.2.1", 3128, scheme, "carol", "Tunnel-9")

    def _serve(self, connection):
        try:
            stream = self.tls.wrap_socket(connection, server_side=True)
        except (OSError, ssl.SSLError):
            self.refused += 1
            return
        inner, outer = socket.socketpair()
        threading.Thread(target=self._open, args=(stream, outer), daemon=True).start()
        super()._serve(inner)
        inner.close()

    def _open(self, stream, outer):
        """TLS in Python has no two directions at once: one thread, both ends looked at."""
        stream.setblocking(False)
        outer.setblocking(False)
        try:
            while True:
                select.select([stream, outer], [], [], 1)
                for source, sink in ((stream, outer), (outer, stream)):
                    self._some(source, sink)
        except (OSError, EOFError):
            pass
        for end in (stream, outer):
            end.close()

    @staticmethod
    def _some(source, sink):
        while True:
            try:
                octets = source.recv(16384)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not octets:
                raise EOFError
            while octets:
                try:
                    octets = octets[sink.send(octets):]
                except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    select.select([], [sink], [], 1)


@pytest.mark.parametrize("scheme", [None, "Basic", "Digest"])
def test_a_proxy_by_tls_carries_the_tunnel(net, start_server, connect, tmp_path, scheme):
    start_server()
    proxy = SecureProxy(net.srv, tmp_path, scheme)
    try:
        client = connect("--no-default-route", "--no-dns", "--proxy",
                         "https://carol:Tunnel-9@vpn.example:3128", "--proxy-ca", proxy.certificate)
        assert net.cli.ping(client.peer, 3) == 3
        assert net.cli.ping(client.peer, 3, size=1300) == 3
        assert client.stop() == 0, client.story()
    finally:
        proxy.close()


@pytest.mark.parametrize("name, option, words", [
    ("vpn.example", None, "self-signed"), ("vpn.example", "--ca", "self-signed"),
    ("other.example", "--proxy-ca", "another name"), ("192.0.2.1", "--proxy-ca", "another name")],
    ids=["not trusted", "trusted for the server", "another name", "an address"])
def test_the_certificate_of_a_proxy_is_checked(net, start_server, connect, tmp_path, name, option, words):
    """Its own CA counts for it and for it alone: --ca does not."""
    start_server()
    proxy = SecureProxy(net.srv, tmp_path)
    try:
        options = [option, proxy.certificate] if option else []
        client = connect("--no-default-route", "--no-dns", "--proxy", f"https://{name}:3128", *options,
                         trust=False, wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "PROXY_TLS" in client.err and words in client.err, client.err
        assert proxy.refused == 1
    finally:
        proxy.close()


def test_a_plain_proxy_spoken_to_by_tls_is_named(net, connect, tmp_path):
    proxy = ListingProxy(net.srv, "Basic", "", f"Proxy-Authenticate: {BASIC}")
    try:
        client = connect("--proxy", "https://192.0.2.1:3128", wait=False)
        assert client.wait_exit() == 12, client.story()
        assert "PROXY_TLS" in client.err and "not TLS" in client.err, client.err
    finally:
        proxy.close()


def test_diagnose_goes_through_a_proxy_by_tls(net, start_server, binary, tmp_path):
    server = start_server()
    proxy = SecureProxy(net.srv, tmp_path)
    try:
        code, out, _ = run(binary, "diagnose", "vpn.example", "--verbose", "--ca",
                           f"{server.state}/server.crt", "--proxy", "https://vpn.example:3128",
                           "--proxy-ca", proxy.certificate, host=net.cli, check=False)
        assert "by TLS" in out and " ppp    ok" in out, out
    finally:
        proxy.close()
