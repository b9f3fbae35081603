"""
Which address a client gets: of its user's pool, its user's own, and nobody else's.

        cli ==tunnel== srv --- rtr --- www            (drawing in tests/conftest.py)
"""

import pytest

from harness import program, sstp
from harness.program import PASSWORD, USER


def user(binary, state, *arguments, check=True):
    return program.run(binary, "user", *arguments, "--state", state, check=check)


def test_a_users_pool_gives_the_address_and_reaches_out(net, start_server, state, connect, binary):
    program.add_user(binary, state, "bob", PASSWORD)
    user(binary, state, "pool", "bob", "staff")
    start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": "staff=10.78.0.0/24"}})
    bob = connect("--no-dns", user="bob")
    assert bob.address.startswith("10.78.0.")
    assert net.cli.ping("203.0.113.2", 2) == 2
    alice = connect("--no-default-route", "--no-dns", tun="cv-two")
    assert alice.address.startswith("10.77.0.")
    assert net.srv.ping(bob.address, 1) == 1


def test_a_pool_that_is_not_there_is_told_and_does_no_harm(net, start_server, state, connect,
                                                           binary):
    user(binary, state, "pool", USER, "gone")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    assert connect("--no-default-route", "--no-dns").address.startswith("10.77.0.")
    server.wait_log("LEASE_NO_POOL")


def test_a_static_address_is_given_and_a_second_session_on_it_refused(net, start_server, state,
                                                                      connect, binary):
    user(binary, state, "address", USER, "10.77.0.99")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    client = connect("--no-default-route", "--no-dns")
    assert client.address == "10.77.0.99"
    second = connect("--no-default-route", "--no-dns", tun="cv-two", wait=False)
    assert second.wait_exit() != 0
    server.wait_log("LEASE_ADDRESS_IN_USE")
    assert net.cli.ping(client.peer, 1) == 1


def test_a_static_address_that_leads_nowhere_is_told(net, start_server, state, connect, binary):
    user(binary, state, "address", USER, "10.99.0.5")
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24"}})
    connect("--no-default-route", "--no-dns")
    server.wait_log("LEASE_NO_ROUTE")


@pytest.mark.parametrize("pools", ["staff", "a=10.77.0.0/25", "a=10.1.0.0/24 a=10.2.0.0/24",
                                   "a=10.1.0.0/24 b=10.1.0.0/16", "default=10.1.0.0/24"])
def test_pools_that_make_no_sense_are_refused(net, start_server, pools):
    server = start_server({"tunnel": {"ipv4_pool": "10.77.0.0/24", "pools": pools}}, ready=False)
    assert server.wait_exit() == 2
    assert "pools" in server.err
