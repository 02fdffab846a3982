# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``./run bench [--full] [--only PART] [--keep]``: measures, and writes JSON, tables and a plot.

Without --keep the results lie in .work/bench, with it in docs/performance and in the guide to performance.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import tempfile
import time
from typing import Any

from tests.benchmark import ours, plot, report
from tests.benchmark.cloud import SPEED, Cloud
from tests.benchmark.runs import LATENCY, Bench
from tests.emulator import Emulator
from tests.harness import ROOT

GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_performance.rst"
PARTS = ("fresh", "role", "fleet", "coverage", "azcollection")


def machine() -> dict[str, object]:
    """What is known of the machine's class: nothing that names it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    models = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]  # fmt: skip
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gb": round(memory),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the role on 1,000 fresh clusters too: half an hour more")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts, for a look in between")
    parser.add_argument("--keep", action="store_true", help="put the results where the documentation has them")
    parser.add_argument("--bundle", type=pathlib.Path, help="where azure.azcollection is")
    options = parser.parse_args()
    if options.keep and options.only:
        parser.error("--keep is for all parts")
    # Python's compiled files are part of what a user has.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    begin = time.monotonic()
    with Emulator(speed=SPEED) as emulator, tempfile.TemporaryDirectory() as name:
        bench = Bench(Cloud(emulator, LATENCY), pathlib.Path(name), lambda line: print(line, flush=True))
        parts = options.only or PARTS
        if "fresh" in parts:
            bench.fresh(options.full)
        if "role" in parts:
            bench.further(bench.role())
        if "fleet" in parts:
            bench.fleet()
        if "coverage" in parts:
            bench.coverage()
        if "azcollection" in parts:
            bench.azcollection(options.bundle or sys.exit("--bundle says where azure.azcollection is"))
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": machine(),
        "minutes": round((time.monotonic() - begin) / 60, 1),
        "forks": ours.FORKS,
        "forks_fresh": ours.FRESH_FORKS,
        "rows": bench.rows,
    }
    write(result, options)


def write(result: dict[str, Any], options: argparse.Namespace) -> None:
    folder = ROOT / ("docs/performance" if options.keep else ".work/bench")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    tables = report.page(result)
    (folder / "results.md").write_text(tables)
    if not options.only:
        (folder / "cost.svg").write_text(plot.drawing(result["rows"]))
    if options.keep:
        GUIDE.write_text(report.guide(result, GUIDE.read_text()))
    print(f"\n{tables}\nwritten to {folder.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
