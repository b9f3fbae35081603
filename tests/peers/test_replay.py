"""
The player itself: does it fail when it should? No network; the server is a script of this file.
"""

import struct
import time

import pytest

from harness import sstp
from replay import Replay

ACK = sstp.control("CALL_CONNECT_ACK", struct.pack(">BBHI", 0, 4, 40, 3) + bytes(32), 1)
REQUEST = sstp.packet(sstp.REQUEST, 7, bytes.fromhex("0104057803 05c22381 0506a1b2c3d4"))
RESTART = 3.0


class FakeServer:
    """Answers the Call Connect Request; sends its first LCP request `early`, or after the client's."""
    certificate = b"certificate"

    def __init__(self, early, reject=b"\x0d\x03\x06"):
        self.early, self.reject = early, reject
        self.due = []  # (time, packet)
        self.seen = []

    def at(self, seconds, octets):
        self.due.append((time.monotonic() + seconds, octets))

    def send(self, octets):
        if octets == sstp.control("CALL_CONNECT_REQUEST", bytes.fromhex("000100060001"), 1):
            self.at(0, ACK)
            if self.early:
                self.at(0, sstp.data(sstp.ppp(sstp.LCP, REQUEST)))
                self.at(RESTART, sstp.data(sstp.ppp(sstp.LCP, REQUEST)))
        elif octets[6:9] == b"\xc0\x21\x01" and octets[9] == 0:
            self.at(0, sstp.data(sstp.ppp(sstp.LCP, sstp.packet(sstp.REJECT, 0, self.reject))))
            if not self.early:
                self.at(0, sstp.data(sstp.ppp(sstp.LCP, REQUEST)))

    def silence(self, seconds):
        time.sleep(seconds)
        now = time.monotonic()
        found = [sstp.Message(o) for t, o in self.due if t <= now]
        self.due = [(t, o) for t, o in self.due if t > now]
        self.seen += found
        return found


SCRIPT = """
<  10 01 00 0e 00 01 00 01 00 01 00 06 00 01   # Call Connect Request
>  CALL_CONNECT_ACK
@  +0.050 deaf
<  10 00 00 1d ff 03 c0 21 01 00 00 15 01 04 0f fb 05 06 34 5f 64 ca 07 02 08 02 0d 03 06
>  LCP Configure-Reject id=0 13=06 only
>  LCP Configure-Request 3=c22381
@  <2.0
"""


def play(tmp_path, server, script=SCRIPT):
    path = tmp_path / "script.txt"
    path.write_text(script)
    Replay(server).play(str(path))


def test_a_server_that_waits_for_the_client_passes(tmp_path):
    play(tmp_path, FakeServer(early=False))


def test_a_first_request_that_windows_does_not_hear_fails(tmp_path):
    with pytest.raises(AssertionError, match="@  <2.0"):
        play(tmp_path, FakeServer(early=True))


def test_another_reject_than_the_one_written_fails(tmp_path):
    with pytest.raises(AssertionError, match="Configure-Reject"):
        play(tmp_path, FakeServer(early=False, reject=bytes.fromhex("070208020d0306")))


def test_what_no_line_names_fails(tmp_path):
    with pytest.raises(AssertionError, match="also sent"):
        play(tmp_path, FakeServer(early=False),
             SCRIPT.replace(">  LCP Configure-Request 3=c22381\n", ""))
