"""A maintenance window carries work: jobs begin in the order of priorities, as long as they fit."""
import datetime
import time

import fleet
from fleet import FleetTest, wait_until

USAGE = 2

# Everything may begin at any time, but for what is queued.
POLICY = """apiVersion: dbfleet/v1
kind: Environment
metadata: {name: development}
spec:
  policy: {window_for: none, verified_backup_max_age: 0s, destructive_approvals: 0}
"""

WINDOW = """apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata: {name: tonight}
spec:
  selector: {environments: [development]}
  once: {begin: "%s", end: "%s"}
"""

OPENS_IN, LASTS = 20, 120  # Seconds.


class WindowQueueTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.make_small_fleet("queue")
        cls.declare(POLICY)

    def declare_window(self, begin, lasts):
        text = WINDOW % tuple(
            datetime.datetime.fromtimestamp(t, datetime.timezone.utc).isoformat(timespec="seconds")
            for t in (begin, begin + lasts))
        self.declare(text)

    def change(self, version, *arguments):
        folder = self.fleet.migration(version, f"note_{version}",
                                      f"ALTER TABLE orders ADD COLUMN note_{version} TEXT;",
                                      f"ALTER TABLE orders DROP COLUMN note_{version};")
        return self.fleet.submit(folder, "--window", "tonight", *arguments,
                                 environment="development")

    def backup(self, *arguments):
        return self.fleet.cli("ada", "backup", "run", "mariadb", "--no-verify", "--window", "tonight",
                              *arguments, "-o", "name", expect=0).out.strip().rsplit("/", 1)[-1]

    def queue(self):
        return self.fleet.cli("eve", "window", "queue", "tonight", "-o", "json",
                              expect=0).json()

    def begun(self):
        """The queued jobs in the order in which they were granted."""
        return [r["resource"].split("/")[1] for r in self.fleet.audit()
                if r["action"] == "attempt.grant" and r["details"].get("window") == "tonight"
                and r["details"].get("begins") == "job"]

    def test_priority_and_time_decide(self):
        opens = int(time.time()) + OPENS_IN
        self.declare_window(opens, LASTS)
        low = self.change("0201", "--priority", "20", "--estimate", "10s")
        large = self.backup("--estimate", f"{LASTS - 60}s")
        high = self.backup("--estimate", "15s")
        self.fleet.cli("ada", "job", "reprioritize", high, "--priority", "80", "--reason", "e2e",
                       expect=0)
        # What cannot begin in any occurrence is not accepted later either.
        refused = self.fleet.cli("ada", "job", "reprioritize", large, "--estimate", f"{LASTS}s",
                                 "--reason", "e2e", expect=6)
        self.assertIn("WINDOW_TOO_SHORT", refused.err)
        # The window becomes so short that it would fit in the very moment of the opening only.
        self.declare_window(opens, LASTS - 30)
        for job in (low, large, high):
            self.fleet.wait_job(job, "READY")
        queued = self.queue()
        self.assertEqual([row["job"].split("/")[1] for row in queued], [high, large, low])
        self.assertEqual([row["queue"]["priority"] for row in queued], [80, 50, 20])
        self.assertEqual({row["queue"]["estimateSource"] for row in queued}, {"declared"})
        states = {b["job"].split("/")[1]: b["state"] for b in self.fleet.cli(
            "eve", "backup", "list", "-o", "json", expect=0).json()}
        self.assertEqual({states[large], states[high]}, {"STATE_QUEUED"}, "nothing of them runs")
        self.assertLess(time.time(), opens, "too slow a machine: the window was to be closed still")
        table = self.fleet.cli("eve", "window", "queue", "tonight", expect=0).out
        self.assertRegex(table, r"PLACE\s+PRIORITY\s+JOB")
        why = self.fleet.cli("ada", "job", "explain", low, expect=0).out
        self.assertIn("window-queue: the window tonight is closed; next ", why)
        self.assertIn("3rd of 3 for the window tonight", why)
        self.assertEqual(self.begun(), [])

        self.fleet.wait_job(low, "SUCCEEDED")
        self.assertEqual(self.begun(), [high, low])
        self.assertEqual(self.fleet.job(high)["state"], "STATE_SUCCEEDED")
        self.assertGreaterEqual(time.time(), opens)
        left = self.queue()
        self.assertEqual([row["job"].split("/")[1] for row in left], [large])
        why = self.fleet.cli("ada", "job", "explain", large, expect=0).out
        self.assertIn("window-queue: needs 1m (as declared), and tonight closes at ", why)

        # It is the window's next occurrence that carries what was left over, and a restart of the
        # controller takes nothing from the queue.
        self.fleet.stop("controller")
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        self.assertEqual(self.fleet.job(large)["state"], "STATE_READY")
        self.declare_window(int(time.time()), 600)
        self.fleet.wait_job(large, "SUCCEEDED")
        self.assertEqual(self.begun(), [high, low, large])
        self.assertEqual(self.queue(), [])

        # What the window learned from: the backup that just ran.
        learned = self.fleet.cli("ada", "backup", "run", "mariadb", "--no-verify", "--window",
                                 "tonight", "-o", "json", expect=0).json()
        self.assertEqual(learned["queue"]["estimateSource"], "learned")

    def test_what_loses_its_window_is_told_and_stays_listed(self):
        self.fleet.cli("polly", "window", "add", "gone", "-e", "development", "--from",
                       datetime.datetime.fromtimestamp(time.time() + 3600, datetime.timezone.utc)
                       .isoformat(timespec="seconds"), "--for", "3h", expect=0)
        job = self.fleet.cli("ada", "backup", "run", "mariadb", "--window", "gone", "-o", "name",
                             expect=0).out.strip()
        dry = self.fleet.cli("polly", "delete", "maintenancewindow/gone", "--dry-run", "-o", "json", expect=0)
        self.assertEqual(dry.json()["queuedJobs"], [job])
        deleted = self.fleet.cli("polly", "delete", "maintenancewindow/gone", expect=0)
        self.assert_says(deleted, rf"warning: 1 job is queued for maintenancewindows/gone .*{job}")
        rows = [row for row in self.fleet.cli("eve", "window", "queue", "-o", "json", expect=0).json()
                if row["job"] == job]
        self.assertEqual([row.get("windowGone") for row in rows], [True])
        self.assert_says(self.fleet.cli("eve", "window", "queue", expect=0), "its window is gone")
        self.fleet.cli("ada", "job", "cancel", job.split("/")[1], expect=0)

    def test_what_cannot_be_carried_is_refused(self):
        refused = self.fleet.cli("ada", "backup", "run", "mariadb", "--window", "no-such-window")
        self.assertNotEqual(refused.code, 0)
        self.assert_says(refused, "there is no maintenance window")
        refused = self.fleet.cli("ada", "backup", "run", "mariadb", "--priority", "70")
        self.assertEqual(refused.code, USAGE, refused)
        self.fleet.cli("polly", "window", "add", "elsewhere", "-e", "development", "--label",
                       "tier=none", "--for", "10m", expect=0)
        refused = self.fleet.cli("ada", "backup", "run", "mariadb", "--window", "elsewhere")
        self.assert_says(refused, "does not select instances/mariadb")


if __name__ == "__main__":
    fleet.main()
