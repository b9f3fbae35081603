"""The scripts beside this file as objects: each runs one program that nobody here wrote."""

import os
import re
import shutil
import subprocess
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
RETRIES = 3


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
        self.restarts = 0

    def log(self, part):
        try:
            with open(os.path.join(self.folder, f"{part}.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def story(self):
        return self("log")[1]

    def attempt(self, server, *options):
        """
        Starts it and waits for its address. sstpc 1.0.18 loses about one HTTP exchange in fifteen,
        with every server: it ends with "The event loop terminated unsuccessfully", or leaves the
        answer unread in its socket for ever. Then, and only then, it is started again: when it has
        not come as far as its Connect-Request. Returns (address or None, its logs).
        """
        for self.restarts in range(RETRIES):
            self("start", server, *options)
            code, out = self("wait", "10")
            story = self.story()
            if code == 0:
                return out.split()[0].split("/")[0], story
            self("stop")
            if "Sending Connect-Request" in self.log("sstpc") or "verif" in self.log("sstpc"):
                break
            warnings.warn(f"sstpc lost its HTTP exchange with {server}: started again")
        return None, story

    def up(self, server, *options):
        """Its address. A second try is a warning, not a failure: see attempt()."""
        for _ in range(3):
            address, story = self.attempt(server, *options)
            if address:
                return address
            warnings.warn(f"sstpc did not come up with {server}: tried again\n{story}")
        raise AssertionError(f"sstpc did not come up:\n{story}")

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
