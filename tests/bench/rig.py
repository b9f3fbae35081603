"""
The rig of the measurements: two hosts, joined twice.

        cli                                                        srv
    10.99.0.2  fast ------------- veth, MTU 1500 ------------- fast  10.99.0.1
    10.98.0.2  path ---- linkem: rate, delay, queue, loss ---- path  10.98.0.1

cli and srv are namespaces without a name (harness/host.py). Every contender's server listens on
both addresses; its client connects to the one that is measured.
"""

import os
import shutil
import struct
import subprocess
import tempfile
import time

from harness.host import Host, wait_for, wire

HERE = os.path.dirname(os.path.abspath(__file__))
OUTER = {"fast": "10.99.0.1", "path": "10.98.0.1"}
PATHS = {  # rate in Mbit/s, round trip in ms, linkem's settings (for each direction)
    "A": (50, 40, "rate=50mbit delay=20ms queue=100ms loss=0"),
    "B": (50, 40, "rate=50mbit delay=20ms queue=100ms loss=0.5%"),
    "C": (200, 40, "rate=200mbit delay=20ms queue=100ms loss=1%"),
    "D": (10, 100, "rate=10mbit delay=50ms queue=300ms loss=0"),
}
HZ = os.sysconf("SC_CLK_TCK")


def build_helpers(folder):
    """linkem, tlspump, hsbench and pingturns, when their sources are newer."""
    os.makedirs(folder, exist_ok=True)
    for name in ("linkem", "tlspump", "hsbench", "pingturns"):
        source, program = os.path.join(HERE, name + ".c"), os.path.join(folder, name)
        if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
            new = f"{program}.{os.getpid()}"  # somebody else may be at it, too
            subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-o", new,
                            source, "-lssl", "-lcrypto"], check=True)
            os.replace(new, program)


class Rig:
    def __init__(self, helpers):
        self.helpers = helpers
        self.folder = tempfile.mkdtemp(prefix="culvert-bench-", dir="/var/tmp")
        os.chmod(self.folder, 0o755)
        self.cli, self.srv = Host("cli"), Host("srv")
        wire(self.srv, "fast", self.cli, "fast")
        for host, end in ((self.srv, 1), (self.cli, 2)):
            host.ip(f"address add 10.99.0.{end}/24 dev fast")
        self.link = None
        self.inner = "cubic"  # see set_inner()
        self.iperf_server = self.srv.popen("iperf3", "-s", stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
        self._make_pki()

    def file(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _make_pki(self):
        """A CA with a server's and a client's certificate; a self-signed one; all P-256."""
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._openssl("req", "-x509", *ec, "-keyout", "ca.key", "-subj", "/CN=bench CA", "-days",
                      "30", "-out", "ca.pem")
        self._openssl("req", "-x509", *ec, "-keyout", "own.key", "-subj", "/CN=bench", "-days",
                      "30", "-addext", "subjectAltName=IP:10.99.0.1,IP:10.98.0.1", "-out",
                      "own.pem")
        for name in ("server", "client"):
            with open(self.file(name + ".ext"), "w") as f:
                f.write(f"extendedKeyUsage={name}Auth\n")
            self._openssl("req", *ec, "-keyout", name + ".key", "-subj", "/CN=" + name, "-out",
                          name + ".csr")
            self._openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey",
                          "ca.key", "-CAcreateserial", "-days", "30", "-extfile", name + ".ext",
                          "-out", name + ".pem")

    def open_path(self):
        """The emulated link, without limits yet."""
        if self.link:
            return
        log = open(self.file("linkem.log"), "w")
        self.link = subprocess.Popen(
            [os.path.join(self.helpers, "linkem"), "-r", "10", "-q", "250", "-c",
             self.file("linkem.ctl"), f"/proc/{self.cli.pid}/ns/net", "path",
             f"/proc/{self.srv.pid}/ns/net", "path", "rate=0"], stdout=log, stderr=log)
        for host, end in ((self.srv, 1), (self.cli, 2)):
            wait_for(lambda h=host: h.ok("ip link show path"), 10, "the emulated link")
            host.ip(f"address add 10.98.0.{end}/24 dev path")

    def set_path(self, settings):
        with open(self.file("linkem.ctl"), "w") as f:
            f.write(settings + "\n")
        time.sleep(0.1)

    def set_outer(self, congestion):
        """
        TCP that does not choose for itself uses this congestion control. A default and not a route's
        `congctl`, which overrules those who choose and leaves them BBR's pacing for good.
        """
        for host in (self.srv, self.cli):
            host.run(f"sysctl -qw net.ipv4.tcp_congestion_control={congestion}")

    def set_inner(self, target, congestion):
        """
        TCP between the two hosts through a tunnel begins with this congestion control. Chosen by iperf3
        it would come after the kernel's default, and BBR's pacing timers stay with a socket for good.
        """
        def choose(host, address):
            route = host.run(*f"ip -4 route get {address}".split()).split("\n")[0].split()
            words = [f"{k} {route[route.index(k) + 1]}" for k in ("via", "dev", "src") if k in route]
            host.ip(f"route replace {address} {' '.join(words)} congctl {congestion}")
            return route[route.index("src") + 1]
        choose(self.srv, choose(self.cli, target))

    def close(self):
        if self.link:
            self.link.terminate()
            self.link.wait()
        self.cli.close()
        self.srv.close()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- what a process and the machine have used


def threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def cpu_seconds(pids):
    """What the scheduler gave to all threads of these, to the nanosecond."""
    total = 0
    for pid in pids:
        for tid in threads(pid):
            try:
                with open(f"/proc/{pid}/task/{tid}/schedstat") as f:
                    total += int(f.read().split()[0])
            except (OSError, IndexError):
                pass
    return total / 1e9


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for tid in threads(pid):
        try:
            with open(f"/proc/{pid}/task/{tid}/children") as f:
                found += [x for child in f.read().split() for x in family(int(child))]
        except OSError:
            pass
    return found


def machine_busy():
    """Seconds that all cores were busy with anything, and that the hypervisor took away."""
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:]]
    return (v[0] + v[1] + v[2] + v[5] + v[6]) / HZ, v[7] / HZ


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_"))


