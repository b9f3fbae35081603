"""
`./dev bench`: what the tunnel costs next to the bare cable, on this machine, in one run.

        cli  eth0 ----------- eth0  srv        contender `cable`: TCP over the veth pair
        cli  cv-cli ========= cv-srv srv       contender `culvert`: the same through the tunnel

Contenders take turns (A B A B), the table has medians. CPU is that of both ends' processes.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import program  # noqa: E402  (the path above comes first)
from harness.host import Host, wait_for, wire  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def iperf(client, server, address, seconds, reverse):
    listener = server.popen("iperf3", "-s", "-1", "-B", address, stdout=-3, stderr=-3)
    try:
        wait_for(lambda: address in server.run("ss -ltnH sport = :5201"), 10, "iperf3")
        out = client.run("iperf3", "-J", "-c", address, "-t", seconds, *(["-R"] * reverse),
                         timeout=seconds + 30)
        end = json.loads(out)["end"]["sum_received"]
        return end["bits_per_second"] / 1e9, end["bytes"] / 1e9
    finally:
        listener.kill()
        listener.wait()


def ping_ms(client, address, count=50):
    out = client.run("ping", "-n", "-q", "-i", "0.01", "-c", count, address)
    return float(out.rsplit("=", 1)[1].split("/")[1])


def measure(args):
    srv, cli = Host("srv"), Host("cli")
    wire(srv, "eth0", cli, "eth0")
    srv.ip("address add 192.0.2.1/24 dev eth0")
    cli.ip("address add 192.0.2.2/24 dev eth0")
    rows = {}
    with tempfile.TemporaryDirectory(prefix="culvert-bench-") as folder:
        state = os.path.join(folder, "state")
        server = program.Server(srv, state, program.RELEASE).wait_ready()
        program.add_user(program.RELEASE, state, "bench", "bench-password")
        client = program.Client(cli, program.RELEASE, "bench", "bench-password", "192.0.2.1",
                                "--ca", server.certificate, "--no-default-route", "--no-dns")
        client.wait_connected()
        try:
            for _ in range(args.runs):
                for name, address in (("cable", "192.0.2.1"), ("culvert", client.peer)):
                    row = rows.setdefault(name, {"up": [], "down": [], "ping": [], "cpu": []})
                    row["ping"].append(ping_ms(cli, address))
                    for direction in ("up", "down"):
                        before = cpu_seconds(server) + cpu_seconds(client)
                        rate, gigabytes = iperf(cli, srv, address, args.seconds,
                                                direction == "down")
                        used = cpu_seconds(server) + cpu_seconds(client) - before
                        row[direction].append(rate)
                        if name == "culvert":
                            row["cpu"].append(used / gigabytes)
        finally:
            client.close()
            server.close()
            cli.close()
            srv.close()
    return {name: {k: statistics.median(v) if v else None for k, v in row.items()}
            for name, row in rows.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--json", action="store_true")
    args = options.parse_args()
    table = measure(args)
    if args.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{'':10}{'up':>12}{'down':>12}{'ping':>12}{'CPU':>16}")
    for name, row in table.items():
        cpu = f"{row['cpu']:.2f} s/GB" if row["cpu"] else "-"
        print(f"{name:10}{row['up']:7.2f} Gb/s{row['down']:7.2f} Gb/s{row['ping']:9.3f} ms{cpu:>16}")


if __name__ == "__main__":
    main()
