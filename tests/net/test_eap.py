"""
Our client logs in at our server by EAP, with the crypto binding required on both ends.
"""

import pytest

from harness import program

PLAIN = ("--no-default-route", "--no-dns")
EAP = {"ppp": {"auth": "eap-mschapv2 eap-md5 mschapv2"}}


@pytest.fixture
def reversible(state, binary):
    program.run(binary, "user", "add", "carol", "--password-stdin", "--reversible", "--state", state,
                stdin="Geheim-2\n")
    return "carol", "Geheim-2"


def test_eap_mschapv2_with_its_key_in_the_binding(net, start_server, connect):
    server = start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-mschapv2")
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_OK")
    server.wait_log("method=eap-mschapv2")
    assert client.stop() == 0


def test_eap_md5_yields_no_key_and_works_all_the_same(net, start_server, connect, reversible):
    server = start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-md5", user=reversible[0], password=reversible[1])
    assert net.cli.ping(client.peer, 1) == 1
    server.wait_log("SSTP_BINDING_UNKEYED")


def test_a_wrong_password_is_said_in_eap_as_it_is_without(start_server, connect):
    start_server(EAP)
    client = connect(*PLAIN, "--auth", "eap-mschapv2", password="wrong", wait=False)
    assert client.wait_exit(30) == 19
    assert "4102 AUTH_FAILED" in client.err and "E=691" in client.err, client.err


def test_a_client_that_wants_another_method_is_told_which(start_server, connect):
    start_server({"ppp": {"auth": "eap-mschapv2"}})
    client = connect(*PLAIN, "--auth", "eap-md5", wait=False)
    assert client.wait_exit(30) == 19
    assert "EAP-MSCHAPv2; wanted here: EAP-MD5" in client.err, client.err


@pytest.mark.parametrize("auth", ["eap-mschapv2,mschapv2", "mschapv2,eap-mschapv2"])
def test_either_of_two_methods_will_do(start_server, connect, auth):
    for offered in ("eap-mschapv2", "mschapv2"):
        server = start_server({"ppp": {"auth": offered}})
        assert connect(*PLAIN, "--auth", auth).stop() == 0
        assert server.stop() == 0
