#!/usr/bin/env python3
"""Measures a controller under a fleet of simulated agents, and prints the figures as one JSON object.

    run.py BUILD-DIR [--agents N] [--idle SECONDS] [--checks COUNT] [--callers N] [--connections N]
           [--change COUNT]

BUILD-DIR is of the preset "bench". Everything runs on this machine, over the loopback: the figures for
CPU and throughput are those of controller and simulator together on the same cores. The simulated
agents' journals are in memory; the controller's store is on --folder's disk with synchronous=FULL.
"""
import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
STARTED = []  # Processes.


def free_port():
    """Below the ports that Linux gives to outgoing connections: thousands of them are made here."""
    while True:
        with socket.socket() as s, contextlib.suppress(OSError):
            port = random.randrange(12288, 32768)
            s.bind(("127.0.0.1", port))
            return port


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_kib(pid):
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                  if ":" in line)
    return {k: int(status[k].split()[0]) for k in ("VmRSS", "RssAnon")}


class Controller:
    def __init__(self, build, folder):
        self.program, self.folder = build / "bin/dbfleet-controller", folder
        self.grpc, self.http = free_port(), free_port()
        (folder / "controller.yaml").write_text(
            f"data_dir: {folder}/controller\nlisten: 127.0.0.1:{self.grpc}\n"
            f"http_listen: 127.0.0.1:{self.http}\nadvertise:\n  - 127.0.0.1\n"
            # What a simulated agent calls a backup would be no backup.
            "environments:\n  - name: development\n    policy:\n      verified_backup_max_age: 0s\n")
        self.process = None

    def start(self):
        log = open(self.folder / "controller.log", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [self.program, "run", "--config", self.folder / "controller.yaml"], stdout=log,
            stderr=subprocess.STDOUT)
        STARTED.append(self.process)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the controller does not become ready: " + str(self.folder))

    @property
    def pid(self):
        return self.process.pid

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()


