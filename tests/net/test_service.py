"""
The server as a service: another user, sockets from the service manager, the filter of system calls.

        cli ==tunnel== srv      (drawing in tests/conftest.py)
"""

import contextlib
import ctypes
import os
import pwd
import re
import socket
import struct
import sys
import time

import pytest

from harness.host import wait_for
from harness.program import RELEASE, Server

CAPABILITIES = "+net_admin,+net_bind_service,+bpf"
NOBODY = pwd.getpwnam("nobody")


def status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return re.search(rf"^{key}:\s*(.*)$", f.read(), re.MULTILINE).group(1).split()


def threads(pid):
    return os.listdir(f"/proc/{pid}/task")


def keeper(host, server):
    """The process that runs nft for the server."""
    return [pid for pid in host.processes() if status(pid, "PPid") == [str(server.pid)]]


def gives_bpf():
    """Does bpf(2) work here? Containers and service managers forbid it with a filter."""
    number = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)
    attributes = struct.pack("IIII", 1, 4, 4, 1) + bytes(112)  # BPF_MAP_CREATE: a hash table
    fd = ctypes.CDLL(None, use_errno=True).syscall(number, 0, attributes, len(attributes))
    if fd >= 0:
        os.close(fd)
    return fd >= 0


@contextlib.contextmanager
def tun_device(host, mode):
    """/dev/net/tun on a host with the rights that udev gives it (0666), or that it has without (0600)."""
    if not host.ok("mknod /run/tun c 10 200"):
        pytest.skip("the kernel lacks mknod here: a user namespace makes no devices")
    host.run("sh", "-c", f"chmod {mode} /run/tun && mount --bind /run/tun /dev/net/tun")
    try:
        yield
    finally:
        host.run("sh", "-c", "umount -l /dev/net/tun && rm /run/tun")


def need_nobody():
    """A user namespace may know root alone."""
    try:
        os.seteuid(NOBODY.pw_uid)
    except OSError as e:
        pytest.skip(f"the kernel lacks user {NOBODY.pw_uid} here: {e.strerror}")
    os.seteuid(0)


def give(folder, user):
    need_nobody()
    os.chmod(os.path.dirname(folder), 0o755)
    for name in ("", *os.listdir(folder)):
        os.chown(os.path.join(folder, name), user.pw_uid, user.pw_gid)


def works(net, server, connect):
    client = connect()
    assert net.cli.ping(client.peer, 2) == 2
    assert net.cli.ping("203.0.113.2", 2) == 2, "through NAT"
    assert client.stop() == 0


@pytest.mark.parametrize("sandbox, mode", [("on", "2"), ("log", "2"), ("off", "0")])
def test_every_thread_is_in_the_sandbox(net, start_server, connect, sandbox, mode):
    server = start_server({"server": {"sandbox": sandbox, "workers": 2}}, binary=RELEASE)
    seen = {t: status(f"{server.pid}/task/{t}", "Seccomp")[0] for t in threads(server.pid)}
    here = status("self", "Seccomp")  # this machine may have put a filter on all of us
    assert len(seen) >= 4 and set(seen.values()) == ({mode} if mode != "0" else set(here))
    assert [status(pid, "Seccomp") for pid in keeper(net.srv, server)] == [here]
    works(net, server, connect)
    assert server.stop() == 0


def test_a_server_that_root_started_becomes_its_user(net, start_server, connect, state):
    give(state, NOBODY)
    server = start_server({"server": {"user": "nobody", "workers": 2}}, binary=RELEASE)
    assert status(server.pid, "Uid") == [str(NOBODY.pw_uid)] * 4
    assert status(server.pid, "Gid") == [str(NOBODY.pw_gid)] * 4
    assert status(server.pid, "CapEff") == ["0000008000001400"]  # bpf, net_admin, net_bind_service
    assert status(server.pid, "CapBnd") == ["0000000000000000"]
    assert f"steering={'bpf' if gives_bpf() else 'ring'}" in server.err
    works(net, server, connect)
    assert server.stop() == 0


def test_a_tun_device_that_is_roots_alone_is_opened_before_root_goes(net, start_server, connect,
                                                                    state):
    """As in many virtual machines and containers, where no udev makes /dev/net/tun 0666."""
    give(state, NOBODY)
    with tun_device(net.srv, "0600"):
        server = start_server({"server": {"user": "nobody", "workers": 4}}, binary=RELEASE)
        assert status(server.pid, "Uid") == [str(NOBODY.pw_uid)] * 4
        works(net, server, connect)
        assert server.stop() == 0


def test_a_machine_without_the_device_is_told_so(net, start_server):
    net.srv.run("mount -t tmpfs tmpfs /dev/net")
    try:
        server = start_server(ready=False)
        assert server.wait_exit() == 21
        assert re.search(r"5001 TUN_NO_DEVICE: .*No such file or directory", server.err)
    finally:
        net.srv.run("umount /dev/net")


