#!/usr/bin/env python3
"""Measures what metrics cost a controller, under a fleet of simulated agents; prints one JSON object.

    run_metrics.py BUILD-DIR [--agents N] [--instances N] [--series N] [--interval SECONDS]
                   [--seconds SECONDS] [--compress] [--folder FOLDER]

One controller and one fleet: first with its instances declared but without metrics, then with every
agent pushing the metrics of all its instances. The difference of the anonymous memory, over all series,
is what a series costs; it has in it the streams and whatever else came with the pushing. Simulator and
controller share this machine's cores, over the loopback; see run.py for what the simulator leaves out.
"""
import argparse
import random
import statistics
import sys
import time
import urllib.request
from pathlib import Path

import run


def fetch(controller, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{controller.http}{path}", timeout=60) as page:
        return page.read()


def scrapes(controller, path_of, count):
    """Times and sizes of `count` scrapes, one after the other."""
    seconds, sizes = [], []
    for number in range(count):
        path = path_of(number)
        began = time.monotonic()
        sizes.append(len(fetch(controller, path)))
        seconds.append(time.monotonic() - began)
    return {"p50_ms": round(statistics.median(seconds) * 1000, 2),
            "max_ms": round(max(seconds) * 1000, 2), "bytes": round(statistics.median(sizes))}


def over(controller, simulator, seconds):
    """CPU and samples of the controller over this time, and its memory at the end."""
    before, cpu = simulator.ask("pushed"), run.cpu_seconds(controller.pid)
    time.sleep(seconds)
    after = simulator.ask("pushed")
    return {"cpu_seconds": run.cpu_seconds(controller.pid) - cpu,
            "samples": after["samples"] - before["samples"], "late": after.get("late", 0),
            "failures": after.get("failures", 0), **run.memory_kib(controller.pid)}


def await_all(controller, options):
    """Until the controller holds a set of every instance."""
    wanted = options.agents * options.instances
    deadline = time.monotonic() + 8 * options.interval
    while time.monotonic() < deadline:
        held = [line for line in fetch(controller, "/metrics").decode().splitlines()
                if line.startswith("dbfleet_instance_series{") and not line.endswith(" 0")]
        if len(held) >= wanted:
            return
        time.sleep(2)
    raise SystemExit(f"only {len(held)} of {wanted} instances have metrics")


def measure(options, folder):
    build = Path(options.build).resolve()
    series = options.agents * options.instances * options.series
    figures = {"agents": options.agents, "instances_per_agent": options.instances,
               "series_per_instance": options.series, "interval_seconds": options.interval,
               "compressed": options.compress}
    controller = run.Controller(build, folder)
    controller.start()
    run.make_user(build, controller)
    simulator = run.Simulator(
        build, controller, options.agents, folder / "identities.jsonl", "--metrics-instances",
        str(options.instances), "--metrics-series", str(options.series), "--metrics-interval",
        str(options.interval), *(["--metrics-compress"] if options.compress else []))
    if simulator.wait(lambda totals: totals["connected"] >= options.agents, 1800) is None:
        raise SystemExit("the fleet does not connect")
    time.sleep(max(20, options.interval))  # What connecting left behind is over.
    without = over(controller, simulator, options.seconds)
    simulator.tell("push")
    await_all(controller, options)
    time.sleep(2 * options.interval)  # Each set has been replaced: the memory for that is there too.
    pushing = over(controller, simulator, options.seconds)
    figures["without"], figures["with"] = without, pushing
    figures["bytes_per_series"] = round(
        (pushing["RssAnon"] - without["RssAnon"]) * 1024 / series, 1)
    if pushing["samples"]:
        millions = pushing["samples"] / 1e6
        figures["samples_per_second"] = round(pushing["samples"] / options.seconds)
        figures["cpu_seconds_per_million_samples"] = round(
            (pushing["cpu_seconds"] - without["cpu_seconds"]) / millions, 2)
    figures["fleet_page"] = scrapes(controller, lambda _: "/metrics", 10)
    names = [f"sim-{agent:05d}" for agent in range(options.agents)]
    page = scrapes(controller, lambda _: f"/instances/{random.choice(names)}/metrics", 200)
    figures["instance_page"] = {**page, "bytes_per_series": round(page["bytes"] / options.series, 1)}
    figures["refused_batches"] = (folder / "controller.log").read_text(errors="replace").count(
        "refused an instance's metrics")
    simulator.tell("quit")
    simulator.process.wait(timeout=300)
    controller.stop()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=3)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--interval", type=float, default=15)
    parser.add_argument("--seconds", type=float, default=60, help="of each measurement")
    parser.add_argument("--compress", action="store_true", help="with gzip, on the wire")
    parser.add_argument("--folder", default=None, help="on whose disk; default: the temporary folder")
    options = parser.parse_args()
    run.in_own_folder(options, measure)


if __name__ == "__main__":
    sys.exit(main())
