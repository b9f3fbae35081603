"""
The Debian package, installed in a Debian of its own (debootstrap) and run as its unit would run it.

        cli ==tunnel== srv, whose programs live in ROOT      (drawing in tests/conftest.py)

`./dev test package`: wants the package (./dev package) and a mirror, so it is no rung of the rest.
"""

import glob
import os
import re
import resource
import shutil
import subprocess

import pytest

from harness.host import die_with_parent, wait_for
from harness.program import PASSWORD, RELEASE, ROOT as TREE, USER, Client, Program

MIRROR = os.environ.get("CULVERT_MIRROR", "http://deb.debian.org/debian")
PACKAGE = max(glob.glob(os.path.join(TREE, "dist", "culvert_*.deb")), default=None,
              key=os.path.getmtime)
STATE = "/var/lib/culvert"


def sh(*command, **kw):
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **kw)
    assert r.returncode == 0, f"{' '.join(command)}\n{r.stdout[-4000:]}"
    return r.stdout


class Debian:
    """A small Debian under self.root."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "debian")
        with open("/etc/os-release") as f:
            suite = re.search(r"^VERSION_CODENAME=(\S+)", f.read(), re.MULTILINE).group(1)
        sh("debootstrap", "--variant=minbase", "--include=ca-certificates,nftables,systemd-sysv", suite,
           self.root, MIRROR)

    def run(self, *command, **kw):
        return sh("chroot", self.root, *command, **kw)

    def path(self, path):
        return self.root + path

    def install(self, package):
        shutil.copy(package, self.path("/tmp/culvert.deb"))
        return self.run("apt-get", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0",
                        "-o", "APT::Sandbox::User=root", "install", "/tmp/culvert.deb")

    def files(self):
        """All files that a package could leave, but not what apt and dpkg write about it."""
        own = ("/proc", "/dev", "/sys", "/run", "/tmp", "/var/cache", "/var/log", "/var/lib/dpkg",
               "/var/lib/apt", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow",
               "/var/lib/systemd", "/etc/.pwd.lock")
        return {p[len(self.root):] for at, folders, names in os.walk(self.root)
                for p in (os.path.join(at, n) for n in folders + names)
                if not p[len(self.root):].startswith(own)}


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    assert PACKAGE, "no dist/culvert_*.deb: run ./dev package first"
    folder = tmp_path_factory.mktemp("package")
    folder.chmod(0o755)
    made = Debian(str(folder))
    # What culvert needs comes first, so that `before` is this Debian without culvert alone.
    depends = sh("dpkg-deb", "-f", PACKAGE, "Depends")
    names = [d.split("|")[0].split("(")[0].strip() for d in depends.split(",")]
    made.run("apt-get", "-y", "--no-install-recommends", "-o", "APT::Sandbox::User=root",
             "install", *names)
    made.before = made.files()
    made.install(PACKAGE)
    yield made
    shutil.rmtree(made.root, ignore_errors=True)


@pytest.fixture
def unit(debian):
    """The [Service] section of the installed unit: {name: [value, ...]}."""
    found = {}
    with open(debian.path("/lib/systemd/system/culvert.service")) as f:
        for name, value in re.findall(r"^(\w+)=(.*)$", f.read(), re.MULTILINE):
            found.setdefault(name, []).append(value)
    return found


class Service(Program):
    """The unit's command, with the unit's user, capabilities and limits, in debian on host."""

    def __init__(self, host, debian, unit, *extra):
        capabilities = ",".join("+" + c[4:].lower() for c in unit["AmbientCapabilities"][0].split())
        user, = unit["User"]
        self.debian = debian
        files = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        mode = int(unit["StateDirectoryMode"][0], 8)
        debian.run("install", "-d", "-o", user, "-g", user, "-m", f"{mode:o}", STATE)
        for name in ("proc", "sys", "dev"):
            host.run("mount", "--rbind", f"/{name}", debian.path(f"/{name}"))

        class Chroot:
            name = host.name

            @staticmethod
            def popen(*command, **kw):
                return host.popen(
                    "prlimit", f"--nofile={files}", "chroot", debian.root,
                    "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups",
                    f"--inh-caps=-all,{capabilities}", f"--ambient-caps=-all,{capabilities}",
                    f"--bounding-set=-all,{capabilities}", "--no-new-privs", *command, **kw)
        super().__init__(Chroot, *unit["ExecStart"][0].split(), *extra)
        self.host = host

    def close(self):
        super().close()
        for name in ("proc", "sys", "dev"):
            self.host.run("umount", "-l", self.debian.path(f"/{name}"))


@pytest.fixture
def service(net, debian, unit, keep):
    def start(*extra):
        s = Service(net.srv, debian, unit, *extra)
        keep.append(s)
        s.wait_line(r"^culvert: ready on ")
        return s
    return start


@pytest.fixture
def talks(net, debian, keep):
    """talks(): a client of this tree comes through."""
    def talk():
        client = Client(net.cli, RELEASE, USER, PASSWORD, "vpn.example", "--ca",
                        debian.path(f"{STATE}/server.crt"))
        keep.append(client)
        client.wait_connected()
        assert net.cli.ping(client.peer, 2) == 2
        told = "".join(p.story() for p in keep)
        assert net.cli.ping("203.0.113.2", 2) == 2, f"through NAT\n{told}"
        assert client.stop() == 0
    return talk


def test_it_installs_and_starts_nothing(debian):
    assert re.search(r"^culvert:x:\d+:\d+:.*:/var/lib/culvert:/usr/sbin/nologin$",
                     debian.run("getent", "passwd", "culvert"), re.MULTILINE)
    assert "culvert 0" in debian.run("culvert", "--version")
    assert not os.path.exists(debian.path("/etc/systemd/system/multi-user.target.wants"
                                          "/culvert.service"))
    out = debian.run("systemd-analyze", "verify", "--man=no",
                     "/lib/systemd/system/culvert.service", "/lib/systemd/system/culvert.socket")
    assert "culvert" not in out


def test_the_units_command_serves_as_its_user(net, debian, service, talks):
    server = service("--name", "vpn.example")
    with open(f"/proc/{server.pid}/status") as f:
        text = f.read()
    uid = debian.run("id", "-u", "culvert").strip()
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", text, re.MULTILINE)
    assert re.search(r"^CapEff:\t0000008000001400$", text, re.MULTILINE)
    assert re.search(r"^Seccomp:\t2$", text, re.MULTILINE)
    # root adds a user beside the running server: the files stay the server's
    debian.run("culvert", "user", "add", USER, "--password-stdin", input=PASSWORD + "\n")
    talks()
    owners = {os.stat(os.path.join(debian.path(STATE), f)).st_uid
              for f in os.listdir(debian.path(STATE))}
    assert owners == {int(uid)}
    assert "sessions" in net.srv.run("chroot", debian.root, "culvert", "status")
    assert server.stop() == 0, server.story()


def test_an_upgrade_keeps_users_keys_and_changed_files(debian, service, talks, tmp_path):
    def kept():
        return {f: open(debian.path(f), "rb").read() for f in (
            f"{STATE}/server.crt", f"{STATE}/server.key", f"{STATE}/culvert.key",
            "/etc/iproute2/rt_protos.d/culvert.conf", "/etc/culvert/culvert.conf")}
    with open(debian.path("/etc/culvert/culvert.conf"), "w") as f:
        f.write("[server]\nmax_sessions = 77\n")
    with open(debian.path("/etc/iproute2/rt_protos.d/culvert.conf"), "a") as f:
        f.write("# changed here\n")
    before = kept()
    newer = str(tmp_path / "newer")
    sh("dpkg-deb", "-R", PACKAGE, newer)
    control = os.path.join(newer, "DEBIAN", "control")
    text = open(control).read()
    with open(control, "w") as f:
        f.write(re.sub(r"^Version: (.*)$", r"Version: \1+next", text, flags=re.MULTILINE))
    sh("dpkg-deb", "--root-owner-group", "-b", newer, newer + ".deb")
    debian.install(newer + ".deb")
    assert "+next" in debian.run("dpkg-query", "-W", "culvert")
    assert kept() == before
    assert USER in debian.run("culvert", "user", "list")
    server = service("--name", "vpn.example")
    talks()
    assert server.stop() == 0


class Machine:
    """The Debian booted, its init and all, in the network of a host."""

    def __init__(self, host, debian):
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", debian.root, "--register=no",
             "--keep-unit", "--bind=/dev/net/tun", "--capability=CAP_NET_ADMIN,CAP_BPF",
             "--system-call-filter=bpf",
             f"--network-namespace-path=/proc/{host.pid}/ns/net", "--boot"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        wait_for(self.init, 30, "the machine's init")

    def init(self):
        """The process that is number 1 in the machine."""
        for entry in os.listdir("/proc"):
            try:
                with open(f"/proc/{entry}/status") as f:
                    text = f.read()
            except OSError:
                continue
            if re.search(rf"^PPid:\t{self.process.pid}$", text, re.MULTILINE) and re.search(
                    r"^NSpid:\t\d+\t1$", text, re.MULTILINE):
                return entry
        return None

    def run(self, *command, check=True):
        r = subprocess.run(["nsenter", "-t", self.init(), "-m", "-u", "-i", "-n", "-p", "--",
                            *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, timeout=60)
        assert not check or r.returncode == 0, f"{' '.join(command)}\n{r.stdout}"
        return r.stdout.strip()

    def close(self):
        if self.init():
            self.run("systemctl", "poweroff", check=False)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def machine(net, debian):
    debian.run("systemctl", "enable", "culvert.service")
    m = Machine(net.srv, debian)
    yield m
    m.close()
    debian.run("systemctl", "disable", "culvert.service")


def test_systemd_starts_watches_reloads_and_stops_it(machine, talks):
    """The unit with its whole sandbox, under the init that it is for."""
    def state():
        return machine.run("systemctl", "is-active", "culvert", check=False)
    def show(name):
        return machine.run("systemctl", "show", "--value", "-p", name, "culvert")
    wait_for(lambda: state() == "active", 60, "the service to be up")
    log = machine.run("journalctl", "--no-pager", "-u", "culvert")
    assert "steering=bpf" in log or "workers=1" in log, log
    assert not re.search(r" (warn|error) ", log), log
    talks()
    pid = show("MainPID")
    machine.run("systemctl", "reload", "culvert")
    talks()
    assert (state(), show("MainPID"), show("NRestarts")) == ("active", pid, "0")
    # the key elsewhere: docs/howto-vps.md, "The key"
    key = "/etc/credstore/culvert-key"
    machine.run("sh", "-ec", f"systemctl stop culvert; mkdir -p -m 700 /etc/credstore;"
                f" mv {STATE}/culvert.key {key}; systemctl start culvert")
    talks()
    assert USER in machine.run("culvert", "user", "list", "--key-file", key)
    machine.run("sh", "-ec", f"systemctl stop culvert; mv {key} {STATE}/culvert.key;"
                " rmdir /etc/credstore || true; systemctl start culvert")
    machine.run("systemctl", "stop", "culvert")
    assert show("Result") == "success"
    assert "culvert" not in machine.run("nft", "list", "ruleset")
    # the port taken by the manager: the first client starts the server
    machine.run("systemctl", "start", "culvert.socket")
    assert state() == "inactive"
    talks()
    assert state() == "active"


def test_removal_keeps_the_state_and_a_purge_leaves_nothing(debian):
    debian.run("dpkg", "--remove", "culvert")
    assert not os.path.exists(debian.path("/usr/bin/culvert"))
    assert os.path.exists(debian.path(f"{STATE}/culvert.db"))
    os.unlink(debian.path("/etc/culvert/culvert.conf"))
    debian.run("dpkg", "--purge", "culvert")
    assert debian.files() - debian.before == set()
    assert "culvert" not in debian.run("dpkg", "-l")
