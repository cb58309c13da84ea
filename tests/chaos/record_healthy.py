"""Records testdata/healthy.json, on which checker_test.py stands: the evidence of a small real run
with every kind of end that a run without faults can have, and with one death of each daemon.

    record_healthy.py BUILD-DIR [OUTPUT]
"""
import json
import os
import re
import sys
import time
from pathlib import Path

import checker
import evidence
from harness import ChaosFleet
from workload import Workload

OUTPUT = Path(__file__).resolve().parent / "testdata/healthy.json"


def incomplete(fleet, workload):
    """A change that fails, and of which nobody can tell what undoes what: it stays in part."""
    name = workload.next_name("incomplete")
    folder = fleet.migration(
        f"{int(time.time() * 1000) % 10**10:010}{workload.count:03}", name,
        f"INSERT INTO chaos_step_1 (change_name) VALUES ('{name}');\n"
        "ALTER TABLE orders ADD COLUMN id INT NULL;\n",
        f"DELETE FROM chaos_step_2 WHERE change_name = '{name}';\n")
    job = fleet.submit(folder)
    fleet.log.add("submit", by="ada", job=job, acked=True, instance="mariadb", kind="change",
                  change_name=name)
    workload.settle(job)


def run(fleet, workload):
    workload.backup()
    workload.change()
    workload.change(fails=True)
    fleet.reboot("agent-mariadb")
    fleet.ready()
    workload.change()
    workload.roll_back()
    incomplete(fleet, workload)
    workload.change(end="cancel")
    workload.change(end="reject")
    workload.change("postgresql")
    workload.change("postgresql", fails=True)
    workload.roll_back()
    fleet.reboot("controller")
    fleet.ready()
    workload.change("postgresql")
    workload.check()
    workload.re_enrol()


def scrub(evidence):
    """Without what differs from machine to machine and is of no use: series nobody compares."""
    keep = re.compile(r"dbfleet_(jobs|instance_migrations|dispatch|audit|agent_)")
    metrics = evidence["metrics"]
    metrics["controller"] = {k: v for k, v in metrics["controller"].items() if keep.match(k)}
    return evidence


def main():
    os.environ["DBFLEET_E2E_BUILD"] = str(Path(sys.argv[1]).resolve())
    fleet, failed = ChaosFleet("record"), True
    try:
        fleet.build()
        run(fleet, Workload(fleet))
        found = scrub(evidence.collect(fleet, fleet.log.copy()))
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else OUTPUT
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n")
        failed = False
        for violation in checker.check(found):
            print(violation)
    finally:
        fleet.close(failed)


if __name__ == "__main__":
    main()