class Simulator:
    """The fleet_sim process: its latest totals, and the answers to commands."""

    def __init__(self, build, controller, agents, identities, *more):
        self.process = subprocess.Popen(
            [build / "bin/fleet_sim", "--controller", f"127.0.0.1:{controller.grpc}", "--ca",
             controller.folder / "controller/ca/ca.crt", "--token-file",
             controller.folder / "token", "--identities", identities, "--agents",
             str(agents), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        STARTED.append(self.process)
        self.totals, self.answers, self.changed = {}, [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                if "connected" in message:
                    self.totals = message
                else:
                    self.answers.append(message)
                self.changed.notify_all()

    def wait(self, condition, seconds):
        """Seconds until condition(totals) held; None when it did not in time."""
        began = time.monotonic()
        with self.changed:
            while not (self.totals and condition(self.totals)):
                left = began + seconds - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    return None
                self.changed.wait(min(left, 1))
        return time.monotonic() - began

    def ask(self, command, seconds=900):
        with self.changed:
            before = len(self.answers)
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            if not self.changed.wait_for(lambda: len(self.answers) > before, seconds):
                return {"error": f"{command} was not answered"}
            return self.answers[-1]

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()


def make_user(build, controller):
    """A principal that may both enrol agents and submit jobs."""
    folder = controller.folder
    env = {**os.environ, "DBFLEET_CONFIG": str(folder / "cli.json")}
    for arguments in (["login", "--server", f"127.0.0.1:{controller.grpc}", "--ca-file",
                       folder / "controller/ca/ca.crt", "--token-file",
                       folder / "controller/admin-token"],
                      ["user", "create", "bench", "--role=operator", "--role=admin"],
                      ["token", "create", "--user", "bench", "--out", folder / "token"]):
        subprocess.run([build / "bin/dbfleet", *arguments], env=env, check=True,
                       stdout=subprocess.DEVNULL)


def usage(controller, seconds):
    """CPU share of one core, and memory, over this time."""
    began, cpu = time.monotonic(), cpu_seconds(controller.pid)
    time.sleep(seconds)
    share = (cpu_seconds(controller.pid) - cpu) / (time.monotonic() - began)
    return {"cpu_of_one_core": round(share, 4), **memory_kib(controller.pid)}


def time_until_dead(controller, name, seconds):
    """Seconds until the controller says that the agent is gone."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with urllib.request.urlopen(f"http://127.0.0.1:{controller.http}/metrics",
                                    timeout=30) as page:
            text = page.read().decode()
        for line in text.splitlines():
            if line.startswith("dbfleet_agent_connected{") and f'agent="{name}"' in line:
                if line.rsplit(" ", 1)[1] == "0":
                    return time.monotonic() - began
        time.sleep(0.5)
    return None


def measure(options, folder):
    build = Path(options.build).resolve()
    figures = {"agents": options.agents}
    controller = Controller(build, folder)
    controller.start()
    figures["empty"] = memory_kib(controller.pid)
    make_user(build, controller)
    identities = folder / "identities.jsonl"
    began = time.monotonic()
    simulator = Simulator(build, controller, options.agents, identities, "--connections",
                          str(options.connections))
    full = lambda totals: totals["connected"] >= options.agents  # noqa: E731
    if simulator.wait(lambda totals: True, 1200) is None:
        raise SystemExit("the fleet could not be enrolled")
    figures["enrol_seconds"] = round(time.monotonic() - began, 1)
    figures["connect_seconds"] = simulator.wait(full, 600)
    time.sleep(20)  # What connecting left behind is over.
    figures["idle"] = usage(controller, options.idle)
    per_agent = (figures["idle"]["VmRSS"] - figures["empty"]["VmRSS"]) / options.agents
    figures["kib_per_agent"] = round(per_agent, 1)
    if options.checks:
        figures["warm"] = simulator.ask(f"checks {min(options.checks, 1000)} {options.callers}")
        cpu = cpu_seconds(controller.pid)
        figures["checks"] = simulator.ask(f"checks {options.checks} {options.callers}")
        figures["checks"]["controller_cpu_seconds"] = round(cpu_seconds(controller.pid) - cpu, 2)
        figures["one_by_one"] = simulator.ask("one 300")
    if options.change:
        cpu = cpu_seconds(controller.pid)
        figures["change"] = simulator.ask(f"change {options.change} {options.parallel}", 1900)
        figures["change"]["controller_cpu_seconds"] = round(cpu_seconds(controller.pid) - cpu, 2)
    controller.stop(signal.SIGKILL)
    simulator.wait(lambda totals: totals["connected"] == 0, 60)
    controller.start()
    figures["reconnect_seconds"] = simulator.wait(full, 600)
    simulator.tell("freeze 1")
    figures["dead_agent_seen_seconds"] = time_until_dead(controller, "sim-00000", 90)
    figures["after"] = memory_kib(controller.pid)
    simulator.tell("quit")
    simulator.process.wait(timeout=120)
    controller.stop()
    return figures


def in_own_folder(options, measure_in):
    """Prints what measure_in(options, folder) finds; of its processes and files nothing stays."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that what follows is cleaned up.
    folder = Path(tempfile.mkdtemp(prefix="dbfleet-bench-", dir=options.folder))
    try:
        print(json.dumps(measure_in(options, folder), indent=1))
    finally:
        for process in STARTED:
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--checks", type=int, default=20000)
    parser.add_argument("--callers", type=int, default=32, help="calls under way at any time")
    parser.add_argument("--connections", type=int, default=4, help="on which these are made")
    parser.add_argument("--change", type=int, default=0, help="targets of one change")
    parser.add_argument("--parallel", type=int, default=1000, help="of these at once")
    parser.add_argument("--folder", default=None, help="on whose disk; default: the temporary folder")
    options = parser.parse_args()
    in_own_folder(options, measure)


if __name__ == "__main__":
    sys.exit(main())
