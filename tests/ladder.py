"""
The ladder of tests, fastest first: lint, unit (with sim), fuzz, net, peers; then some of them on a
machine unlike this one (odd). Counts everything and
ends with one line, `N passed, N failed[, N skipped]`; the exit code says whether N failed is 0.

    /usr/bin/python3 tests/ladder.py [--ci] [--fuzz-seconds S] [RUNG [NAME...]]     from ./dev test

One count is a cmocka case, a lint check, a fuzz target over its corpus, a pytest case.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-asan")
CPUS = os.cpu_count() or 1
SANITIZER = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "CULVERT_SOURCE_ROOT": ROOT,
}


class Count:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")


def run(argv, seconds, **kw):
    """
    (exit code or None when time ran out, both streams as text). Output goes through a file and the
    program has a session of its own, so that nothing it leaves running can hold us.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             env={**os.environ, **SANITIZER, **kw}, start_new_session=True)
        try:
            code = p.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        out.seek(0)
        return code, out.read()


def lint():
    import lint as checks
    count = Count()
    for name, complaints in checks.all_checks(ROOT):
        if complaints:
            count.failed.append(f"lint: {name}")
            print("\n".join(complaints[:20]))
        else:
            count.passed += 1
    return count


def read_tap(name, code, out):
    """cmocka writes one plan and one group line for each group; a crash leaves cases untold."""
    count = Count()
    planned = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", out, re.MULTILINE))
    told = 0
    line = re.compile(r"^skipped: (.*)$|^(not )?ok \d+ (?:- )?(.*)$", re.MULTILINE)
    why = "no reason given"
    for reason, bad, case in line.findall(out):
        if reason:
            why = reason
            continue
        told += 1
        if case.startswith("# SKIP"):
            count.skipped.append(f"{name}: {case[7:]}: {why}")
        elif bad:
            count.failed.append(f"{name}: {case}")
        else:
            count.passed += 1
    if told < planned:
        count.failed += [f"{name}: ended before its case {n} of {planned} was told"
                         for n in range(told + 1, planned + 1)]
    if code != 0 and not count.failed:
        count.failed.append(f"{name}: {'out of time' if code is None else f'exit {code}'}")
    if not planned and code == 0:
        count.failed.append(f"{name}: has no cases")
    if count.failed:
        print(f"--- {name}\n{out[-6000:]}")
    return count


def unit(names=()):
    listed = json.loads(subprocess.run(["meson", "introspect", "--tests", BUILD], check=True,
                                       capture_output=True, text=True).stdout)
    chosen = [t for t in listed if not names or any(n in t["name"] for n in names)]
    total = Count()

    def one(test):
        code, out = run(test["cmd"], 300, CMOCKA_MESSAGE_OUTPUT="TAP")
        return read_tap(test["name"], code, out)
    with concurrent.futures.ThreadPoolExecutor(CPUS) as pool:
        for count in pool.map(one, chosen):
            total.add(count)
    return total


def fuzz(names=(), seconds=3):
    """Every corpus file once, then new inputs for some seconds; the corpus is not written to."""
    programs = sorted(f for f in os.listdir(os.path.join(BUILD, "tests", "fuzz"))
                      if f.startswith("fuzz_") and not os.path.splitext(f)[1])
    total = Count()

    def one(program):
        name = program[len("fuzz_"):]
        count = Count()
        corpus = os.path.join(ROOT, "tests", "fuzz", "corpus", name)
        with tempfile.TemporaryDirectory(prefix="culvert-fuzz-") as folder:
            # a crash leaves its input where the person who asked for the run finds it
            keep = os.path.join(BUILD, "fuzz-")
            code, out = run([os.path.join(BUILD, "tests", "fuzz", program), folder, corpus,
                             f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                             f"-artifact_prefix={keep}{name}-"], seconds + 120)
        if not os.path.isdir(corpus) or not os.listdir(corpus):
            count.failed.append(f"fuzz {name}: has no corpus")
        elif code:
            count.failed.append(f"fuzz {name}")
            print(f"--- fuzz {name}\n{out[-6000:]}")
        elif code is None:
            count.failed.append(f"fuzz {name}: out of time")
        else:
            count.passed += 1
        return count
    chosen = [p for p in programs if not names or p[len("fuzz_"):] in names]
    with concurrent.futures.ThreadPoolExecutor(CPUS) as pool:
        for count in pool.map(one, chosen):
            total.add(count)
    return total


