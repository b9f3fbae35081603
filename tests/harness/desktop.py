"""
What a desktop has beside a tunnel: a system bus, systemd-resolved, name servers. Each runs in a Host
(harness/host.py), so the bus of the machine under the tests is never asked. Programs whose installation
would change the machine are unpacked beside the build by `./dev test`, not installed.
"""

import os
import subprocess

from .host import wait_for
from .program import ROOT

PEERS = os.environ.get("CULVERT_PEERS", os.path.join(ROOT, "build-peers", "root"))
BUS = """<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/></policy>%s</busconfig>
"""


def unpacked(path):
    """A program of a package that is unpacked; without it the test fails and says how to get it."""
    full = os.path.join(PEERS, path)
    assert os.path.exists(full), f"{full} is not there: `./dev test` unpacks it"
    return full


class Daemon:
    def __init__(self, host, name, *command, **kw):
        self.host, self.name = host, name
        self.log = f"/run/{name}.log"
        with open(host.root + self.log, "ab") as log:
            self.process = host.popen(*command, stdout=log, stderr=subprocess.STDOUT, **kw)

    def text(self):
        with open(self.host.root + self.log, errors="replace") as f:
            return f.read()

    def wait(self, condition, what):
        def look():
            assert self.process.poll() is None, f"{self.name} ended:\n{self.text()}"
            return condition()
        return wait_for(look, 30, f"{self.name}: {what}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bus(Daemon):
    """The system bus of a host; `policy` are further elements of its configuration."""

    def __init__(self, host, policy=""):
        os.makedirs(f"{host.root}/run/dbus", exist_ok=True)
        with open(f"{host.root}/run/bus.conf", "w") as f:
            f.write(BUS % policy)
        super().__init__(host, "bus", "dbus-daemon", "--config-file=/run/bus.conf", "--nofork",
                         "--nopidfile", "--nosyslog")
        self.wait(lambda: os.path.exists(f"{host.root}/run/dbus/system_bus_socket"), "its socket")

    def owns(self, name):
        return self.host.ok("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                            "GetNameOwner", "s", name)


class Resolved(Daemon):
    """systemd-resolved on the host's bus, in the network of `net` (the host's own)."""

    def __init__(self, bus, upstream, net=None):
        host = bus.host
        program = unpacked("lib/systemd/systemd-resolved")
        for file, line in (("passwd", "systemd-resolve:x:65533:65533::/:/usr/sbin/nologin"),
                           ("group", "systemd-resolve:x:65533:")):
            with open(f"{host.root}/etc/{file}", "r+") as f:
                if "systemd-resolve:" not in f.read():
                    f.write(line + "\n")
        os.makedirs(f"{host.root}/run/systemd/resolve", exist_ok=True)
        os.chown(f"{host.root}/run/systemd/resolve", 65533, 65533)
        with open(f"{host.root}/etc/systemd/resolved.conf", "w") as f:
            f.write(f"[Resolve]\nDNS={upstream}\nFallbackDNS=\nCache=no\nLLMNR=no\nMulticastDNS=no\n")
        enter = ["nsenter", f"--net=/proc/{net.pid}/ns/net", "--"] if net else []
        super().__init__(host, "resolved", *enter, program)
        self.wait(lambda: bus.owns("org.freedesktop.resolve1"), "its name on the bus")
        host.run("ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf")

    def status(self, link):
        return self.host.run(unpacked("usr/bin/resolvectl"), "status", link, check=False)


class NameServer(Daemon):
    """dnsmasq at one address; every name leads to `answer`. Counts who asked for what."""

    def __init__(self, host, address, answer):
        super().__init__(host, f"dns-{address}", "dnsmasq", "--keep-in-foreground", "--no-resolv",
                         "--no-hosts", "--conf-file=/dev/null", "--user=root", "--bind-interfaces",
                         f"--listen-address={address}", f"--address=/#/{answer}", "--log-queries",
                         "--log-facility=-", "--pid-file", "--cache-size=0")
        self.wait(lambda: "started" in self.text(), "its start")

    def asked(self, name):
        """How many queries for the name came (of any type)."""
        return sum(f" {name} from " in line for line in self.text().splitlines()
                   if " query[" in line)


class NetworkManager(Daemon):
    """
    NetworkManager on a host of its own, whose bus it gets, with the plugin at both of its names. sysfs is
    read-only there, as in a container, so it waits for no udev.
    """

    def __init__(self, host, program, env):
        self.bus = Bus(host)
        self.libraries = {"LD_LIBRARY_PATH": unpacked("usr/lib/x86_64-linux-gnu")
                          if os.path.exists(os.path.join(PEERS, "usr/lib/x86_64-linux-gnu"))
                          else unpacked("usr/lib/aarch64-linux-gnu")}
        host.run("sh", "-c", "rm -rf /etc/NetworkManager; mkdir -p /etc/NetworkManager/VPN "
                 "/etc/NetworkManager/system-connections /var/lib/NetworkManager; "
                 "mount -o remount,bind,ro /sys")
        for name in ("culvert", "sstp"):
            for what in ("service", "auth-dialog"):
                os.symlink(program, f"{host.root}/etc/NetworkManager/nm-{name}-{what}")
            with open(os.path.join(ROOT, f"contrib/networkmanager/nm-{name}-service.name.in")) as f:
                text = f.read().replace("@libexecdir@", "/etc/NetworkManager")
            with open(f"{host.root}/etc/NetworkManager/VPN/nm-{name}-service.name", "w") as f:
                f.write(text)
        with open(f"{host.root}/etc/NetworkManager/NetworkManager.conf", "w") as f:
            f.write("[main]\nplugins=keyfile\nauth-polkit=false\nno-auto-default=*\ndns=none\n"
                    "rc-manager=unmanaged\n[logging]\nlevel=INFO\n")
        self.env = {**env, **self.libraries}
        super().__init__(host, "nm", unpacked("usr/sbin/NetworkManager"), "--no-daemon",
                         env=self.env)
        self.wait(lambda: self.bus.owns("org.freedesktop.NetworkManager"), "its name on the bus")

    def cli(self, *arguments, check=True, timeout=60):
        return self.host.run(unpacked("usr/bin/nmcli"), *arguments, check=check, timeout=timeout,
                             env=self.env)

    def close(self):
        super().close()
        self.bus.close()
