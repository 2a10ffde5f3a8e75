# SPDX-License-Identifier: Apache-2.0
"""What a benchmark found: medians over its rounds, as JSON for programs and a table for people."""

import json
import os
import platform
import statistics
import sys
from pathlib import Path


def machine():
    def field(path, key):
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
        return "unknown"
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(field("/proc/meminfo", "MemTotal").split()[0]) * 1024,
        "kernel": platform.release(),
    }


def warn_when_busy():
    load = os.getloadavg()[0]
    if load > 0.3 * len(os.sched_getaffinity(0)):
        print(f"warning: other programs are running (load {load:.1f}): "
              "the figures will not be worth much", file=sys.stderr)


class Report:
    """`variants`: what is compared, in the order of the columns. `ratios`: pairs of them, each of
    which becomes a column. `units`: of each metric. Rows come in the order of `cases` and `units`."""

    def __init__(self, cases, variants, ratios, units):
        self.cases = cases
        self.variants = variants
        self.ratios = ratios
        self.units = units
        self.values = {}  # (case, metric) -> variant -> one value a round

    def add(self, case, variant, metrics):
        for metric, value in metrics.items():
            if metric in self.units and value is not None:
                cell = self.values.setdefault((case, metric), {})
                cell.setdefault(variant, []).append(value)

    def results(self):
        for case in self.cases:
            for metric, unit in self.units.items():
                cell = self.values.get((case, metric))
                if cell:
                    yield {"case": case, "metric": metric, "unit": unit,
                           "rounds": min(len(values) for values in cell.values()),
                           "values": {variant: statistics.median(cell[variant])
                                      for variant in self.variants if variant in cell}}

    def write(self, path, command):
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {"command": command, "machine": machine(), "results": list(self.results())}
        path.write_text(json.dumps(document, indent=1) + "\n")

    def table(self, cases=None):
        """Of some of the cases, with the variants that they have; else of all, with all."""
        results = [result for result in self.results() if cases is None or result["case"] in cases]
        variants, ratios = self.variants, self.ratios
        if cases is not None:
            present = {variant for result in results for variant in result["values"]}
            variants = [variant for variant in variants if variant in present]
            ratios = [pair for pair in ratios if present.issuperset(pair)]
        head = ["case", "metric", "unit", *variants, *(f"{a}/{b}" for a, b in ratios)]
        rows = [head]
        for result in results:
            values = result["values"]
            row = [result["case"], result["metric"], result["unit"]]
            row += [figure(values.get(variant)) for variant in variants]
            for a, b in ratios:
                row.append(f"{values[a] / values[b]:.2f}" if values.get(b) and a in values else "-")
            rows.append(row)
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        return "\n".join(
            "  ".join(cell.ljust(width) if i < 3 else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths)))
            for row in rows)


def figure(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"
