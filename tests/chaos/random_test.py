"""Random runs: users work, things break, everything heals, and the checker judges.

    random_test.py BUILD-DIR [--seed N] [--seeds COUNT] [--seconds S] [--clock]
                   [--agent-binary NAME=PATH]...

Each seed is one episode on the same fleet: some seconds of faults under load, then healing, then all
jobs have to end or to ask for a person within a bound. The seed decides what is done; when it meets
what, the machine decides, so a seed repeats a situation and not an instruction. The log of a failed
run is kept, with the evidence that `checker.py FILE` judges again.

The first seed also decides which daemons of the fleet talk like the next or the former version
(common/rpc/version_faults.h). --agent-binary lets an agent (mariadb, postgresql, redis) be a really
other build, with its own dbfleet-exec beside it.
"""
import argparse
import json
import os
import random
import sys
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

WORKERS = 3
VERSIONS = ("plain", "older", "newer")


class Episode:
    """The users of one seed. Each worker does one operation after the other."""

    def __init__(self, fleet, workload, faults, seed, seconds):
        self.fleet, self.workload, self.faults = fleet, workload, faults
        self.rng = random.Random(seed)
        self.seconds = seconds
        self.over = threading.Event()
        self.errors = []

    def operations(self):
        w = self.workload
        return [
            (6, lambda: w.change("mariadb")), (3, lambda: w.change("mariadb", fails=True)),
            (5, lambda: w.change("postgresql")), (3, lambda: w.change("postgresql", fails=True)),
            (2, lambda: w.backup("mariadb")), (1, lambda: w.backup("postgresql")),
            (1, lambda: w.backup("redis")), (3, w.roll_back), (1, lambda: w.change(end="cancel")),
            (1, lambda: w.change(end="reject")), (1, lambda: w.change(end="cancel late")),
            (1, w.people), (1, w.check), (1, w.drain),
        ]

    def worker(self, seed):
        rng = random.Random(seed)
        weights, operations = zip(*self.operations())
        while not self.over.is_set():
            try:
                rng.choices(operations, weights)[0]()
            except Exception:  # pylint: disable=broad-except
                self.errors.append(traceback.format_exc())
                return

    def run(self):
        workers = [threading.Thread(target=self.worker, args=(self.rng.randrange(2**31),))
                   for _ in range(WORKERS)]
        restores = self.fleet.restores
        for worker in workers:
            worker.start()
        try:
            end = time.monotonic() + self.seconds
            while time.monotonic() < end:
                time.sleep(self.rng.uniform(0.2, 1.2))
                self.faults.tick()
                self.faults.one()
        finally:
            self.over.set()
            self.faults.heal()
        for worker in workers:
            worker.join()
        self.fleet.ready()
        if self.fleet.restores > restores and not self.errors:
            try:
                self.workload.after_restore()
            except Exception:  # pylint: disable=broad-except
                self.errors.append(traceback.format_exc())
        return self.errors


def build_fleet(name, rng, binaries):
    """A fleet of several versions, whose agents reach the controller through a proxy each."""
    from harness import ChaosFleet
    from proxy import Proxy
    fleet = ChaosFleet(name)
    fleet.binaries = {f"agent-{agent}": Path(path).resolve() for agent, path in binaries}
    # Drawn for each, so that a seed's draw does not depend on the binaries.
    drawn = {daemon: rng.choice(VERSIONS) for daemon in fleet.daemons()}
    fleet.versions = {daemon: version for daemon, version in drawn.items()
                      if version != "plain" and daemon not in fleet.binaries}
    print("versions:", ", ".join(f"{d} {fleet.binaries.get(d, fleet.versions.get(d, 'plain'))}"
                                 for d in fleet.daemons()), flush=True)
    fleet.proxies = {}

    def through_proxies():
        for agent in fleet.names:
            fleet.proxies[agent] = Proxy(fleet.port("grpc"))
            fleet.agent_setting(agent, f"controller: 127.0.0.1:{fleet.port('grpc')}",
                                f"controller: 127.0.0.1:{fleet.proxies[agent].port}")

    try:
        fleet.build(before_agents=through_proxies)
    except BaseException:
        fleet.close(failed=True)
        raise
    return fleet


def judge(fleet):
    from checker import check
    from evidence import collect
    evidence = collect(fleet, fleet.log.copy())
    violations = [str(v) for v in check(evidence)]
    if violations:
        (fleet.state / "evidence.json").write_text(json.dumps(evidence))
    return violations


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--seed", type=int, default=None, help="the first; default: from the clock")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4, help="of faults per seed")
    parser.add_argument("--clock", action="store_true", help="clocks jump, too")
    parser.add_argument("--judge-every", type=int, default=10, help="seeds between two judgements")
    parser.add_argument("--agent-binary", action="append", default=[], metavar="NAME=PATH",
                        type=lambda text: text.split("=", 1), help="another build of an agent")
    options = parser.parse_args()
    os.environ["DBFLEET_E2E_BUILD"] = str(Path(options.build).resolve())
    first = options.seed if options.seed is not None else int(time.time())
    from faults import Faults
    from workload import Workload
    fleet = build_fleet("random", random.Random(first), options.agent_binary)
    workload = Workload(fleet)
    problems = []
    try:
        for number in range(options.seeds):
            seed = first + number
            fleet.log.add("seed", seed=seed)
            began = time.monotonic()
            faults = Faults(fleet, fleet.proxies, random.Random(seed), options.clock)
            problems += Episode(fleet, workload, faults, seed, options.seconds).run()
            if problems or number % options.judge_every == options.judge_every - 1 or (
                    number == options.seeds - 1):
                problems += judge(fleet)
            print(f"seed {seed}: {time.monotonic() - began:5.1f} s, {workload.count} operations and "
                  f"{fleet.restores} restores so far{', FAILED' if problems else ''}", flush=True)
            if problems:
                break
    except BaseException:
        fleet.close(failed=True)
        raise
    for proxy in fleet.proxies.values():
        proxy.close()
    fleet.close(failed=bool(problems))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"again with: {sys.argv[0]} {options.build} --seed {first} --seeds {number + 1}",
              file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
