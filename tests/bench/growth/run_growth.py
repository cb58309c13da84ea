#!/usr/bin/env python3
"""Measures how a store's history slows the controller down; prints one JSON object.

    run_growth.py BUILD-DIR [--checks N] [--factor F] [--rounds N] [--folder FOLDER] [--keep]

BUILD-DIR is of the preset "bench". Fills two stores through the controller's own store, one with N / F
checks that are over and one with N, each with ten audit records, and measures both in turns: the p50 of
listings and other reads, and durable mutations per second from 64 callers. Each figure is the median of
the rounds; each ratio says how much worse the large store is, and those above --aim are listed apart.
With --keep the stores stay in FOLDER, and a later run with the same FOLDER and sizes takes them as they
are. One million checks need 5 GB of disk.
"""
import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def fill(grow, folder, checks):
    """The path of a filled store."""
    store = folder / f"checks-{checks}/store.db"
    if store.exists():
        return store
    # Under another name until it is whole, so that a run that was cut short leaves no half history.
    partial = folder / f"filling-{checks}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    answer = subprocess.run([grow, "fill", partial / "store.db", "--checks", str(checks)],
                            check=True, stdout=subprocess.PIPE, text=True)
    print(answer.stdout.strip(), file=sys.stderr, flush=True)
    partial.rename(store.parent)
    return store


def measure(grow, store, options):
    answer = subprocess.run([grow, "measure", store, "--calls", str(options.calls), "--callers",
                             str(options.callers), "--seconds", str(options.seconds)],
                            check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def flat(figures):
    """Each figure by its name, as (value, larger is worse)."""
    values = {name: (read["p50_us"], True) for name, read in figures["reads"].items()}
    for name in ("open_seconds", "first_snapshot_seconds", "next_snapshot_seconds"):
        values[name] = (figures[name], True)
    for name in ("events_per_second", "checks_per_second"):
        values[name] = (figures[name], False)
    return values


def compare(rounds):
    """The medians and their ratios; `rounds` are pairs of figures."""
    result = {}
    small, large = ([flat(pair[i]) for pair in rounds] for i in (0, 1))
    for name, (_, larger_is_worse) in small[0].items():
        a = statistics.median(figures[name][0] for figures in small)
        b = statistics.median(figures[name][0] for figures in large)
        ratio = (b / a if larger_is_worse else a / b) if a and b else None
        result[name] = {"small": round(a, 4), "large": round(b, 4),
                        "ratio": None if ratio is None else round(ratio, 2)}
    return result


def run(options, folder):
    grow = Path(options.build).resolve() / "bin/grow"
    small = fill(grow, folder, options.checks // options.factor)
    large = fill(grow, folder, options.checks)
    rounds = [(measure(grow, small, options), measure(grow, large, options))
              for _ in range(options.rounds)]
    compared = compare(rounds)
    # A start is rare, and its first snapshot has to walk all jobs.
    once = {name: compared.pop(name) for name in ("open_seconds", "first_snapshot_seconds")}
    return {"checks": [options.checks // options.factor, options.checks],
            "audit_records": [figures["audit_records"] for figures in rounds[0]],
            "store_bytes": [path.stat().st_size for path in (small, large)],
            "figures": compared, "at_the_start": once,
            "above_the_aim": {name: figure["ratio"] for name, figure in compared.items()
                              if figure["ratio"] is not None and figure["ratio"] > options.aim}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--checks", type=int, default=1_000_000, help="of the large store")
    parser.add_argument("--factor", type=int, default=10, help="how many times less the small one has")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=200, help="of each read, at most")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2, help="of each kind of mutation")
    parser.add_argument("--aim", type=float, default=1.5)
    parser.add_argument("--folder", default=None, help="on whose disk; default: the temporary folder")
    parser.add_argument("--keep", action="store_true", help="keep the stores in --folder")
    options = parser.parse_args()
    if options.keep and options.folder is None:
        parser.error("--keep needs --folder")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that what follows is cleaned up.
    folder = (Path(options.folder) if options.keep else
              Path(tempfile.mkdtemp(prefix="dbfleet-bench-", dir=options.folder)))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(json.dumps(run(options, folder), indent=1))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
