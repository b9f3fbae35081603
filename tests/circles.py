"""
Circles among the object files of the built library: a circle is a set of files that each need a
symbol of another one of the set, by a call or by a table of pointers. The symbol tables tell what
the linker sees, so an include that is there for a type alone does not count, and a function that is
declared by hand does.
"""

import os
import re
import subprocess

NM = ("llvm-nm", "nm")
_ENTRY = re.compile(r"^(?:[0-9a-f]+)?\s*([A-Za-z]) (\S+)$")


def symbols(library, kinds="TDBRVWC"):
    """{object: (defined, needed)}; objects are named by their source, x_y.c; kinds as nm's letters."""
    for nm in NM:
        try:
            out = subprocess.run([nm, library], capture_output=True, text=True, check=True).stdout
            break
        except FileNotFoundError:
            continue
    else:
        raise RuntimeError("neither llvm-nm nor nm is installed")
    found, current = {}, None
    for line in out.splitlines():
        if line.endswith(":"):
            name = os.path.basename(line[:-1])
            current = found.setdefault(source_of(name), (set(), set()))
        elif (entry := _ENTRY.match(line.strip())) and current:
            kind, symbol = entry.groups()
            if kind == "U":
                current[1].add(symbol)
            elif kind in kinds:
                current[0].add(symbol)
    return found


def source_of(name):
    """meson names the object of src/a/b.c "a_b.c.o" or "src_a_b.c.o": the tree knows which it is."""
    return name.removesuffix(".o").removeprefix("src_")


def arrows(objects):
    """{file: {file it needs: [symbols]}}"""
    owner = {s: name for name, (defined, _) in objects.items() for s in defined}
    result = {name: {} for name in objects}
    for name, (_, needed) in objects.items():
        for s in needed:
            other = owner.get(s)
            if other and other != name:
                result[name].setdefault(other, []).append(s)
    return result


def circles(graph):
    """The strongly connected sets of more than one file (Tarjan), largest first."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(root):
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(graph[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = set()
                    while node not in members:
                        members.add(stack.pop())
                    on_stack.difference_update(members)
                    if len(members) > 1:
                        found.append(members)
    for root in graph:
        if root not in index:
            visit(root)
    return sorted(found, key=len, reverse=True)


def units(root, files):
    """
    {unit: {unit it includes: [lines]}}: x.c with x.h is one unit; a header alone, which shows a struct or
    a room's inside, is none: two files may share it.
    """
    name = {f[4:].rsplit(".", 1)[0] for f in files if f.endswith(".c")}
    graph = {unit: {} for unit in name}
    for path in files:
        unit = path[4:].rsplit(".", 1)[0]
        if unit not in name:
            continue
        with open(os.path.join(root, path)) as f:
            for included in re.findall(r'^\s*#\s*include\s*"([^"]+)\.h"', f.read(), re.M):
                if included in name and included != unit:
                    graph[unit].setdefault(included, []).append(f"{path} includes {included}.h")
    return graph


def by_headers(root, files):
    """No two files include each other's headers, straight or in a circle."""
    graph = units(root, files)
    for members in circles(graph):
        yield f"circle of headers: {' '.join(sorted(members))}"
        for unit in sorted(members):
            for other in sorted(members & set(graph[unit])):
                yield from (f"  {line}" for line in graph[unit][other])


def complaints(library):
    graph = arrows(symbols(library))
    for members in circles(graph):
        yield f"circle of {len(members)}: {' '.join(sorted(members))}"
        for name in sorted(members):
            for other in sorted(members & set(graph[name])):
                taken = sorted(graph[name][other])
                yield f"  {name} -> {other}: {', '.join(taken[:6])}{' ...' if taken[6:] else ''}"


if __name__ == "__main__":
    import sys
    lines = list(complaints(sys.argv[1]))
    print("\n".join(lines) or "no circle")
    sys.exit(bool(lines))