def read_junit(path, code, name):
    count = Count()
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError):
        cases = []
    for case in cases:
        title = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed.append(title)
        elif case.find("skipped") is not None:
            count.skipped.append(f"{title}: {case.find('skipped').get('message')}")
        else:
            count.passed += 1
    if code not in (0, 5) and not count.failed:  # 5: -k left nothing of this file
        count.failed.append(f"{name}: {'out of time' if code is None else f'pytest: exit {code}'}")
    return count


# Floods and measurements: they want both CPUs, and would disturb what runs beside them.
ALONE = ("test_limits.py", "test_bench.py")


def outer(folders, names=()):
    """A pytest process for each file, as many at a time as there are CPUs: most of them wait."""
    total = Count()

    def one(path):
        name = os.path.relpath(path, os.path.join(ROOT, "tests"))
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="culvert-pytest-") as temporary:
            report = os.path.join(temporary, "report.xml")
            argv = [sys.executable, "-B", "-m", "pytest", "-c",
                    os.path.join(ROOT, "tests/pytest.ini"), f"--junitxml={report}",
                    f"--basetemp={temporary}/files", path]
            if names:
                argv += ["-k", " or ".join(names)]
            code, out = run(argv, 1500)
            count = read_junit(report, code, name)
        if count.failed:
            print(f"--- {name}\n{out[-20000:]}")
        if code != 5:
            print(f"   {name}: {count.line()} in {time.monotonic() - start:.0f} s", flush=True)
        return count
    paths = [os.path.join(folder, f) for rung in folders
             for folder, _, files in os.walk(os.path.join(ROOT, "tests", rung))
             for f in files if f.startswith("test_") and f.endswith(".py")]
    paths.sort(key=os.path.getsize, reverse=True)  # the long ones first
    alone = [p for p in paths if os.path.basename(p) in ALONE]
    with concurrent.futures.ThreadPoolExecutor(CPUS) as pool:
        for count in pool.map(one, (p for p in paths if p not in alone)):
            total.add(count)
    for path in alone:
        total.add(one(path))
    return total


class Peers:
    """
    Starts of programs that nobody here wrote, and those that were repeated because the program
    itself was proved to have lost the try (tests/peers/peers.py). All are printed, and more than the
    programs' own faults explain is a failure of ours.
    """
    AT_MOST, OF_STARTS = 10, 0.6

    def __init__(self, folder):
        self.path = os.path.join(folder, "peers")
        os.environ["CULVERT_PEER_RECORD"] = self.path

    def close(self, total):
        if not os.path.exists(self.path):
            return
        with open(self.path) as f:
            lines = [line.rstrip("\n").split("\t") for line in f]
        again = [f"{test}: {why}" for what, test, why in lines if what == "again"]
        starts = sum(what == "start" for what, _, _ in lines)
        bound = max(self.AT_MOST, int(self.OF_STARTS * starts))
        for line in again:
            print(f"again    {line}")
        print(f"{starts} starts of foreign clients, {len(again)} of them repeated for the client's "
              f"own fault (at most {bound})")
        if len(again) > bound:
            total.failed.append(f"peers: {len(again)} of {starts} starts were repeated")


RUNGS = ("lint", "unit", "fuzz", "net", "peers")
ASKED_FOR = ("sim", "package", "odd")  # part of unit; wants downloads; on another kind of machine
EXCUSE = re.compile(r": the (kernel|processor) lacks ")

