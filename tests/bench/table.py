"""The one table of the benchmark, in Markdown."""
import os
import platform
import statistics

COLUMNS = ("", "program", "wall s", "CPU s", "peak MiB", "connections",
           "wall ratio (min-max)", "CPU ratio (min-max)", "")


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


class Row:
    """What was measured of one program in all rounds. REFERENCE: the same of
    what it is compared with, round by round."""

    def __init__(self, title, program, took, reference=None, connections=None,
                 remark=""):
        self.title = title
        self.program = program
        self.took = took
        self.reference = reference if reference != took else None
        self.connections = connections
        self.remark = remark

    def ratio(self, what):
        if self.reference is None:
            return ""
        ratios = [getattr(own, what) / max(getattr(other, what), 1e-6)
                  for own, other in zip(self.took, self.reference)]
        return (f"{statistics.median(ratios):.2f} "
                f"({min(ratios):.2f}-{max(ratios):.2f})")

    def cells(self):
        def median(what):
            return statistics.median(getattr(one, what) for one in self.took)

        measured = ("", "", "")
        if self.took:
            measured = (f"{median('wall'):.3f}", f"{median('cpu'):.3f}",
                        f"{max(one.rss_mib for one in self.took):.1f}")
        return (self.program, *measured,
                "" if self.connections is None else str(self.connections),
                self.ratio("wall"), self.ratio("cpu"), self.remark)


class Table:
    def __init__(self):
        self.rows = []
        # Others' work on the machine is what spoils a benchmark.
        self.load = os.getloadavg()[0]

    def add(self, rows):
        self.rows += rows

    def __str__(self):
        lines = [COLUMNS, ["---"] * 2 + ["---:"] * 6 + ["---"]]
        title = None
        for row in self.rows:
            # The title stands in its first row only.
            lines.append((row.title if row.title != title else "", *row.cells()))
            title = row.title
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return (f"{table}\nMedians; ratios are to the floor unless the row says "
                f"otherwise, round by round. {os.cpu_count()} x {processor()}, "
                f"Linux {platform.release()}, load {self.load:.1f} at the "
                "beginning.\n")
