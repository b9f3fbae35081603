# SPDX-License-Identifier: Apache-2.0
"""
Suspend, as a program sees it: logind's signal PrepareForSleep, by python3-dbusmock on a private bus.

        cli  culvert connect, logind-mock.sh  ----  srv  culvert serve
"""

import os
import re
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers"))
import peers  # noqa: E402  (the path above comes first)
from harness.host import wait_for

SPLIT = ("--no-default-route", "--no-dns", "-v")
SLEPT = "this machine has slept"


class Logind(peers.Script):
    name = "logind-mock.sh"

    def __init__(self, host):
        folder = tempfile.mkdtemp(prefix="culvert-logind-", dir="/var/tmp")
        super().__init__(host, folder, LM_DIR=folder)
        code, out = self("start")
        assert code == 0, out

    def close(self):
        self("stop")

    @property
    def address(self):
        return f"unix:path={self.folder}/bus/system_bus_socket"


@pytest.fixture
def logind(net, monkeypatch):
    mock = Logind(net.cli)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", mock.address)
    yield mock
    mock.close()


def connections(client):
    return re.findall(r"^culvert: connected ", client.out, re.MULTILINE)


def test_a_tunnel_that_lives_outlasts_a_suspend(net, start_server, connect, logind):
    """Nothing is made again: the server answers when it is asked after waking."""
    start_server()
    client = connect(*SPLIT, once=False)
    code, out = logind("cycle", "0.3")
    assert code == 0, out
    wait_for(lambda: SLEPT in client.err, 30, "the client to hear of it")
    assert net.cli.ping(client.peer, 3) == 3
    assert len(connections(client)) == 1
    assert client.stop() == 0, client.story()


def test_a_server_that_says_nothing_on_waking_is_called_again(net, start_server, connect, logind):
    """Its silence alone would be noticed after an hour: the question after the sleep finds it."""
    server = start_server()
    client = connect(*SPLIT, "--hello", "3600", once=False)
    logind("sleep")
    os.kill(server.pid, signal.SIGSTOP)
    assert "CLIENT_CONNECTS_AGAIN" not in client.err
    logind("wake")
    wait_for(lambda: "CLIENT_CONNECTS_AGAIN" in client.err, 30, f"the loss\n{client.story()}")
    os.kill(server.pid, signal.SIGCONT)
    wait_for(lambda: len(connections(client)) == 2, 60, f"a second connection\n{client.story()}")
    assert client.err.index(SLEPT) < client.err.index("CLIENT_CONNECTS_AGAIN")
    assert net.cli.ping(client.peer, 1) == 1
    assert client.stop() == 0, client.story()
