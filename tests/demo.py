"""
`./dev demo`: a server and a client on two machines made of namespaces, a tunnel between them, and
what happens on the way, step by step. Leaves nothing behind.
"""

import os
import re
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import program, pump  # noqa: E402  (the path above comes first)
from harness.host import Host, wire  # noqa: E402

TERMINAL = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
MEGABYTES = 64


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if TERMINAL else text


def head(text):
    print(f"\n{paint('1', text)}", flush=True)


def told(text):
    print(f"  {text}", flush=True)


def done(text):
    told(f"{paint('32', 'ok')}  {text}")


def command(text):
    print(f"  {paint('36', '$ ' + text)}", flush=True)


def machines():
    print(f"""{paint('1', 'Culvert: an SSTP tunnel between two machines')} (network namespaces, joined by a cable)

    client  192.0.2.2  ------------------------  192.0.2.1  server
            10.x.y.z   =========================  10.x.y.1
                        PPP in SSTP in HTTPS""")
    server, client = Host("server"), Host("client")
    wire(server, "eth0", client, "eth0")
    server.ip("address add 192.0.2.1/24 dev eth0")
    client.ip("address add 192.0.2.2/24 dev eth0")
    return server, client


def serve(host, binary, folder):
    head("The server, without a configuration file")
    state = os.path.join(folder, "state")
    command("culvert serve --listen 192.0.2.1:443 --state state")
    server = program.Server(host, state, binary, tun="culvert0").wait_ready()
    done(f"ready on {server.listen}; made its certificate, keys and store: "
         f"{' '.join(sorted(f for f in os.listdir(state) if not f.endswith(('-wal', '-shm'))))}")
    command("culvert user add alice --password-stdin --state state")
    program.add_user(binary, state, "alice", "a password nobody guesses")
    done("alice may come in")
    return server


def connect(host, binary, server):
    head("The client: seven steps")
    command("culvert connect alice@192.0.2.1 --password-file password --ca state/server.crt")
    client = program.Client(host, binary, "alice", "a password nobody guesses", "192.0.2.1",
                            "--ca", server.certificate, "-v", tun="culvert1")
    shown = 0
    deadline = time.monotonic() + program.SLOW
    while True:
        lines = [ln for ln in client.err.splitlines() if STEP.search(ln)]
        for line in lines[shown:]:
            found = STEP.search(line)
            told(f"{paint('1', found['number'])}  {STEPS[found['number']]:<19} {found['rest']}")
        shown = len(lines)
        if "connected" in client.out:
            client.wait_connected()
            break
        if not client.running() or time.monotonic() > deadline:
            raise AssertionError(client.story())
        time.sleep(0.02)
    done(f"connected: the client is {client.address}, the server {client.peer}")
    return client


STEP = re.compile(r"^culvert: (?P<number>[1-7]) (?P<name>\w+) +(?P<rest>.*)")
STEPS = {"1": "TCP", "2": "TLS, certificate", "3": "HTTPS request", "4": "SSTP control",
         "5": "PPP authentication", "6": "addresses", "7": "data"}


def data(client, server):
    head("Data")
    command(f"ping -c 3 {client.peer}")
    answered = client.host.ping(client.peer, 3)
    assert answered == 3, f"{answered} of 3 answered"
    done("3 of 3 answered, through the tunnel")
    for direction, source, sink, to in (
            ("to the server", client.host, server.host, client.peer),
            ("to the client", server.host, client.host, client.address)):
        r = pump.transfer(source, sink, to, MEGABYTES << 20)
        assert r.sent == r.received, f"sent {r.sent}, received {r.received}"
        rate = MEGABYTES * 8 * 1.048576 / r.seconds
        done(f"{MEGABYTES} MiB {direction}: SHA-256 {r.sent.split()[1][:16]}... at both ends, "
             f"{rate:.0f} Mbit/s")


def flowed(binary, server):
    head("What flowed")
    command("culvert status --state state")
    _, out, _ = program.run(binary, "status", "--state", server.state, host=server.host)
    for line in out.splitlines():
        told(line)


def farewell(client, server):
    head("Good-bye")
    assert client.stop(signal.SIGTERM) == 0, client.story()
    done("the client hung up; its interface, routes and name servers are as before")
    assert server.stop(signal.SIGTERM) == 0, server.story()
    done("the server ended; its interface and NAT rules are gone")


REAL = """
  On the server, whose port 443 is reachable (here as vpn.example.org), as root:

    build/culvert serve --name vpn.example.org
    build/culvert user add alice --password-stdin --state /var/lib/culvert

  Copy /var/lib/culvert/server.crt to the client; there, as root:

    build/culvert connect alice@vpn.example.org --password-file password --ca server.crt

  Windows has the client built in: README.md has the five lines."""


def main():
    binary = os.path.abspath(sys.argv[1])
    if os.geteuid():
        sys.exit("demo: namespaces need root")
    kept = []
    with tempfile.TemporaryDirectory(prefix="culvert-demo-") as folder:
        hosts = machines()
        try:
            server = serve(hosts[0], binary, folder)
            kept.append(server)
            client = connect(hosts[1], binary, server)
            kept.append(client)
            data(client, server)
            flowed(binary, server)
            farewell(client, server)
        except AssertionError as e:
            print(f"\n{paint('31', 'The demo failed.')}\n{e}", file=sys.stderr)
            return 1
        finally:
            for p in reversed(kept):
                p.close()
            for host in hosts:
                host.close()
    head("The same between two real machines")
    print(REAL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