# What `./dev odd` goes through: each is a machine that is unlike the developer's (tests/odd-run).
CONDITIONS = (
    "--tun 0600", "--tun absent", "--nofile 1024", "--umask 077", "--no-ipv6", "--no-inet6",
    "--no-bpf", "--tmp noexec", "--ro-proc-sys", "--cc reno", "--locale POSIX", "--short-host",
    "--cpus 1", "--tz Pacific/Kiritimati", "--bare-env", "--user")
# Most of them at once, for every run of all tests; with unit tests that look at the machine.
ODD = ("--tun 0600 --nofile 1024 --umask 077 --locale POSIX --tz <+0545>-5:45 --no-ipv6 --no-bpf "
       "--cc reno --short-host --bare-env")
ODD_UNIT = ("os/", "offload/tun", "server/", "store/", "base/", "cli/", "config/")
ODD_NET = ("net", "test_service", "descriptors", "dns_is_set", "second_server")


def odd(condition, runs):
    """The ladder itself under tests/odd-run; its counts, with the condition before each name."""
    count = Count()
    for arguments in runs:
        code, out = run([os.path.join(ROOT, "tests/odd-run"), *condition.split(), "--",
                         sys.executable, os.path.join(ROOT, "tests/ladder.py"), *arguments], 1500)
        found = re.search(r"^(\d+) passed, \d+ failed(?:, \d+ skipped)?$", out, re.MULTILINE)
        refused = re.search(r"^odd-run: .*$", out, re.MULTILINE)
        if code == 125 and refused:
            count.skipped.append(f"odd {condition}: the kernel lacks it: {refused[0]}")
            continue
        count.passed += int(found[1]) if found else 0
        for word, names in (("FAILED", count.failed), ("skipped", count.skipped)):
            names += [f"odd {condition}: {name}"
                      for name in re.findall(rf"^{word} +(.*)$", out, re.MULTILINE)]
        if not found:
            count.failed.append(f"odd {condition}: {' '.join(arguments)}: exit {code}")
        if count.failed:
            print(out[-20000:])
    print(f"   {condition}: {count.line()}", flush=True)
    return count


def odd_all(conditions):
    total = Count()
    for condition in conditions or CONDITIONS:
        total.add(odd(condition, (("unit",), ("net", "test_service", "test_limits"))))
    return total


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ci", action="store_true",
                         help="a skipped test fails, but for what the kernel or processor lacks")
    options.add_argument("--fuzz-seconds", type=int, default=3)
    options.add_argument("rung", nargs="?", choices=RUNGS + ASKED_FOR)
    options.add_argument("name", nargs="*")
    args = options.parse_args()
    rungs = [args.rung] if args.rung else ("lint", "unit", "fuzz", "net peers", "odd")
    total, begin = Count(), time.monotonic()
    folder = tempfile.mkdtemp(prefix="culvert-ladder-")
    peers = Peers(folder)
    for rung in rungs:
        start = time.monotonic()
        print(f"== {rung}", flush=True)
        if rung == "lint":
            count = lint()
        elif rung == "unit":
            count = unit(args.name)
        elif rung == "sim":
            count = unit(args.name or ["sim/"])
        elif rung == "fuzz":
            count = fuzz(args.name, args.fuzz_seconds)
        elif rung == "odd" and not args.rung:
            count = odd(ODD, (("unit", *ODD_UNIT), ODD_NET))
        elif rung == "odd":
            count = odd_all(args.name)
        else:
            count = outer(rung.split(), args.name)
        print(f"-- {rung}: {count.line()} in {time.monotonic() - start:.0f} s", flush=True)
        total.add(count)
    for name in total.skipped:
        print(f"skipped  {name}")
    if args.ci:
        total.failed += [f"skipped: {name}" for name in total.skipped if not EXCUSE.search(name)]
    peers.close(total)
    shutil.rmtree(folder, ignore_errors=True)
    for name in total.failed:
        print(f"FAILED   {name}")
    if not total.passed and not total.failed:
        total.failed.append("nothing was run")
    print(f"{time.monotonic() - begin:.0f} s")
    print(total.line(), flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main())
