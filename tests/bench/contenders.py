"""
Who is measured. Each has a server on srv, made once, and a client on cli that is started towards
one of the two addresses; `target` is the server's address inside the tunnel.
"""

import base64
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import peers
from harness import program
from harness.host import wait_for
from rig import OUTER, family, threads, until_answer

USER, PASSWORD = program.USER, program.PASSWORD
SOFTETHER = "/usr/libexec/softether"
SLOW = 30


class Missing(Exception):
    """A program that this contender is made of is not installed."""


def found(*names):
    for name in names:
        if not (os.path.exists(name) if "/" in name else shutil.which(name)):
            raise Missing(name)


def stop(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Contender:
    name = title = ""
    target = None
    over_tls = True     # counts as "best peer"
    is_tunnel = True
    by_name_only = False
    start_seconds = 20  # most that a client may take

    def __init__(self, rig):
        self.rig = rig

    def serve(self):
        """Starts the server; raises Missing."""

    def start_client(self, venue):
        """Starts the client and returns at once."""

    def stop_client(self):
        """Ends it; all of its traces are gone when this returns."""

    def pids(self):
        """(server's, client's)"""
        return [], []

    def connect(self, venue):
        """Starts the client and waits for an answer through the tunnel; the seconds that took."""
        start = time.monotonic()
        self.start_client(venue)
        self.find_target()
        if until_answer(self.rig.cli, self.target, self.start_seconds) is None:
            raise AssertionError(f"{self.name}: no answer from {self.target} through the tunnel")
        took = time.monotonic() - start
        if self.is_tunnel:
            self.rig.set_inner(self.target, self.rig.inner)
        return took

    def find_target(self):
        """For those whose inside address is known only then."""

    def close(self):
        self.stop_client()


class Veth(Contender):
    """No tunnel at all."""
    name, title, over_tls, is_tunnel = "plain", "no tunnel", False, False

    def start_client(self, venue):
        self.target = OUTER[venue]


class Pump(Contender):
    """Only TLS records over TCP; bulk alone."""
    name, title, over_tls = "pump", "TLS pump", False
    mode = "aes256:16384:4:36"

    def run(self, venue, way, seconds, port=7000):
        import json
        program_ = os.path.join(self.rig.helpers, "tlspump")
        address = OUTER[venue]
        server = self.rig.srv.popen(program_, "server", address, port, self.mode, seconds,
                                    self.rig.file("own.pem"), self.rig.file("own.key"),
                                    stdout=subprocess.PIPE, text=True)
        server.stdout.readline()
        ends = [json.loads(self.rig.cli.run(program_, "client", address, port, self.mode, seconds,
                                            way, timeout=seconds + 30)),
                json.loads(server.communicate(timeout=30)[0])]
        receiver = next(e for e in ends if not e["sends"])
        return receiver["octets"], receiver["seconds"], sum(e["cpu"] for e in ends)


class CulvertServer:
    """A server with defaults on both addresses."""

    def __init__(self, rig, port, tun, config=None, extra=(), binary=program.RELEASE):
        found(binary)
        self.rig, self.port = rig, port
        self.state = rig.file(f"state-{port}")
        os.mkdir(self.state)
        program.add_user(binary, self.state, USER, PASSWORD)
        self.password_file = rig.file(f"password-{port}")
        with open(self.password_file, "w") as f:
            f.write(PASSWORD + "\n")
        self.program = program.Server(rig.srv, self.state, binary, listen=f"0.0.0.0:{port}",
                                      tun=tun, config=config,
                                      extra=["--name", "10.99.0.1", "--name", "10.98.0.1", *extra])
        self.program.wait_ready()

    @property
    def pid(self):
        return self.program.pid

    def address(self):
        return self.program.address()

    def close(self):
        self.program.close()
        shutil.rmtree(self.state)


class Culvert(Contender):
    name, title = "culvert", "Culvert"
    port, tun, client_tun, options = 4443, "cv0", "cv1", ()
    binary = program.RELEASE

    def serve(self):
        self.server = CulvertServer(self.rig, self.port, self.tun, binary=self.binary)
        self.target = self.server.address()
        self.client = None

    def start_client(self, venue):
        self.client = program.Client(
            self.rig.cli, self.binary, USER, PASSWORD, f"{OUTER[venue]}:{self.port}", "--ca",
            self.server.program.certificate, "--no-default-route", "--no-dns", *self.options,
            tun=self.client_tun)

    def stop_client(self):
        if self.client:
            self.client.close()
        self.client = None

    def pids(self):
        return [self.server.pid], [self.client.pid] if self.client else []

    def close(self):
        self.stop_client()
        self.server.close()


class OneConnection(Culvert):
    """What lanes bring: the same without them. By name only (`path culvert one`)."""
    name, title = "one", "Culvert --no-lanes"
    port, tun, client_tun, options = 4447, "cv5", "cv6", ("--no-lanes",)
    by_name_only = True


class Before(Culvert):
    """Another build of Culvert, both ends of it. By name only (`idle bulk culvert before`)."""
    name, title = "before", "Culvert, CULVERT_BEFORE"
    port, tun, client_tun = 4448, "cv7", "cv8"
    binary = os.environ.get("CULVERT_BEFORE", "")
    by_name_only = True


class Sstpc(Culvert):
    """Debian's sstp-client and pppd; pppemu.c stands in for the kernel's PPP."""
    name, title = "sstpc", "sstpc → Culvert"
    port, tun = 4444, "cv2"

    def serve(self):
        found("sstpc", "pppd")
        super().serve()

    def start_client(self, venue):
        self.client = peers.Sstpc(self.rig.cli, USER, PASSWORD, unit=8)
        self.client.up(f"{OUTER[venue]}:{self.port}")

    def pids(self):
        clients = []
        if self.client:
            with open(os.path.join(self.client.folder, "pid")) as f:
                clients = family(int(f.read()))
        return [self.server.pid], clients


class SoftEtherServer:
    """One server for the native protocol and SSTP, its hub bridged to a TAP. Made by the first."""
    kept = None

    @classmethod
    def get(cls, rig):
        if not cls.kept:
            cls.kept = cls(rig)
        cls.kept.users += 1
        return cls.kept

    def __init__(self, rig):
        found(f"{SOFTETHER}/vpnserver/vpnserver", f"{SOFTETHER}/vpncmd/vpncmd")
        self.users, self.rig = 0, rig
        self.peer = peers.SoftEther(rig.srv, OUTER["fast"], USER, PASSWORD, name="bench").start()
        for command in (("NatDisable",), ("LogDisable", "security"), ("LogDisable", "packet"),
                        ("ExtOptionSet", "DisableUdpAcceleration", "/VALUE:1")):
            self.peer("vpncmd", *command)
        rig.srv.run(f"{SOFTETHER}/vpncmd/vpncmd", "127.0.0.1:443", "/SERVER", "/CMD",
                    "BridgeCreate", "VPN", "/DEVICE:sx", "/TAP:yes")
        wait_for(lambda: rig.srv.ok("ip link show tap_sx"), 10, "SoftEther's TAP")
        rig.srv.ip("address add 10.202.0.5/24 dev tap_sx")
        rig.srv.ip("address add 10.203.0.5/24 dev tap_sx")
        rig.srv.ip("link set tap_sx up")
        with open(os.path.join(self.peer.folder, "pid")) as f:
            self.pid = int(f.read())

    def pids(self):
        # it raises itself to nice -20
        pids = family(self.pid)
        for pid in pids:
            for tid in threads(pid):
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, int(tid), 0)
        return pids

    def release(self):
        self.users -= 1
        if not self.users:
            self.peer.close()
            SoftEtherServer.kept = None


