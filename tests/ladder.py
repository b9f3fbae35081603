"""
The ladder of tests, fastest first: lint, unit (with sim), fuzz, net, peers. Counts everything and
ends with one line, `N passed, N failed[, N skipped]`; the exit code says whether N failed is 0.

    /usr/bin/python3 tests/ladder.py [--fuzz-seconds S] [RUNG [NAME...]]     from ./dev test

One count is a cmocka case, a lint check, a fuzz target over its corpus, a pytest case.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
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
    for bad, case in re.findall(r"^(not )?ok \d+ (?:- )?(.*)$", out, re.MULTILINE):
        told += 1
        if case.startswith("# SKIP"):
            count.skipped.append(f"{name}: {case[7:]}")
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


RUNGS = ("lint", "unit", "fuzz", "net", "peers")
ASKED_FOR = ("package",)  # wants downloads


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fuzz-seconds", type=int, default=3)
    options.add_argument("rung", nargs="?", choices=RUNGS + ASKED_FOR)
    options.add_argument("name", nargs="*")
    args = options.parse_args()
    rungs = [args.rung] if args.rung else ("lint", "unit", "fuzz", "net peers")
    total, begin = Count(), time.monotonic()
    for rung in rungs:
        start = time.monotonic()
        print(f"== {rung}", flush=True)
        if rung == "lint":
            count = lint()
        elif rung == "unit":
            count = unit(args.name)
        elif rung == "fuzz":
            count = fuzz(args.name, args.fuzz_seconds)
        else:
            count = outer(rung.split(), args.name)
        print(f"-- {rung}: {count.line()} in {time.monotonic() - start:.0f} s", flush=True)
        total.add(count)
    for name in total.skipped:
        print(f"skipped  {name}")
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
