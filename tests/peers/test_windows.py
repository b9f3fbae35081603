"""
What a Windows client says to the real server over real TLS: two conversations rebuilt from public
decoded logs. Of their octets only the first LCP packet is published as such.

        cli  replay.py plays windows/*.txt  ----TLS----  srv  culvert serve

The files and their grammar: replay.py. They fail when the server's first Configure-Request is sent
before Windows listens (then it comes again after 3 s only), when an option is not answered as
Windows needs it, and when anything else is said than what stands there.
"""

import os
import time

import pytest

from harness import sstp
from harness.program import PASSWORD, USER
from replay import Replay

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "windows")


def play(net, name):
    tunnel = sstp.Tunnel(net.cli, "192.0.2.1").tls()
    Replay(tunnel, USER, PASSWORD).play(os.path.join(FILES, name))
    tunnel.close()


@pytest.mark.parametrize("name, auth", [("mschapv2.txt", "mschapv2"), ("pap.txt", "pap")])
def test_windows_gets_through_without_waiting_for_a_restart_timer(net, start_server, workers,
                                                                  name, auth):
    server = start_server({"server": {"workers": workers}, "ppp": {"auth": auth},
                           "tunnel": {"dns": "203.0.113.2, 203.0.113.3"}})
    play(net, name)
    server.wait_log("MSRAS-0-DESKTOP-7Q1RB3M")


def test_a_silent_client_gets_the_first_request_after_a_second_at_most(net, server):
    """Clients that wait for the server to begin exist too."""
    t = sstp.Tunnel(net.cli, "192.0.2.1").tls().http().sstp()
    begin = time.monotonic()
    t.expect(lambda m: m.protocol == sstp.LCP and m.code == sstp.REQUEST, keep_alive=False)
    assert 0.2 < time.monotonic() - begin < 2
    t.close()