class SoftEther(Contender):
    """Its own protocol over one TCP connection, TAP to TAP."""
    name, title, target = "softether", "SoftEther", "10.203.0.5"

    def serve(self):
        found(f"{SOFTETHER}/vpnclient/vpnclient")
        self.server = SoftEtherServer.get(self.rig)
        self.folder = self.rig.file("se-client")
        for name in ("tmp", "lib", "run", "log"):
            os.makedirs(os.path.join(self.folder, name))
        self.daemon = None
        self.connected = False

    def _argv(self, script):
        """Debian's build keeps state in fixed folders and a lock in /tmp."""
        mounts = "".join(f"mkdir -p {at} && mount --bind {self.folder}/{name} {at} && " for name, at
                         in (("tmp", "/tmp"), ("lib", "/var/lib/softether"),
                             ("run", "/run/softether"), ("log", "/var/log/softether")))
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", mounts + script, "sh"]

    def _command(self, *words, check=False):
        return self.rig.cli.run(*self._argv(f'exec {SOFTETHER}/vpncmd/vpncmd localhost /CLIENT /CMD '
                                            '"$@"'), *words, check=check, timeout=60)

    def _begin_daemon(self):
        self.daemon = self.rig.cli.popen(*self._argv(f"exec {SOFTETHER}/vpnclient/vpnclient "
                                                     "execsvc"),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: "completed successfully" in self._command("VersionGet"), 20,
                 "SoftEther's client", 0.3)
        self._command("NicCreate", "bn")
        self._command("AccountCreate", "b", f"/SERVER:{OUTER['fast']}:443", "/HUB:VPN",
                      f"/USERNAME:{USER}", "/NICNAME:bn")
        self._command("AccountPasswordSet", "b", f"/PASSWORD:{PASSWORD}", "/TYPE:standard")
        self._command("AccountDetailSet", "b", "/MAXTCP:1", "/INTERVAL:1", "/TTL:0", "/HALF:no",
                      "/BRIDGE:no", "/MONITOR:no", "/NOTRACK:yes", "/NOQOS:yes", "/DISABLEUDP:yes")
        wait_for(lambda: self.rig.cli.ok("ip link show vpn_bn"), 10, "SoftEther's interface")
        self.rig.cli.ip("address add 10.203.0.9/24 dev vpn_bn")
        self.rig.cli.ip("link set vpn_bn up")

    def start_client(self, venue):
        if not self.daemon:
            self._begin_daemon()
        self._command("AccountSet", "b", f"/SERVER:{OUTER[venue]}:443", "/HUB:VPN")
        self._command("AccountConnect", "b", check=True)
        self.connected = True

    def stop_client(self):
        if self.connected:
            self._command("AccountDisconnect", "b")
        self.connected = False

    def pids(self):
        clients = family(self.daemon.pid) if self.daemon else []
        for pid in clients:
            for tid in threads(pid):
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, int(tid), 0)
        return self.server.pids(), clients

    def close(self):
        self.stop_client()
        if self.daemon:
            clients = family(self.daemon.pid)
            stop(self.daemon)
            for pid in clients:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.server.release()


