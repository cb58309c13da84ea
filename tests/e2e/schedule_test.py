"""Schedules on a real fleet: they run at their times through restarts, and never twice."""
import re
import subprocess
import time

import fleet
from fleet import FleetTest, wait_until

FAILED, USAGE, NOT_AUTHORISED, REFUSED, CONFLICT = 1, 2, 4, 5, 6


def manifest(name, cron="* * * * *", more="", job="check: {}", environment="development"):
    return (f"apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {{name: {name}}}\n"
            f"spec: {{environment: {environment}, cron: \"{cron}\", {more + ', ' if more else ''}"
            f"job: {{{job}}}}}\n")


def utc(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class ScheduleTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.make_small_fleet("sched", declarer=("policy_admin", "operator"))

    def delete(self, name):
        self.fleet.cli("polly", "delete", f"schedule/{name}", expect=0)

    def history(self, name):
        """Oldest first."""
        shown = self.fleet.cli("eve", "schedule", "history", name, "--limit", "0", "-o", "json", expect=0)
        return shown.json()[::-1]

    def test_a_schedule_runs_each_minute_through_a_crash_of_the_controller_and_never_twice(self):
        self.declare(manifest("minutely", more="overlap: allow"))
        wait_until("the first run succeeded", lambda: any(
            o["state"] == "STATE_SUCCEEDED" for o in self.history("minutely")), seconds=90)
        # Killed around the turn of a minute, twice.
        for _ in range(2):
            time.sleep((59.5 - time.time()) % 60)
            self.fleet.stop("controller")
            self.fleet.start_controller()
            self.fleet.wait_connected("mariadb")
        before = len(self.history("minutely"))
        wait_until("the next run", lambda: len(self.history("minutely")) > before
                   and self.history("minutely")[-1]["state"] == "STATE_SUCCEEDED", seconds=90)
        self.delete("minutely")
        runs = self.history("minutely")
        nominal = [o["nominalTime"] for o in runs]
        self.assertEqual(len(nominal), len(set(nominal)), runs)
        self.assertTrue(all(re.search(r":00(\.0*)?Z$", t) for t in nominal), nominal)
        # One job for each run, of the schedule's own account.
        jobs = [j for j in self.fleet.cli("eve", "job", "list", "--limit", "0", "-o", "json", expect=0).json()
                if j["requester"] == "schedules/minutely"]
        self.assertEqual(len(jobs), len([o for o in runs if o["state"] != "STATE_SKIPPED"]), runs)
        begun = [r for r in self.fleet.audit() if r["action"] == "schedule.begin"
                 and r["resource"] == "schedules/minutely"]
        self.assertEqual(len(begun), len(jobs))
        self.assertTrue(all(r["actor"] == "schedules/minutely" for r in begun), begun)

    def alter_store(self, statements):
        """What time would do. The controller must be down."""
        subprocess.run(["sqlite3", self.fleet.state / "controller/store.db", statements], check=True,
                       stdout=subprocess.DEVNULL)

    def window(self, begin):
        self.declare("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: carries}\n"
                     "spec: {selector: {environments: [development]}, once: "
                     f"{{begin: '{utc(begin)}', end: '{utc(begin + 1200)}'}}}}\n")

    def test_the_next_time_comes_while_a_run_has_not_ended(self):
        # Each run's backup waits for a window, so that it has not ended.
        self.window(time.time() + 3600)
        names = ("skip", "queue-one", "allow", "cancel-running")

        def schedule(name, cron):
            self.declare(manifest(name, cron, f"overlap: {name.replace('-', '_')}",
                                  "backup: {skip_verify: true}, queue: {window: carries, estimate: 1m}"))
        for name in names:
            schedule(name, "0 3 1 1 *")
            self.fleet.cli("ada", "schedule", "run", name, expect=0)
        for name in names:
            # The first minute behind the next ten seconds, in which it is surely declared.
            schedule(name, f"{(int(time.time()) + 70) // 60 % 60} * * * *")

        def states(name):
            return [(o["state"], o.get("reason", "")) for o in self.history(name)]
        wanted = {
            "skip": [("STATE_RUNNING", ""), ("STATE_SKIPPED", "OVERLAP")],
            "queue-one": [("STATE_RUNNING", ""), ("STATE_PENDING", "")],
            "allow": [("STATE_RUNNING", ""), ("STATE_RUNNING", "")],
            "cancel-running": [("STATE_CANCELLED", "SUPERSEDED"), ("STATE_RUNNING", "")]}
        for name in names:
            wait_until(f"{name} is decided", lambda: states(name) == wanted[name])
        full = self.fleet.cli("ada", "schedule", "run", "queue-one", expect=CONFLICT)
        self.assert_says(full, "another run waits already", "overlap: queue_one", "SCHEDULE_BUSY")
        self.window(time.time() - 60)
        wanted = {
            "skip": ["STATE_SUCCEEDED", "STATE_SKIPPED"],
            "queue-one": ["STATE_SUCCEEDED", "STATE_SUCCEEDED"],
            "allow": ["STATE_SUCCEEDED", "STATE_SUCCEEDED"],
            "cancel-running": ["STATE_CANCELLED", "STATE_SUCCEEDED"]}
        for name in names:
            wait_until(f"{name} has ended", lambda: [s for s, _ in states(name)] == wanted[name])
        first, second = self.history("queue-one")
        self.assertLessEqual(first["endTime"], second["beginTime"])
        for name in names:
            self.delete(name)
        self.fleet.cli("polly", "delete", "maintenancewindow/carries", expect=0)

    def test_what_runs_on_a_server_is_ended_when_the_next_run_supersedes_it(self):
        endless = "SELECT count(*) FROM information_schema.columns a, information_schema.columns b, " \
                  "information_schema.columns c"
        self.declare(manifest("report", "0 3 1 1 *", "overlap: cancel_running", f'inspect: {{statement: "{endless}"}}'))

        def queries():
            return [row[0] for row in self.fleet.sql("SHOW FULL PROCESSLIST") if row[-2] == endless]
        self.fleet.cli("ada", "schedule", "run", "report", expect=0)
        first = wait_until("it runs", queries)
        self.fleet.cli("ada", "schedule", "run", "report", expect=0)
        # Both began in the same second, perhaps: no order is known of them.
        wait_until("it is cancelled", lambda: ("STATE_CANCELLED", "SUPERSEDED") in [
            (o["state"], o.get("reason")) for o in self.history("report")])
        wait_until("the server has ended it", lambda: not set(first) & set(queries()))
        self.delete("report")

    def test_what_was_missed_is_left_out_run_once_or_made_up_for(self):
        # Three times of the last hour, which it had not looked at.
        times = [int(time.time()) // 60 * 60 - 60 * ago for ago in (32, 22, 12)]
        cron = ",".join(str(t // 60 % 60) for t in times) + " * * * *"
        for name, missed in (("none", "skip"), ("once", "run_once"), ("all", "backfill, backfill_most: 2")):
            self.declare(manifest(f"missed-{name}", cron, f"missed: {missed}"))
        self.fleet.stop("controller")
        self.alter_store("UPDATE schedules SET decided_until = decided_until - 2400000000000 WHERE name LIKE 'missed-%'")
        self.fleet.start_controller()

        # What is to run begins within five minutes, so that some of it may have begun by now.
        def told(name, to_run="to run"):
            return [(o["nominalTime"], o["state"] if o["state"] in ("STATE_SKIPPED", to_run) else "to run",
                     o.get("reason", "")) for o in self.history(f"missed-{name}")]
        first, second, third = map(utc, times)
        wanted = {
            "none": [(third, "STATE_SKIPPED", "MISSED")],
            "once": [(second, "STATE_SKIPPED", "MISSED"), (third, "to run", "")],
            "all": [(first, "STATE_SKIPPED", "MISSED"), (second, "to run", ""), (third, "to run", "")]}
        wait_until("it is decided", lambda: {n: told(n) for n in wanted} == wanted)
        # The five minutes pass.
        self.fleet.stop("controller")
        self.alter_store("UPDATE occurrences SET due_time = nominal WHERE missed = 1 AND open = 1")
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        done = "STATE_SUCCEEDED"
        ran = {name: [(t, done if s == "to run" else s, r) for t, s, r in runs] for name, runs in wanted.items()}
        wait_until("they have run", lambda: {n: told(n, done) for n in wanted} == ran)
        _, early, late = self.history("missed-all")
        self.assertLessEqual(early["endTime"], late["beginTime"])
        for name in wanted:
            self.delete(f"missed-{name}")

    def test_what_comes_next_is_told_in_any_zone(self):
        self.declare(manifest("berlin", "30 4 * * *", "time_zone: Europe/Berlin, jitter: 10m"))
        shown = self.fleet.cli("eve", "schedule", "next", "berlin", "-n", "3", expect=0).out
        self.assertEqual(len(re.findall(r"(?m)^\S+T04:30:00\+0[12]:00", shown)), 3, shown)
        utc = self.fleet.cli("eve", "schedule", "next", "berlin", "-n", "400", "--tz", "UTC", "-o", "json",
                             expect=0).json()
        hours = {t["nominalTime"][11:16] for t in utc}
        self.assertEqual(hours, {"02:30", "03:30"})
        wrong = self.fleet.cli("eve", "schedule", "next", "berlin", "--tz", "Mars/Base")
        self.assertEqual(wrong.code, USAGE)
        self.assert_says(wrong, "--tz", "Mars/Base")
        missing = self.fleet.cli("eve", "schedule", "next", "berlni")
        self.assert_says(missing, "there is no schedule", "dbfleet schedule list")
        self.delete("berlin")

    def test_a_run_by_hand_takes_a_backup_and_is_audited(self):
        self.declare(manifest("nightly", "0 3 * * *", "suspended: true", "backup: {}"))
        refused = self.fleet.cli("eve", "schedule", "run", "nightly")
        self.assertEqual(refused.code, NOT_AUTHORISED, refused)
        run = self.fleet.cli("ada", "schedule", "run", "nightly", "--reason", "ticket 4711", "--wait", "-o",
                             "json", expect=0).json()
        self.assertEqual(run["state"], "STATE_SUCCEEDED")
        self.assertEqual(run["requester"], "users/ada")
        backups = self.fleet.cli("eve", "backup", "list", "-o", "json", expect=0).json()
        self.assertEqual([b["job"] for b in backups], run["jobNames"])
        records = [r for r in self.fleet.audit() if r["action"] == "schedule.run"]
        self.assertEqual([(r["actor"], r["details"]["reason"]) for r in records],
                         [("users/ada", "ticket 4711")])
        # Its newest backup is read again by another schedule.
        self.declare(manifest("verify", "0 4 * * *", "", "verify: {}"))
        self.fleet.cli("ada", "schedule", "run", "verify", "--wait", expect=0)
        for name in ("nightly", "verify"):
            self.delete(name)

    def test_an_unsafe_statement_is_not_declared(self):
        refused = self.declare(manifest("unsafe", "0 3 * * *", "",
                                      "inspect: {statement: \"DELETE FROM orders\"}"), expect=None)
        self.assertEqual(refused.code, REFUSED, refused)
        self.assert_says(refused, "spec.job.inspect.statement", "not read-only")
        self.assertEqual(self.fleet.cli("ada", "get", "schedule/unsafe").code, FAILED)

    def test_what_will_not_work_is_a_warning_and_the_list_shows_how_each_stands(self):
        text = manifest("typo", "30 2 * * *", "targets: {instances: [mariadb, maria]}, suspended: true")
        told = self.declare(text)
        self.assert_says(told, r"schedules/typo created",
                         r"warning: stdin:4:\d+: schedules/typo: spec.targets.instances\[1\]: there is no instance")
        dry = self.fleet.cli("polly", "apply", "-f", "-", "--dry-run", "-o", "json", stdin=text, expect=0)
        self.assertEqual(len(dry.json()["changes"][0]["warnings"]), 1, dry)
        listed = {s["name"]: s for s in self.fleet.cli("eve", "schedule", "list", "-o", "json", expect=0).json()}
        shown = listed["schedules/typo"]
        self.assertEqual((shown["cron"], shown["action"], shown["suspended"]), ("30 2 * * *", "check", True))
        self.assertNotIn("nextTime", shown)
        self.delete("typo")

    def test_a_schedule_does_what_its_declarer_may_have_done_and_no_more(self):
        self.fleet.make_user("pat", "policy_admin")
        refused = self.declare(manifest("mine"), context="pat", expect=None)
        self.assertEqual(refused.code, NOT_AUTHORISED, refused)
        self.assert_says(refused, "needs the role operator in development")
        self.declare(manifest("mine", more="suspended: true"), context="pat")
        self.declare(manifest("mine"))
        self.fleet.cli("admin", "user", "roles", "polly", "--role", "policy_admin", expect=0)
        try:
            wait_until("it stands still", lambda: any(
                o.get("reason") == "NOT_ENTITLED" for o in self.history("mine")), seconds=90)
            records = [r for r in self.fleet.audit() if r["action"] == "schedule.skip"
                       and r["details"]["reason"] == "NOT_ENTITLED"]
            self.assertEqual(records[0]["environment"], "development")
            self.assertIn("users/polly has not the role operator", records[0]["details"]["message"])
            # Run by hand it is the runner's; and it goes on for whoever applies it and may.
            self.fleet.cli("ada", "schedule", "run", "mine", "--wait", expect=0)
            self.fleet.make_user("olga", "policy_admin", "operator")
            taken = self.declare(manifest("mine"), context="olga")
            self.assertIn("taken over", taken.out)
            wait_until("it runs again", lambda: self.history("mine")[-1]["state"] == "STATE_SUCCEEDED"
                       and not self.history("mine")[-1].get("requester"), seconds=90)
        finally:
            self.fleet.cli("admin", "user", "roles", "polly", "--role", "policy_admin", "--role",
                           "operator", expect=0)
        self.delete("mine")
        # Another one of the name has a history of its own.
        self.declare(manifest("mine", "0 3 * * *"))
        self.assertEqual(self.history("mine"), [])
        self.delete("mine")

    def test_bad_schedules_are_told_with_their_places(self):
        bad = manifest("bad", "61 * * * *", "time_zone: Mars/Base, overlap: queue, jitter: 48h", "")
        result = self.fleet.cli("polly", "apply", "-f", "-", stdin=bad)
        self.assertEqual(result.code, USAGE, result)
        self.assert_says(result, "spec.cron", "spec.time_zone", "spec.overlap.*queue_one", "spec.jitter",
                         "spec.job.*exactly one")
        unknown = self.fleet.cli("polly", "apply", "-f", "-", stdin=manifest("bad", environment="prod"))
        self.assertEqual(unknown.code, USAGE)
        self.assert_says(unknown, "there is no environment")
        refused = self.declare(manifest("mine"), context="ada", expect=None)
        self.assertEqual(refused.code, NOT_AUTHORISED)

    def test_the_presets_are_applied_with_one_command(self):
        presets = fleet.ROOT / "deploy/presets/schedules-production.yaml"
        self.fleet.cli("polly", "apply", "-f", presets, expect=0)
        again = self.fleet.cli("polly", "apply", "-f", presets, expect=0)
        self.assertNotIn("created", again.out)
        names = self.fleet.cli("eve", "get", "schedule", "-o", "name", expect=0).out.split()
        self.assertGreater(len(names), 15)
        planned = self.fleet.cli("ada", "schedule", "run", "quarterly-disaster-drill")
        self.assertEqual(planned.code, CONFLICT, planned)
        self.assert_says(planned, "disaster drill")
        for name in names:
            self.delete(name.removeprefix("schedules/"))


if __name__ == "__main__":
    fleet.main()