def test_a_folder_made_by_root_belongs_to_that_user(net, start_server, tmp_path):
    need_nobody()
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    new = str(tmp_path / "state")
    server = start_server(state=new, extra=["--option", "server.user=nobody"], binary=RELEASE)
    assert {os.stat(os.path.join(new, f)).st_uid for f in ("", *os.listdir(new))} == {
        NOBODY.pw_uid}
    assert server.stop() == 0


def test_an_unknown_user_is_refused(net, start_server):
    server = start_server({"server": {"user": "no-such-user"}}, ready=False)
    assert server.wait_exit() == 1
    assert "PRIVILEGES_NOT_DROPPED" in server.err and "no-such-user" in server.err


class Wrapped(Server):
    """`culvert serve` by way of another command."""

    def __init__(self, host, state, wrapper, **kw):
        class Wrapping:
            name = host.name

            @staticmethod
            def popen(*command, **kw):
                return host.popen(*wrapper, *command, **kw)
        super().__init__(Wrapping, state, **kw)
        self.host = host


def test_without_root_three_capabilities_are_enough(net, connect, state, keep):
    """What the unit gives: its own user, and CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_BPF."""
    give(state, NOBODY)
    as_nobody = ["setpriv", "--reuid=nobody", "--regid", str(NOBODY.pw_gid), "--clear-groups",
                 "--inh-caps=-all," + CAPABILITIES, "--ambient-caps=-all," + CAPABILITIES,
                 "--bounding-set=-all," + CAPABILITIES, "--no-new-privs"]
    with tun_device(net.srv, "0600"):
        server = Wrapped(net.srv, state, as_nobody, binary=RELEASE)
        keep.append(server)
        assert server.wait_exit() == 21
        assert re.search(r"5018 TUN_FORBIDDEN: .*as user 65534.*mode 0600, owner 0", server.err)
    with tun_device(net.srv, "0666"):
        server = Wrapped(net.srv, state, as_nobody, binary=RELEASE, extra=["--workers", "2"])
        keep.append(server)
        server.wait_ready()
    assert status(server.pid, "CapEff") == ["0000008000001400"]
    assert f"steering={'bpf' if gives_bpf() else 'ring'}" in server.err
    assert "5032" not in server.err and "5031" not in server.err, server.story()
    works(net, server, connect)
    assert server.stop() == 0


_ACTIVATION = """
import os, socket, sys
s = socket.create_server(("192.0.2.1", int(sys.argv[1])), backlog=16)
os.dup2(os.dup(s.fileno()), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_sockets_of_the_service_manager_take_the_place_of_listen(net, connect, state, keep):
    server = Wrapped(net.srv, state, [sys.executable, "-c", _ACTIVATION, "8443"], binary=RELEASE,
                     listen="192.0.2.1:443", extra=["--workers", "2"])
    keep.append(server)
    server.listen = "192.0.2.1:8443"
    server.wait_ready()
    assert ":443 " not in net.srv.run("ss -Hltn")
    for _ in range(4):  # whichever worker accepts
        client = connect("--no-default-route", "--no-dns", server="vpn.example:8443")
        assert net.cli.ping(client.peer, 1) == 1
        assert client.stop() == 0
    assert server.stop() == 0


def test_the_keeper_ends_with_the_server_however_that_ends(net, start_server):
    import signal
    before = net.srv.processes()
    server = start_server()
    assert len(keeper(net.srv, server)) == 1
    server.stop(signal.SIGKILL)
    wait_for(lambda: net.srv.processes() == before, 10, "the keeper to end")
    assert start_server().stop() == 0  # takes away what the first left


class Manager:
    """The service manager's end of sd_notify(3): what was told is in self.told."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def listen(self, seconds):
        """What was told within some seconds."""
        self.socket.settimeout(seconds)
        begin = len(self.told)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                self.told += self.socket.recv(4096).decode().splitlines()
        return self.told[begin:]


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


def test_the_manager_hears_of_readiness_life_a_hanging_thread_and_the_end(net, state, keep,
                                                                          tmp_path):
    manager = Manager(str(tmp_path))
    watched = ["env", f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=400000"]
    server = Wrapped(net.srv, state, watched, binary=RELEASE, extra=["--workers", "2"])
    keep.append(server)
    server.wait_ready()
    told = manager.listen(1.5)
    assert told[0] == "READY=1" and told.count("WATCHDOG=1") >= 3
    libc = ctypes.CDLL(None, use_errno=True)
    worker = [t for t in sorted(map(int, threads(server.pid)))][-1]  # workers are made last
    assert libc.ptrace(PTRACE_SEIZE, worker, None, None) == 0
    assert libc.ptrace(PTRACE_INTERRUPT, worker, None, None) == 0
    os.waitpid(worker, 0x40000000)  # __WALL
    manager.listen(0.5)
    assert "WATCHDOG=1" not in manager.listen(1), "a worker hangs"
    assert libc.ptrace(PTRACE_DETACH, worker, None, None) == 0
    assert "WATCHDOG=1" in manager.listen(1)
    assert server.stop() == 0
    assert "STOPPING=1" in manager.listen(0.2)