class Usage:
    """with Usage(contender) as u: …; then u.cpu (both ends), u.foreign (cores), u.stolen."""

    def __init__(self, contender, *others):
        self.contender, self.others = contender, others

    def _now(self):
        servers, clients = self.contender.pids()
        return (cpu_seconds(servers), cpu_seconds(clients), cpu_seconds(self.others),
                *machine_busy(), time.monotonic())

    def begin(self):
        self._start = self._now()
        return self

    def end(self):
        (self.server, self.client, self.other, self.busy, self.stolen,
         self.wall) = (b - a for a, b in zip(self._start, self._now()))
        self.cpu = self.server + self.client

    def __enter__(self):
        return self.begin()

    def __exit__(self, *_):
        self.end()

    def foreign(self, own=0.0):
        """Cores that others had; own: CPU seconds of ours that are not in it (iperf3)."""
        return round((self.busy - self.cpu - self.other - own) / self.wall, 2)


def quiet(limit=0.3, most=float(os.environ.get("BENCH_QUIET", "5"))):
    """
    Waits, at most so many seconds, for a moment when others use less than `limit` cores. Returns
    what they used at last: for measurements in which our own short-lived processes would be counted.
    """
    end = time.monotonic() + most
    while True:
        before, start = machine_busy()[0], time.monotonic()
        time.sleep(0.5)
        cores = (machine_busy()[0] - before) / (time.monotonic() - start)
        if cores < limit or time.monotonic() > end:
            return round(cores, 2)


# --- a ping that knows when the first answer came


def icmp_socket(host):
    import socket
    s = host.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
    s.setblocking(False)
    return s


def echo_request(ident, number):
    def make(checksum):
        return struct.pack(">BBHHH", 8, 0, checksum, ident, number) + bytes(24)
    data = make(0)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return make(~(total + (total >> 16)) & 0xffff)


def until_answer(host, address, seconds):
    """Sends an echo request each millisecond until one is answered; seconds that took, or None."""
    s = icmp_socket(host)
    ident, number, start = os.getpid() & 0xffff, 0, time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            number = (number + 1) & 0xffff
            try:
                s.sendto(echo_request(ident, number), (address, 0))
            except OSError:
                pass  # no route yet
            time.sleep(0.001)
            try:
                while True:
                    data, (peer, _) = s.recvfrom(2048)
                    if peer == address and data[20] == 0 and data[24:26] == struct.pack(
                            ">H", ident):
                        return time.monotonic() - start
            except OSError:
                pass
        return None
    finally:
        s.close()
