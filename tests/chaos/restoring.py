"""Restores a controller from an older backup of itself, as its operator would: by the documented
commands of dbfleet-controller, in their order (docs/reference/cli.md)."""
import contextlib
import sqlite3
import time

from fleet import run, wait_until
from harness import ENVIRONMENTS


def controller_command(fleet, *arguments):
    """Runs a command of dbfleet-controller on the controller's host, and so by its clock."""
    env = fleet.environment_of("operator")
    env["DBFLEET_CLOCK_OFFSET"] = str(fleet.clock_file("controller"))
    result = run([fleet.bin / "dbfleet-controller", *arguments, "--config",
                  fleet.state / "etc/controller.yaml"], env=env)
    if result.code != 0:
        raise AssertionError(f"{result}\n{fleet.logs('controller')}")


def start_controller(fleet, orders=""):
    with fleet.lock:
        fleet.boot("controller", orders)
        fleet.guarding.add("controller")
    wait_until("the controller is ready", lambda: fleet.http("/readyz")[0] == 200)


def demands_recovery(fleet):
    status, page = fleet.http("/readyz")
    return status == 200 and "recovery" in page


def recover(fleet, reason="the disk was lost", orders=""):
    """The person has looked, or is in a hurry: work is handed out again, in a successor log."""
    fleet.kill("controller")
    controller_command(fleet, "recover", "--reason", reason, "--without-reports")
    fleet.log.add("recover")
    start_controller(fleet, orders)


def locked_out(fleet, name):
    """Does the agent's log say that the controller does not know its certificate? The controller lets
    in what was issued between the backup and the restore, as far as its clock can tell; where the
    clock jumps, a person has to."""
    log = (fleet.state / "log" / f"agent-{name}.log").read_text(errors="replace")
    said = [line for line in log.splitlines() if "connected to the controller" in line]
    return bool(said) and "SERIAL_UNKNOWN" in said[-1]


def enrol_again(fleet, name):
    """Its identity is made anew; its journal stays."""
    daemon = f"agent-{name}"
    fleet.log.add("enrol_again", daemon=daemon)
    with fleet.lock:
        fleet.kill(daemon)
        fleet.enrol(name, ENVIRONMENTS[name])
        program, _, *config = fleet.argv_of(daemon)
        result = run([program, "enroll", *config, "--token-file",
                      fleet.state / f"secrets/join-{name}"])
        if result.code != 0:
            raise AssertionError(result)
        fleet.boot(daemon)
        fleet.guarding.add(daemon)


class Restoring:
    """One backup, and the restores from it."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.number = len(list(fleet.state.glob("controller-backup-*")))
        self.folder = fleet.state / f"controller-backup-{self.number}"
        self.as_of = None

    def back_up(self):
        """Of the controller as it lives."""
        as_of = time.time()  # What was acknowledged until now is surely in it.
        for attempts_left in range(9, -1, -1):
            try:
                controller_command(self.fleet, "backup", self.folder)
                break
            except AssertionError:
                # Without its record there is no backup, and a full disk may be today's fault.
                if attempts_left == 0 or self.folder.exists():
                    raise
                time.sleep(0.5)
        self.as_of = as_of
        self.fleet.log.add("backup_controller", folder=self.folder.name)

    def outlive_certificate(self, name):
        """Until the agent uses a certificate that the backup does not know."""
        with contextlib.closing(sqlite3.connect(self.folder / "store.db")) as store:
            known = store.execute("SELECT current_serial, next_serial FROM agents WHERE id = ?",
                                  (name,)).fetchone()

        def another():
            # A controller that was told to die at its next renewal may do so just now.
            found = self.fleet.cli("admin", "agent", "get", name, "-o", "json")
            return found.code == 0 and found.json()["serial"] not in known

        wait_until(f"{name} has another certificate", another, 60)

    def restore(self, orders=""):
        """The controller dies with all its data, and comes back from the backup, in RECOVERY."""
        fleet = self.fleet
        fleet.kill("controller")
        lost = len(list(fleet.state.glob("controller-lost-*")))
        (fleet.state / "controller").rename(fleet.state / f"controller-lost-{lost}")
        controller_command(fleet, "restore", self.folder)
        fleet.restores += 1  # Before it answers anyone that it does not know a job.
        start_controller(fleet, orders)
        if not orders and not demands_recovery(fleet):
            raise AssertionError(f"restored, and does not say so: {fleet.http('/readyz')}")
        fleet.log.add("restore", as_of=self.as_of, folder=self.folder.name)
