"""A session's lane as both ends see it; the tests that want one run a transfer on a long path."""

import json
import re

from . import pump
from .host import wait_for
from .program import run

SPLIT = ("--no-default-route", "--no-dns", "--verbose")


class Lanes:
    def __init__(self, net, binary, state):
        self.net, self.binary, self.state = net, binary, state

    def shown(self):
        """For each session of the server: has it a lane?"""
        return [s["lane"] for s in json.loads(run(
            self.binary, "sessions", "--json", "--state", self.state, host=self.net.srv)[1])]

    def connections(self, port=443):
        """Ports of the client, as the server's host sees its connections."""
        return re.findall(r"198\.51\.100\.2:(\d+)", self.net.srv.run(
            "ss", "-Htn", "state", "established", "sport", "=", f":{port}"))

    def octets(self, port):
        """What has gone by the client's connection from there, both ways, with its headers."""
        told = self.net.srv.run("ss", "-Htin", "state", "established", "dport", "=", f":{port}")
        return sum(int(n) for n in re.findall(r"bytes_(?:sent|received):(\d+)", told))

    def transfer(self, server):
        """A transfer that is under way, and the lane that it wanted is up."""
        bulk = pump.Bulk(self.net.cli, self.net.srv, server.address())
        wait_for(lambda: self.shown() == [True], 20, "a lane", 0.1)
        return bulk

    def wait_gone(self):
        """Both connections of the only session."""
        wait_for(lambda: not self.connections(), 10, "both connections to go")
