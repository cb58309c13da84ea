"""Kills the process at every failpoint, once, with SIGKILL, and brings it back.

First each operation runs in peace and the daemons trace which failpoints it reaches: the list of
points is what the build contains, not what somebody wrote down. Then, point by point, the daemon is
restarted with the order to die there, the operation runs through the death, and everything has to
come to its end. A name that stands in the sources and is never reached fails the test.

    failpoints_test.py BUILD-DIR [--only TEXT] [--every N --offset K]
"""
import argparse
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'DBFLEET_FAILPOINT\w*\(\s*"([a-z_.]+)"')

def names_in_sources():
    """Every failpoint's name in the product's sources."""
    names = set()
    for folder in ("agent", "common", "controller"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".cc", ".h") and path.stem != "failpoint":
                names |= set(NAME.findall(path.read_text()))
    return names


# These stand in dbfleet-exec, which the agent starts: it dies, and the agent lives on.
IN_CHILDREN = re.compile(r"^exec\.|#record\.json$")


class Driver:
    def __init__(self, fleet, workload):
        self.fleet = fleet
        self.workload = workload
        self.reached = {}  # (daemon, "name#tag"): operation.
        self.seen = {}     # Daemon: how far its trace was read.
        self.point = ""    # The one that is driven now.
        self.hits_before = 0
        self.entries_before = 0

    # An operation's name, and what it does. `target` is the daemon that a start concerns.
    def operations(self):
        w = self.workload
        return {
            "start controller": lambda: w.restart("controller"),
            "start agent-mariadb": lambda: w.restart("agent-mariadb"),
            "backup": w.backup,
            "change": w.change,
            "failing change": lambda: w.change(fails=True),
            "roll back": w.roll_back,
            "backup of postgresql": lambda: w.backup("postgresql"),
            "change on postgresql": lambda: w.change("postgresql"),
            "failing change on postgresql": lambda: w.change("postgresql", fails=True),
            "cancelled change": lambda: w.change(end="cancel running"),
            "change cancelled at once": lambda: w.change(end="cancel"),
            "rejected change": lambda: w.change(end="reject"),
            "people": w.people,
            "check": w.check,
            "drain": w.drain,
            "export": w.export,
            "enrol again": w.re_enrol,
            "upgrade": w.upgrade,
            "backup of the controller": w.back_up_controller,
            "restore": w.restore,
        }

    def note_reached(self, operation):
        for daemon in self.fleet.daemons():
            path = self.fleet.trace_file(daemon)
            lines = path.read_text().splitlines() if path.exists() else []
            for line in lines[self.seen.get(daemon, 0):]:
                # What a later operation reaches, too, needs no new fleet.
                if self.reached.get((daemon, line), "first start") == "first start":
                    self.reached[(daemon, line)] = operation
            self.seen[daemon] = len(lines)

    def discover(self):
        for name, operation in self.operations().items():
            began = time.monotonic()
            operation()
            before = len(self.reached)
            self.note_reached(name)
            print(f"{name:32} {time.monotonic() - began:5.1f} s, "
                  f"{len(self.reached) - before} new failpoints", flush=True)

    def points(self):
        """[(daemon, point, operation)]: each name and tag once, on the first daemon that reached it."""
        points, known = [], set()
        for (daemon, point), operation in self.reached.items():
            kind = "controller" if daemon == "controller" else "agent"
            if (kind, point) in known or not point.split("#")[0].endswith((".before", ".after")):
                continue
            known.add((kind, point))
            points.append((daemon, point, operation))
        return points

    def drive(self, daemon, point, operation):
        """One death. Returns what went wrong, or ""."""
        fleet = self.fleet
        if operation == "first start" and daemon == "controller":
            return drive_first_start(point)
        if operation == "first start":
            daemon, operation = "agent-redis", "enrol again"
        name, tag = point.split("#", 1)
        orders = f"{name}#{tag}=kill"
        self.entries_before = len(fleet.log.copy())
        self.point, self.hits_before = point, self.hits(daemon, point)
        fleet.log.add("fault", daemon=daemon, orders=orders, operation=operation)
        if operation == "enrol again":
            self.workload.orders_at_enrolment = orders
        upgrades = operation == "upgrade" and daemon == "controller"
        if upgrades:
            self.workload.orders_at_upgrade = orders
        restores = operation == "restore" and daemon == "controller"
        if restores:
            self.workload.orders_at_restore = orders
        if operation == f"start {daemon}":
            fleet.reboot(daemon, orders)
        else:
            if not upgrades and not restores and (
                    operation != "enrol again" or daemon == "controller"):
                if name.startswith("journal.room."):
                    self.take_room(daemon)
                fleet.reboot(daemon, orders)
            for _ in range(2):
                self.operations()[operation]()
                if self.died(daemon):
                    break
        self.workload.orders_at_enrolment = self.workload.orders_at_upgrade = ""
        self.workload.orders_at_restore = ""
        deadline = time.monotonic() + 20  # Certificates are renewed when their time comes.
        while not self.died(daemon) and time.monotonic() < deadline:
            time.sleep(0.05)
        fleet.ready()
        if not self.died(daemon):
            return f"{daemon} did not die at {point} during \"{operation}\""
        return ""

    def take_room(self, daemon):
        """What a journal has reserved stays with it; it is made to reserve it anew."""
        with self.fleet.lock:
            self.fleet.kill(daemon, signal.SIGTERM)
            (self.fleet.state / daemon / "journal/journal.db-wal").unlink()

    def hits(self, daemon, point):
        path = self.fleet.trace_file(daemon)
        return path.read_text().splitlines().count(point) if path.exists() else 0

    def died(self, daemon):
        if IN_CHILDREN.search(self.point):
            return self.hits(daemon, self.point) > self.hits_before
        # It may have been started more than once since.
        return any(entry["op"] == "died" and entry["daemon"] == daemon and entry["code"] == -9
                   for entry in self.fleet.log.copy()[self.entries_before:])