class CulvertSoftEther(Contender):
    """Culvert's client at SoftEther's SSTP server."""
    name, title, target = "culvert-se", "Culvert → SoftEther", "10.202.0.5"

    def serve(self):
        self.server = SoftEtherServer.get(self.rig)
        self.client = None

    def start_client(self, venue):
        self.client = program.Client(
            self.rig.cli, program.RELEASE, USER, PASSWORD, f"{OUTER[venue]}:443", "--insecure",
            "--no-default-route", "--route", "10.202.0.5/32", "--no-dns", "--no-ipv6", tun="cv3")

    def stop_client(self):
        if self.client:
            self.client.close()
        self.client = None

    def pids(self):
        return self.server.pids(), [self.client.pid] if self.client else []

    def close(self):
        self.stop_client()
        self.server.release()


class OpenVPN(Contender):
    """TCP, AES-256-GCM, in user space."""
    name, title, target = "openvpn", "OpenVPN TCP", "10.8.0.1"

    def serve(self):
        found("openvpn")
        self.client = None
        self.server = self._run(
            self.rig.srv, "server", "--dev", "ov0", "--proto", "tcp-server", "--port", "1194",
            "--topology", "subnet", "--server", "10.8.0.0", "255.255.255.0", "--dh", "none",
            "--keepalive", "10", "60")

    def _run(self, host, end, *arguments):
        log = open(self.rig.file(f"openvpn-{end}.log"), "w")
        return host.popen("openvpn", *arguments, "--dev-type", "tun", "--disable-dco",
                          "--tcp-nodelay", "--data-ciphers", "AES-256-GCM", "--ca",
                          self.rig.file("ca.pem"), "--cert", self.rig.file(end + ".pem"), "--key",
                          self.rig.file(end + ".key"), stdout=log, stderr=log)

    def start_client(self, venue):
        self.client = self._run(self.rig.cli, "client", "--client", "--dev", "ov1", "--proto",
                                "tcp-client", "--nobind", "--remote", OUTER[venue], "1194",
                                "--connect-retry", "1")

    def stop_client(self):
        if self.client:
            stop(self.client)
        self.client = None

    def pids(self):
        return [self.server.pid], [self.client.pid] if self.client else []

    def close(self):
        self.stop_client()
        stop(self.server)


