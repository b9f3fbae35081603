# SPDX-License-Identifier: Apache-2.0
"""
A second factor: the code of an app behind the password, in one word. The app is RFC 6238, computed here.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import time

import pytest

from harness import program
from harness.program import PASSWORD, USER

PLAIN = ("--no-default-route", "--no-dns")


def code(secret, at):
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    place = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[place:place + 4])[0] & 0x7fffffff) % 1000000)


class App:
    """Gives codes, each one once: that of now, then at once the next one."""

    def __init__(self, secret):
        self.secret, self.last = secret, 0

    def next(self):
        self.last = max(self.last + 30, time.time())
        while self.last > time.time() + 25:
            time.sleep(1)
        return code(self.secret, self.last)


@pytest.fixture
def culvert(state, binary):
    def run(*words, stdin="", check=True):
        return program.run(binary, *words, "--state", state, stdin=stdin, check=check)
    return run


@pytest.fixture
def app(culvert):
    culvert("user", "passwd", USER, "--password-stdin", "--reversible", stdin=PASSWORD + "\n")
    return App(json.loads(culvert("user", "totp", USER, "--json")[1])["secret"])


def refused(connect, server, event, password, *options):
    client = connect(*PLAIN, *options, password=password, wait=False)
    assert client.wait_exit(30) == 19, client.story()
    assert "E=691" in client.err or "4102" in client.err, client.err
    server.wait_log(event)


def test_enrolment_shows_the_seed_in_three_ways(culvert):
    code_, _, err = culvert("user", "totp", USER, check=False)
    assert code_ == 1 and "event 6129" in err and "--reversible" in err, err
    culvert("user", "passwd", USER, "--password-stdin", "--reversible", stdin=PASSWORD + "\n")
    out = culvert("user", "totp", USER)[1]
    uri = re.search(r"^otpauth://totp/\S+:alice\?secret=([A-Z2-7]{32})&issuer=\S+$", out, re.M)
    assert uri, out
    assert uri[1] in out.split("The key, to type:")[1].replace(" ", "")
    assert len(re.findall(r"^[█▀▄ ]{37,}$", out, re.M)) > 18, out  # the QR code
    assert culvert("user", "totp", USER, check=False)[0] == 1  # it has one
    new = culvert("user", "totp", USER, "--new", "--json")[1]
    assert json.loads(new)["secret"] != uri[1]
    assert json.loads(culvert("user", "show", USER, "--json")[1])["totp"] is True
    culvert("user", "totp", USER, "--remove")
    assert json.loads(culvert("user", "show", USER, "--json")[1])["totp"] is False
    assert "event 6128" in culvert("user", "totp", USER, "--remove", check=False)[2]


@pytest.mark.parametrize("auth", ["eap-mschapv2", "mschapv2", "peap"])
def test_password_and_code_in_one_word(net, start_server, connect, app, auth):
    server = start_server({"ppp": {"auth": "eap-peap eap-mschapv2 mschapv2"}})
    word = PASSWORD + app.next()
    client = connect(*PLAIN, "--auth", auth, password=word)
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("3190 SSTP_BINDING_OK")  # with the key of password and code
    assert client.stop() == 0
    refused(connect, server, "AUTH_TOTP_USED", word, "--auth", auth)
    refused(connect, server, "AUTH_TOTP_MISSING", PASSWORD, "--auth", auth)


def test_pap_shows_what_is_wrong(start_server, connect, app):
    server = start_server({"ppp": {"auth": "pap chap"}})
    assert connect(*PLAIN, "--auth", "pap", password=PASSWORD + app.next()).stop() == 0
    refused(connect, server, "AUTH_TOTP_WRONG", PASSWORD + code(app.secret, time.time() - 3600), "--auth", "pap")
    refused(connect, server, "AUTH_TOTP_METHOD", PASSWORD, "--auth", "chap")


def test_a_used_code_stays_used_over_a_restart(start_server, connect, app):
    server = start_server()
    word = PASSWORD + app.next()
    assert connect(*PLAIN, password=word).stop() == 0
    server.stop()
    refused(connect, start_server(), "AUTH_TOTP_USED", word)


def test_a_certificate_needs_no_code_when_that_is_said(start_server, connect, app, culvert, tmp_path):
    secret = tmp_path / "p12-password"
    secret.write_text("Geheim-1\n")
    culvert("ca", "init")
    culvert("ca", "issue", USER, "--out", tmp_path / "a.p12", "--p12-password-file", secret)
    options = (*PLAIN, "--auth", "eap-tls", "--p12", tmp_path / "a.p12", "--p12-password-file", secret)
    server = start_server({"ppp": {"auth": "eap-tls eap-mschapv2 mschapv2"}})
    client = connect(*options, wait=False)
    assert client.wait_exit(30) == 19, client.story()
    server.wait_log("AUTH_TOTP_METHOD")
    culvert("user", "set", USER, "totp=not-with-certificate")
    assert connect(*options).stop() == 0
    refused(connect, server, "AUTH_TOTP_MISSING", PASSWORD)
    assert connect(*PLAIN, password=PASSWORD + app.next()).stop() == 0


def test_a_group_can_demand_it(start_server, connect, culvert):
    culvert("group", "add", "staff", "totp=required")
    culvert("user", "set", USER, "groups=staff")
    server = start_server()
    refused(connect, server, "AUTH_TOTP_NOT_ENROLLED", PASSWORD)
    culvert("user", "set", USER, "totp=off")
    assert connect(*PLAIN).stop() == 0


def test_the_password_is_changed_by_the_administrator_alone(start_server, connect, culvert, app):
    server = start_server()
    culvert("user", "set", USER, "must_change=yes")
    client = connect(*PLAIN, password=PASSWORD + app.next(), wait=False)
    assert client.wait_exit(30) == 19, client.story()
    server.wait_log("AUTH_TOTP_NO_CHANGE")
    culvert("user", "passwd", USER, "--password-stdin", stdin="Neu-3\n")  # stays reversible
    assert connect(*PLAIN, password="Neu-3" + app.next()).stop() == 0
