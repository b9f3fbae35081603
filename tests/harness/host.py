"""
Machines out of namespaces.

A Host is a network and a mount namespace held open by one sleeping process. Nothing of it has a
name outside: no entry under /run/netns, no interface in the namespace of the machine. When its
process ends, and it dies with the test run, the kernel takes everything apart. Each host has an
/etc, a /run, a /var/lib and a /var/log of its own (the first as a copy on write), so a program
under test may change resolv.conf, or leave traces, as it would on a real machine.
"""

import atexit
import contextlib
import ctypes
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time

from .echo import Echo

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# The copy on write lies in a tmpfs, for in a container / itself is often one; without it, a copy.
_HOLD = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/etc /run/etc/upper /run/etc/work
if ! mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc \\
	2>/dev/null; then
	cp -a /etc/. /run/etc/upper
	mount --bind /run/etc/upper /etc
fi
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /var/log
mount -t sysfs sysfs /sys
rm -f /etc/resolv.conf
echo "nameserver 192.0.2.53" >/etc/resolv.conf
ip link set lo up
# Containers see /proc/sys read-only; a host of ours has switches of its own.
[ -w /proc/sys/net/ipv4/ip_forward ] || mount -o remount,bind,rw /proc/sys 2>/dev/null || :
: >/run/ready
exec sleep infinity
"""


def die_with_parent():
    """For preexec_fn: the kernel ends this child when the test run is gone, however it went."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def lacks():
    """
    Why no test with a tunnel can run on this machine, or "". What begins with "the kernel lacks" is
    the one excuse that the ladder takes with --ci.
    """
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as e:
        return f"the kernel lacks /dev/net/tun: {e.strerror}"
    return ""


class CommandFailed(AssertionError):
    """A command that had to work did not; says which, where, and what it printed."""


class Host:
    def __init__(self, name):
        self.name = name
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _HOLD],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        self.pid = self._holder.pid
        self.root = f"/proc/{self.pid}/root"  # this host's files, seen from outside
        atexit.register(self.close)
        wait_for(lambda: os.path.exists(f"{self.root}/run/ready")
                 or self._holder.poll() is not None, 20, f"host {name} to start")
        if self._holder.poll() is not None:
            raise CommandFailed(f"host {name}: {self._holder.stderr.read().decode()}")
        self._net_ino = os.stat(f"/proc/{self.pid}/ns/net").st_ino

    def argv(self, *command):
        here = f"/proc/{self.pid}"
        return ["nsenter", f"--net={here}/ns/net", f"--mount={here}/ns/mnt", f"--root={here}/root",
                "--", *map(str, command)]

    def popen(self, *command, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(*command), preexec_fn=die_with_parent, **kw)

    def run(self, *command, check=True, timeout=30, **kw):
        """Runs a command to its end; returns what it printed (both streams), stripped."""
        if len(command) == 1:
            command = shlex.split(command[0])
        kw.setdefault("stdin", subprocess.DEVNULL)
        r = subprocess.run(self.argv(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, errors="replace", timeout=timeout, **kw)
        if check and r.returncode:
            raise CommandFailed(f"{self.name}: {' '.join(map(str, command))}: exit "
                                f"{r.returncode}\n{r.stdout}")
        return r.stdout.strip()

    def ok(self, *command, timeout=30):
        if len(command) == 1:
            command = shlex.split(command[0])
        return subprocess.run(self.argv(*command), stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def ip(self, arguments):
        return self.run("ip " + arguments)

    def sysctl(self, key, value):
        self.run("sysctl", "-q", "-w", f"{key}={value}")

    def ping(self, address, count=3, size=56, wait=5, interval=0.2):
        """How many of `count` echo requests were answered; each has `wait` seconds for it."""
        return Echo(self, address, count, size, wait, interval).answered()

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        """A socket that lives on this host, for use from the test process."""
        return self.call(lambda: socket.socket(family, kind, proto))

    def call(self, function):
        """Runs function() in a thread whose network is this host's; its sockets stay there."""
        box = {}

        def inside():
            try:
                with open(f"/proc/{self.pid}/ns/net") as ns:
                    if _libc.setns(ns.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                box["value"] = function()
            except BaseException as e:  # handed over to the caller's thread
                box["error"] = e

        t = threading.Thread(target=inside)
        t.start()
        t.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    def packets_received(self, interface):
        """What a TUN's owner wrote into it counts as received by the interface."""
        return int(self.run("cat", f"/sys/class/net/{interface}/statistics/rx_packets"))

    def processes(self):
        """Processes in this host's network, its holder not counted."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.pid:
                with contextlib.suppress(OSError):
                    if os.stat(f"/proc/{entry}/ns/net").st_ino == self._net_ino:
                        found.append(int(entry))
        return found

    def close(self):
        """Ends what still runs on this host (the test run itself lives elsewhere), then the host."""
        if self._holder.poll() is None:
            for pid in self.processes():
                if pid != os.getpid():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            self._holder.kill()
            self._holder.wait()


def wire(a, a_if, b, b_if):
    """A cable between two hosts; `None` as host is never used: nothing appears outside."""
    subprocess.run(["nsenter", f"--net=/proc/{a.pid}/ns/net", "ip", "link", "add", a_if, "type",
                    "veth", "peer", "name", b_if, "netns", str(b.pid)], check=True)
    for host, interface in ((a, a_if), (b, b_if)):
        host.ip(f"link set {interface} up")


def traces(host):
    """What a program could leave behind on a host, as text to compare."""
    links = re.findall(r"^\d+: ([^:@]+)", host.run("ip -o link"), re.MULTILINE)
    return "\n".join((
        " ".join(sorted(links)), host.run("ip -4 route"), host.run("ip -4 rule"),
        host.run("ip -6 rule"), host.run("nft list ruleset"), host.run("cat /etc/resolv.conf")))


def wait_for(condition, seconds, what, interval=0.02):
    """Polls until condition() is true; returns its value. Fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(interval)