OCSERV = """
auth = "plain[passwd={folder}/ocpasswd]"
tcp-port = 4431
run-as-user = nobody
run-as-group = nogroup
socket-file = {folder}/ocserv.sock
server-cert = {folder}/own.pem
server-key = {folder}/own.key
isolate-workers = false
max-clients = 0
max-same-clients = 0
rate-limit-ms = 0
keepalive = 300
dpd = 90
mobile-dpd = 1800
try-mtu-discovery = false
compression = false
tls-priorities = "NORMAL:%SERVER_PRECEDENCE:%COMPAT:-VERS-SSL3.0"
auth-timeout = 240
min-reauth-time = 0
max-ban-score = 0
cookie-timeout = 300
device = oc
predictable-ips = true
ipv4-network = 10.10.0.0
ipv4-netmask = 255.255.255.0
ping-leases = false
use-occtl = false
pid-file = {folder}/ocserv.pid
cisco-client-compat = true
"""
VPNC = """#!/bin/sh
[ "$reason" = connect ] || exit 0
ip link set "$TUNDEV" up mtu "${INTERNAL_IP4_MTU:-1400}"
ip addr add "$INTERNAL_IP4_ADDRESS/24" dev "$TUNDEV"
"""


class Ocserv(Contender):
    """ocserv and openconnect, TLS only."""
    name, title, target = "ocserv", "ocserv TLS", "10.10.0.1"

    def serve(self):
        found("ocserv", "openconnect", "ocpasswd")
        folder = self.rig.folder
        subprocess.run(["ocpasswd", "-c", f"{folder}/ocpasswd", USER], check=True, text=True,
                       input=f"{PASSWORD}\n{PASSWORD}\n", stdout=subprocess.DEVNULL)
        os.chmod(f"{folder}/ocpasswd", 0o644)
        with open(f"{folder}/ocserv.conf", "w") as f:
            f.write(OCSERV.format(folder=folder))
        with open(f"{folder}/vpnc.sh", "w") as f:
            f.write(VPNC)
        os.chmod(f"{folder}/vpnc.sh", 0o755)
        spki = subprocess.run("openssl x509 -in own.pem -pubkey -noout | openssl pkey -pubin "
                              "-outform der", shell=True, cwd=folder, check=True,
                              capture_output=True).stdout
        self.pin = "pin-sha256:" + base64.b64encode(hashlib.sha256(spki).digest()).decode()
        self.client = None
        log = open(f"{folder}/ocserv.log", "w")
        self.server = self.rig.srv.popen("ocserv", "-f", "-c", f"{folder}/ocserv.conf", stdout=log,
                                         stderr=log)
        wait_for(lambda: ":4431 " in self.rig.srv.run("ss -ltn"), 10, "ocserv")

    def start_client(self, venue):
        log = open(self.rig.file("openconnect.log"), "w")
        self.client = self.rig.cli.popen(
            "openconnect", "--protocol=anyconnect", f"--user={USER}", "--passwd-on-stdin",
            "--no-dtls", "--interface=oc1", f"--script={self.rig.folder}/vpnc.sh",
            f"--servercert={self.pin}", f"https://{OUTER[venue]}:4431", stdin=subprocess.PIPE,
            stdout=log, stderr=log)
        self.client.stdin.write(PASSWORD.encode() + b"\n")
        self.client.stdin.close()

    def stop_client(self):
        if self.client:
            stop(self.client, signal.SIGINT)
        self.client = None

    def pids(self):
        return family(self.server.pid), [self.client.pid] if self.client else []

    def close(self):
        self.stop_client()
        stop(self.server)


ALL = {c.name: c for c in (Veth, Pump, Culvert, SoftEther, Ocserv, OpenVPN, CulvertSoftEther, Sstpc,
                              OneConnection, Before)}
