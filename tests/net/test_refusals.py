"""
What a user reads, and the exit code a script sees, when it does not work.

        cli  --X--  srv      (drawing in tests/conftest.py)

The texts stand here in full on purpose: they are part of what Culvert promises. A new wording is
changed in events.def and here.
"""

import os
import re
import socket
import threading

import pytest

from harness.certificate import make_certificate, pin_of
from harness.program import USER

EXIT = {"config": 2, "dns": 10, "tcp": 11, "proxy": 12, "tls": 13, "cert": 14, "http": 15,
        "sstp": 16, "binding": 17, "lcp": 18, "auth": 19, "addresses": 20, "ip": 21}


def refused(client, layer, *texts):
    """The client ended by itself with this layer's exit code and says each of these on stderr."""
    code = client.wait_exit()
    assert code == EXIT[layer], client.story()
    for text in texts:
        assert text in client.err, f"{text!r} is missing\n{client.story()}"
    assert "connected" not in client.out


def test_wrong_password(server, connect):
    client = connect(password="not-it", wait=False)
    refused(client, "auth", "The user name or the password is wrong.",
            "Check both, also the case of the letters")
    server.wait_log(rf'4152 AUTH_WRONG_PASSWORD.* user="{USER}" method=mschapv2')
    assert "not-it" not in server.err + client.err


def test_unknown_user_reads_the_same_as_a_wrong_password(server, connect):
    wrong = connect(password="not-it", wait=False)
    refused(wrong, "auth", "The user name or the password is wrong.")
    unknown = connect(user="mallory", wait=False)
    refused(unknown, "auth", "The user name or the password is wrong.")
    server.wait_log(r'4151 AUTH_UNKNOWN_USER.* user="mallory"')
    assert wrong.err == unknown.err, "the answer tells who exists"


@pytest.mark.parametrize("case, days, name, usage, text", [
    ("expired", (-30, -1), "vpn.example", "serverAuth",
     "The server's certificate has expired."),
    ("not yet valid", (2, 30), "vpn.example", "serverAuth",
     "The server's certificate is not valid yet."),
    ("another name", (-1, 30), "www.elsewhere.example", "serverAuth",
     "The server's certificate is for another name."),
    ("another purpose", (-1, 30), "vpn.example", "clientAuth",
     "The server's certificate is not meant for servers."),
])
def test_certificate(start_server, connect, tmp_path, case, days, name, usage, text):
    certificate, key = make_certificate(tmp_path, name, days, usage)
    start_server({"tls": {"certificate": certificate, "key": key}})
    refused(connect("--ca", certificate, trust=False, wait=False), "cert", text)


def test_untrusted_certificate(server, connect):
    refused(connect(trust=False, wait=False), "cert",
            "The server's certificate is self-signed, and this machine does not trust it.",
            "name it with --ca, or pin its key with --pin")


def test_wrong_name_names_the_names_found(server, connect):
    refused(connect(server="other.example", wait=False), "cert",
            "The server's certificate is for another name.", "vpn.example", "other.example")


def test_wrong_pin(server, connect):
    refused(connect("--pin", "sha256//" + "A" * 43 + "=", trust=False, wait=False), "cert",
            "The server's key is not the pinned one.")


def test_right_pin_and_insecure_connect(net, server, connect):
    """With two keys at the server one may pin either; the client says which it saw when wrong."""
    wrong = connect("--pin", "sha256//" + "A" * 43 + "=", trust=False, wait=False)
    wrong.wait_exit()
    pins = [pin_of(os.path.join(server.state, f)) for f in ("server-p256.crt", "server-rsa.crt")]
    seen = [p for p in pins if p in wrong.err]
    assert len(seen) == 1, wrong.story()
    client = connect("--pin", seen[0], trust=False)
    assert net.cli.ping(client.peer, 1) == 1
    assert client.stop() == 0
    client = connect("--insecure", trust=False)
    assert re.search("--insecure.*not", client.err), "--insecure says what it gave up"


def test_pool_exhausted(start_server, connect, net):
    """A /30 has the server's address and one more."""
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/30"}})
    first = connect("--no-default-route", "--no-dns")
    second = connect("--no-default-route", "--no-dns", wait=False, tun="cv-two")
    refused(second, "addresses", "before an address was agreed on",
            "the server says \"Every address of the pool is in use.\"")
    assert net.cli.ping(first.peer, 1) == 1, "who was there stays"


def test_server_full(start_server, connect, net):
    start_server({"server": {"max_sessions": 1}})
    connect("--no-default-route", "--no-dns")
    refused(connect(wait=False, tun="cv-two"), "http", "503",
            "The server answered the SSTP request with an HTTP error.",
            "503: the VPN server is full or is being stopped")


def test_nothing_listens(net, connect):
    refused(connect(server="vpn.example:4443", wait=False, trust=False), "tcp",
            "The server's address refused the connection: nothing listens on this port", "192.0.2.1:4443")


def test_no_such_host(net, connect):
    refused(connect(server="nowhere.invalid", wait=False, trust=False), "dns",
            "The server's name could not be looked up.", "nowhere.invalid")


def say_once(net, octets):
    """A server on srv:443 that reads a little, says `octets`, and closes."""
    listener = net.srv.call(lambda: socket.create_server(("192.0.2.1", 443)))

    def talk():
        connection, _ = listener.accept()
        connection.settimeout(5)
        connection.recv(4096)
        connection.sendall(octets)
        connection.close()
    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    return listener


def test_no_tls_on_the_port(net, connect):
    listener = say_once(net, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    refused(connect(wait=False, trust=False), "tls", "What arrived is not TLS.",
            'it looks like SSH: "SSH-2.0-"')
    listener.close()


def test_pap_is_refused_by_the_client(start_server, connect):
    """PAP shows the password to the server and gives no key for the binding."""
    start_server({"ppp": {"auth": "pap"}})
    refused(connect(wait=False), "lcp",
            "No authentication method was agreed on.")


def test_web_server_instead_of_sstp(net, connect, state):
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{state}/server.crt", f"{state}/server.key")
    listener = net.srv.call(lambda: socket.create_server(("192.0.2.1", 443)))

    def talk():
        connection, _ = listener.accept()
        stream = context.wrap_socket(connection, server_side=True)
        stream.recv(4096)
        stream.sendall(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
        stream.close()
    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    refused(connect(wait=False), "http", "404", "nginx",
            "The server answered the SSTP request with an HTTP error.")
    listener.close()


def test_second_server_on_the_same_address(start_server, tmp_path, server):
    second = start_server(ready=False, state=str(tmp_path / "two"), tun="cv-two")
    assert second.wait_exit() == 1, second.story()
    assert "Another program already listens on that address and port." in second.err
    assert "192.0.2.1:443" in second.err
