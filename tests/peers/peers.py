"""The scripts beside this file as objects: each runs one program that nobody here wrote."""

import os
import re
import shutil
import subprocess
import tempfile
import time

from harness.host import wait_for
from harness.program import SLOW

HERE = os.path.dirname(os.path.abspath(__file__))
HTTP_ANSWER_MIN = 60  # octets of a status line and its headers, within TLS
TRIES = 8  # of one login, where each loss is proved to be the client's own


def record(what, why=""):
    """
    A line for the ladder, which counts starts of foreign clients and prints every one that was
    repeated: `start`, or `again` and the reason.
    """
    path = os.environ.get("CULVERT_PEER_RECORD")
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]
    if path:
        with open(path, "a") as f:
            f.write(f"{what}\t{test}\t{why}\n")
    elif why:
        print(f"{what}: {test}: {why}")


class Script:
    name = ""

    def __init__(self, host, folder, **environment):
        self.host = host
        self.folder = folder
        self.environment = {**os.environ, **environment}

    def __call__(self, *arguments, timeout=60):
        r = subprocess.run(self.host.argv("bash", os.path.join(HERE, self.name), *arguments),
                           env=self.environment, stdin=subprocess.DEVNULL, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return r.returncode, r.stdout


class Sstpc(Script):
    """Debian's sstp-client and pppd as a client. `auth` is the only method pppd agrees to."""
    name = "sstpc.sh"

    def __init__(self, host, user, password, auth="mschap-v2", ca=None, unit=7):
        folder = tempfile.mkdtemp(prefix="culvert-sstpc-")
        environment = {"SC_NS": "", "SC_DIR": folder, "SC_USER": user, "SC_PASS": password,
                       "SC_AUTH": auth, "SC_UNIT": str(unit)}
        if ca:
            environment["SC_CA"] = ca
        super().__init__(host, folder, **environment)
        self.interface = f"ppp{unit}"

    def log(self, part):
        try:
            with open(os.path.join(self.folder, f"{part}.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def story(self):
        return self("log")[1]

    def witnessed(self):
        """What witness.c saw the client do: of "tls", "request", "read"."""
        try:
            with open(os.path.join(self.folder, "witness")) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def pid(self, name):
        try:
            with open(os.path.join(self.folder, name)) as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def running(self):
        pid = self.pid("pid")
        return bool(pid) and os.path.exists(f"/proc/{pid}")

    def unread(self):
        """Octets that the kernel holds for the client, and that it does not fetch."""
        pid = self.pid("sstpc.pid")
        waiting = [int(line.split()[1]) for line in self.host.run("ss -Htnp").splitlines()
                   if pid and f"pid={pid}," in line]
        return max(waiting, default=0)

    def own_fault(self):
        """
        The proof that this try was lost by sstpc and not by the server, or "". It sent its request,
        never asked for an octet of the answer, and the answer lies in its socket: 1.0.18 does that
        when its first SSL_write() needs not wait. A server that says nothing leaves nothing there.
        """
        seen, unread = self.witnessed(), self.unread()
        if "request" in seen and "read" not in seen and unread >= HTTP_ANSWER_MIN:
            return f"it never read the answer to its request, {unread} octets"
        return ""

    def one_try(self, server, *options):
        """(address or None, why it was its own fault, its logs)"""
        record("start")
        self("start", server, *options)
        stuck_since = None
        for _ in range(10):
            code, out = self("wait", "1")
            if code == 0:
                return out.split()[0].split("/")[0], "", self.story()
            if not self.running():
                break
            stuck_since = (stuck_since or time.monotonic()) if self.own_fault() else None
            if stuck_since and time.monotonic() - stuck_since > 2:
                break
        why, story = self.own_fault(), self.story()
        self("kill" if why else "stop")
        return None, why, story

    def attempt(self, server, *options):
        """Its address or None, and its logs. Again only after what own_fault() proves."""
        for _ in range(TRIES):
            address, why, story = self.one_try(server, *options)
            if address or not why:
                break
            record("again", f"sstpc: {why}")
        return address, story

    def up(self, server, *options):
        """Its address."""
        address, story = self.attempt(server, *options)
        assert address, f"sstpc did not come up:\n{story}\nwitnessed: {self.witnessed()}"
        return address

    def fails(self, server, *options):
        """Starts it where it must not come up; returns its logs."""
        address, story = self.attempt(server, *options)
        assert not address, f"it came up:\n{story}"
        return story

    def stop(self):
        return self("stop")

    def kill(self):
        return self("kill")

    def close(self):
        self("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class SoftEther(Script):
    """SoftEther's server with SecureNAT on a host that has `address` already."""
    name = "softether.sh"

    def __init__(self, host, address, user, password, name="vpn.example"):
        folder = tempfile.mkdtemp(prefix="se-peer-", dir="/var/tmp")
        super().__init__(host, folder, SE_NS="-", SE_IP=address, SE_DIR=folder, SE_USER=user,
                         SE_PASS=password, SE_CN=name)
        self.certificate = os.path.join(folder, "cert.pem")
        self.inner = "10.202.0.1"

    def start(self):
        code, out = self("start", timeout=120)
        assert code == 0, out
        return self

    def sessions(self):
        return re.findall(r"^Session Name\s*\|(\S+)", self("vpncmd", "SessionList")[1],
                          re.MULTILINE)

    def log(self):
        return self("log")[1]

    def close(self):
        self("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class HAProxy(Script):
    """Debian's haproxy on a host, in front of a server; `mode` as haproxy.sh says."""
    name = "haproxy.sh"

    def __init__(self, host, listen, server, mode, pem=""):
        folder = tempfile.mkdtemp(prefix="hp-peer-", dir="/tmp")
        super().__init__(host, folder, HP_NS="", HP_DIR=folder, HP_PEM=pem)
        code, out = self("start", listen, server, mode)
        assert code == 0, out

    def log(self):
        return self("log")[1]

    def close(self):
        self("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class Bird(Script):
    """Two of Debian's BIRD: on `host`, which learns a kernel table, and on `other`, which learns it by BGP."""
    name = "bird.sh"

    def __init__(self, host, other, **environment):
        folder = tempfile.mkdtemp(prefix="bird-peer-", dir="/tmp")
        super().__init__(self, folder, BI_DIR=folder, BI_NS=str(host.pid),
                         BI_NS_B=str(other.pid), **environment)
        code, out = self("start")
        assert code == 0, out

    @staticmethod
    def argv(*command):
        """The script enters the two namespaces itself."""
        return list(command)

    def routes(self):
        """The prefixes that the other one has learnt."""
        return [line.split()[0] for line in self("routes")[1].splitlines()]

    def wait(self, *prefixes, gone=False):
        wait_for(lambda: all((p in self.routes()) != gone for p in prefixes), SLOW,
                 f"{prefixes} {'gone' if gone else 'learnt'}: {self.routes()}")

    def close(self):
        self("stop")
        shutil.rmtree(self.folder, ignore_errors=True)
