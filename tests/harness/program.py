"""The program under test: `culvert serve`, `culvert connect`, `culvert user`, `culvert status`."""

import os
import re
import signal
import subprocess
import tempfile

import pytest

from .host import lacks, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANITIZED = os.environ.get("CULVERT_ASAN", os.path.join(ROOT, "build-asan", "culvert"))
# Under nohup, or in the background of a script, every program that is tested would ignore them, too.
for _ignored in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(_ignored, signal.SIG_DFL)
RELEASE = os.environ.get("CULVERT", os.path.join(ROOT, "build", "culvert"))
USER, PASSWORD = "alice", "Secret-1"
SLOW = 30  # seconds that something may take on a loaded machine with two CPUs

_SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1:handle_abort=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
}


def environment():
    mine = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return {**mine, **_OPTIONS}


class Program:
    """One running process of the program; its output goes to files, so it never blocks on us."""

    def __init__(self, host, binary, *arguments):
        self.host, self.binary = host, binary
        self.arguments = [str(a) for a in arguments]
        if {"serve", "connect"} & set(self.arguments[:2]) and lacks():
            pytest.skip(lacks())
        self._out = tempfile.NamedTemporaryFile(prefix="culvert-out-", delete=True)
        self._err = tempfile.NamedTemporaryFile(prefix="culvert-err-", delete=True)
        self.process = host.popen(binary, *self.arguments, stdout=self._out, stderr=self._err,
                                  env=environment())

    @staticmethod
    def _text(file):
        with open(file.name, errors="replace") as f:
            return f.read()

    @property
    def out(self):
        return self._text(self._out)

    @property
    def err(self):
        return self._text(self._err)

    @property
    def pid(self):
        return self.process.pid

    def story(self):
        return (f"--- culvert {' '.join(self.arguments)} on {self.host.name}, exit "
                f"{self.process.poll()}\n--- stdout\n{self.out}--- stderr\n{self.err}")

    def running(self):
        return self.process.poll() is None

    def wait_line(self, pattern, seconds=SLOW):
        """Waits for a line of standard output; returns its match."""
        def look():
            found = re.search(pattern, self.out, re.MULTILINE)
            return found or not self.running()
        wait_for(look, seconds, f"{pattern!r}\n{self.story()}")
        found = re.search(pattern, self.out, re.MULTILINE)
        assert found, f"ended before it said {pattern!r}\n{self.story()}"
        return found

    def wait_log(self, pattern, seconds=SLOW):
        """Waits for a line on standard error (the log); returns its match."""
        return wait_for(lambda: re.search(pattern, self.err, re.MULTILINE), seconds,
                        f"{pattern!r} in the log\n{self.story()}")

    def wait_exit(self, seconds=SLOW):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s\n{self.story()}") from None

    def stop(self, how=signal.SIGTERM, seconds=SLOW):
        """Ends it with a signal; returns the exit code (negative: the signal's number)."""
        if self.running():
            self.process.send_signal(how)
        return self.wait_exit(seconds)

    def check_sanitizers(self):
        """A report is a failed test, also when the behaviour was right."""
        err = self.err
        assert not _SANITIZER.search(err), f"sanitizer report\n{self.story()}"

    def close(self):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Server(Program):
    """`culvert serve`: `config` is {section: {name: value}} and becomes the configuration file."""

    def __init__(self, host, state, binary, listen="192.0.2.1:443", config=None, tun="cv-srv",
                 extra=()):
        self.state, self.listen, self.tun = state, listen, tun
        # Tests talk to sockets on the server itself, which clients may not by default.
        config = {**(config or {})}
        # ... and a hundred at once come from one address, for one user.
        config["server"] = {"source_rate": 0, "source_half_open": 0, **config.get("server", {})}
        config["auth"] = {"user_sessions": 100000, "ban_points": 0, **config.get("auth", {})}
        config["tunnel"] = {"server_access": "all", **config.get("tunnel", {})}
        arguments = ["serve", "--state", state, "--listen", listen, "--tun", tun, *extra]
        if config:
            path = f"{os.path.abspath(state)}.conf"
            with open(path, "w") as f:
                for section, options in config.items():
                    f.write(f"[{section}]\n")
                    f.writelines(f"{k} = {v}\n" for k, v in options.items())
            os.chmod(path, 0o644)  # for a server that becomes another user, whatever the umask
            arguments += ["--config", os.path.abspath(path)]
        super().__init__(host, binary, *arguments)

    def wait_ready(self):
        self.wait_line(rf"^culvert: ready on {re.escape(self.listen)}$")
        return self

    @property
    def certificate(self):
        return os.path.join(self.state, "server.crt")

    def address(self):
        """The server's inner IPv4 address, as its interface carries it."""
        out = self.host.run(f"ip -4 -o address show dev {self.tun}")
        return re.search(r"inet ([\d.]+)", out).group(1)


class Client(Program):
    """`once`: ends at the first loss, as most tests want it; else it comes back by itself."""

    def __init__(self, host, binary, user, password, server, *extra, tun="cv-cli", wrapped=None,
                 once=True):
        self.tun = tun
        extra = (*extra, "--once") if once else extra
        self._password = tempfile.NamedTemporaryFile("w", prefix="culvert-pw-", suffix=".txt")
        self._password.write(password + "\n")
        self._password.flush()
        wrapped = [wrapped] if wrapped else []  # `binary` is a program that starts this one
        super().__init__(host, binary, *wrapped, "connect", f"{user}@{server}", "--password-file",
                         self._password.name, "--tun", tun, *extra)
        self.address = self.peer = None

    def wait_connected(self, seconds=SLOW):
        found = self.wait_line(r"^culvert: connected (\S+) \(peer (\S+)\)$", seconds)
        self.address, self.peer = found.groups()
        return self


def run(binary, *arguments, stdin="", check=True, host=None):
    """A subcommand that ends by itself; returns (exit code, stdout, stderr)."""
    command = [binary, *map(str, arguments)]
    if host:
        command = host.argv(*command)
    r = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SLOW,
                       env=environment())
    if check and r.returncode:
        raise AssertionError(f"culvert {' '.join(map(str, arguments))}: exit {r.returncode}\n"
                             f"{r.stdout}{r.stderr}")
    return r.returncode, r.stdout, r.stderr


def add_user(binary, state, name, password, *extra):
    run(binary, "user", "add", name, "--password-stdin", "--state", state, *extra,
        stdin=password + "\n")