def drive_first_start(point):
    """A new fleet whose controller dies in its first moments, or when it first meets an agent, and is
    started again with what it left."""
    from harness import ChaosFleet, ENVIRONMENTS, wait_until
    fleet = ChaosFleet("first-start", names=("redis",))
    failed = True
    dead = lambda: fleet.codes.get("controller") == -9  # noqa: E731
    try:
        fleet.start_servers("redis")
        fleet.write_controller_config()
        fleet.boot("controller", f"{point}=kill")
        fleet.guard_only("controller")
        wait_until("the controller is ready", lambda: fleet.http("/readyz")[0] == 200)
        fleet.make_users()
        fleet.enrol("redis", ENVIRONMENTS["redis"])
        fleet.boot("agent-redis")
        fleet.ready()
        fleet.audit()
        failed = not dead()
        return f"a first start does not reach {point}" if failed else ""
    finally:
        fleet.close(failed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--only", default="", help="points whose name contains this text")
    parser.add_argument("--every", type=int, default=1, help="drive only each N-th point")
    parser.add_argument("--offset", type=int, default=0)
    options = parser.parse_args()
    os.environ["DBFLEET_E2E_BUILD"] = str(Path(options.build).resolve())
    from checker import check
    from evidence import collect
    from harness import ChaosFleet
    from workload import Workload

    fleet = ChaosFleet("failpoints", trace=True)
    problems = []
    try:
        fleet.build()
        driver = Driver(fleet, Workload(fleet))
        driver.note_reached("first start")
        driver.discover()
        points = driver.points()
        reached = {point.split("#")[0] for _, point in driver.reached}
        for name in sorted(names_in_sources() - reached):
            if name.endswith((".before", ".after")):
                problems.append(f"failpoint {name} is in the sources, and no operation reaches it")
        chosen = [p for p in points if options.only in p[1]][options.offset::options.every]
        print(f"{len(points)} failpoints with their tags; driving {len(chosen)}", flush=True)
        for number, (daemon, point, operation) in enumerate(chosen, 1):
            began = time.monotonic()
            try:
                problem = driver.drive(daemon, point, operation)
            except AssertionError as error:
                problem = f"{daemon} {point} during \"{operation}\": {error}"
            print(f"{number:4}/{len(chosen)} {time.monotonic() - began:5.1f} s  {daemon:17} "
                  f"{point:50} {operation}{'  FAILED' if problem else ''}", flush=True)
            if problem:
                problems.append(problem)
        evidence = collect(fleet, fleet.log.copy())
        violations = check(evidence)
        if violations:
            (fleet.state / "evidence.json").write_text(json.dumps(evidence))
        problems += [str(v) for v in violations]
    except BaseException:
        fleet.close(failed=True)
        raise
    fleet.close(failed=bool(problems))
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
