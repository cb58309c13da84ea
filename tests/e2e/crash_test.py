"""kill -9 of the agent and of the controller in the middle of work, then a restart.

A lock held by a session of the test makes the moment certain: the migration's first statement waits on
the server while the processes die. The server's general log is the independent witness of what was
executed how often.
"""
import os
import re
import signal
from collections import Counter

import fleet
from fleet import Fleet, FleetTest, wait_until

TOOLS = re.compile(r"(^|/)(mariadb-dump|zstd|dbfleet-exec)( |$)")


class CrashTest(FleetTest):
    """One fleet; every test leaves it whole, with an idle instance."""

    ended = {}  # Job: (state, etag) at its end.
    number = 0

    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("crash")
        cls.fleet.start_servers("mariadb")
        cls.fleet.sql(f"SET GLOBAL general_log_file = '{cls.fleet.state}/mariadb/general.log'; "
                      "SET GLOBAL general_log = ON")
        # Short, so that silence is noticed within the test.
        cls.fleet.start_controller("ping_interval: 1s\ndead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.enrol("mariadb", "production")
        cls.fleet.start_agent("mariadb")
        # So that the policy's gate is satisfied, and every job below is the change alone.
        cls.fleet.cli("ada", "backup", "run", "mariadb", "--wait", expect=0)

    def setUp(self):
        self.sessions = []

    def tearDown(self):
        for session in self.sessions:
            session.process.kill()
            session.process.wait()
            session.process.stdin.close()
            session.process.stdout.close()

    # -- Making the moment ------------------------------------------------------------------------

    def hold(self, *statements):
        session = self.fleet.sql_session()
        self.sessions.append(session)
        for statement in statements:
            session.execute(statement)
        return session

    def release(self, session):
        session.close()
        self.sessions.remove(session)

    def submit(self):
        """A change of two statements, planned; returns (job, column)."""
        type(self).number += 1
        column = f"c_{self.number:02}"
        folder = self.fleet.migration(
            f"10{self.number:02}", f"add_{column}",
            f"ALTER TABLE orders ADD COLUMN {column} INT NULL;\n"
            f"CREATE INDEX idx_orders_{column} ON orders ({column});\n",
            f"DROP INDEX idx_orders_{column} ON orders;\n"
            f"ALTER TABLE orders DROP COLUMN {column};\n")
        job = self.fleet.submit(folder, "--lock-timeout", "60s")
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        return job, column

    def waiting_on_server(self, column):
        return self.fleet.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE "
                              f"'%metadata lock%' AND INFO LIKE 'ALTER%ADD COLUMN {column} %'")

    def start_blocked(self):
        """A change whose first statement waits on the server: (job, column, the lock's holder)."""
        job, column = self.submit()
        holder = self.hold("BEGIN", "SELECT id FROM client_1001.orders LIMIT 1")
        self.fleet.approve(job)
        wait_until("the ALTER waits on the server", lambda: self.waiting_on_server(column))
        wait_until("the step is reported as running", lambda: any(
            s["state"] == "STEP_STATE_RUNNING"
            for s in self.fleet.job(job)["tasks"][0].get("steps", [])))
        return job, column, holder

    # -- What has to hold afterwards --------------------------------------------------------------

    def executions(self, statement):
        """How often the server was given the statement."""
        text = (self.fleet.state / "mariadb/general.log").read_text(errors="replace")
        return len(re.findall(rf"\t\s*\d+ (?:Query|Execute)\t{re.escape(statement)}", text))

    def there(self, column):
        rows = self.fleet.sql(
            "SELECT (SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
            f"'client_1001' AND COLUMN_NAME = '{column}'), (SELECT COUNT(*) FROM "
            "information_schema.STATISTICS WHERE TABLE_SCHEMA = 'client_1001' AND INDEX_NAME = "
            f"'idx_orders_{column}')")
        return tuple(int(n) for n in rows[0])

    def finish(self, job, column, *states):
        """Waits for the end, and checks that the table, the target's records, the journal and the
        trail agree with it."""
        end = self.fleet.wait_job(job, *states)
        state = end["state"]
        if state == "STATE_PAUSED":
            self.assertTrue(end["errorMessage"], end)
            return end
        self.assertEqual(self.there(column), (1, 1) if state == "STATE_SUCCEEDED" else (0, 0), end)
        self.assertEqual([t["state"] for t in end["tasks"]],
                         [state.replace("CANCELLED", "FAILED")], end)
        forward = [self.executions(f"ALTER TABLE orders ADD COLUMN {column} "),
                   self.executions(f"CREATE INDEX idx_orders_{column} ")]
        self.assertIn(forward, [[1, 1]] if state == "STATE_SUCCEEDED" else [[1, 0], [1, 1]])
        self.assertLessEqual(self.executions(f"ALTER TABLE orders DROP COLUMN {column}"), 1)
        history = self.fleet.sql("SELECT state FROM client_1001.dbfleet_schema_history WHERE name "
                                 f"= 'add_{column}'")
        self.assertIn(history, [[["applied"]]] if state == "STATE_SUCCEEDED"
                      else [[], [["rolled_back"]]])
        steps = self.fleet.sql("SELECT is_rollback, step_index, state, tries FROM "
                               f"client_1001.dbfleet_step_log WHERE job = '{job}'")
        self.assertTrue(steps, "the target's step log knows nothing of the job")
        self.assertEqual([s for s in steps if s[3] != "1" or s[2] == "intent"], [])
        self.check_records()
        self.ended[job] = (state, end["etag"])
        return end

    def check_records(self):
        """The trail verifies; each attempt was granted and ended once; no step succeeded twice; the
        agent's journal holds no unfinished attempt."""
        records = self.fleet.audit()
        for action in ("attempt.grant", "attempt.end", "attempt.start"):
            counts = Counter(r["details"]["attempt"] for r in records if r["action"] == action)
            self.assertEqual({a: n for a, n in counts.items() if n != 1}, {}, action)
        steps = Counter((r["details"]["attempt"], r["details"]["step"]) for r in records
                        if r["action"] == "step.report"
                        and r["details"]["state"].lower().endswith("succeeded"))
        self.assertEqual({s: n for s, n in steps.items() if n != 1}, {})
        granted = {r["details"]["attempt"] for r in records if r["action"] == "attempt.grant"}
        ended = {r["details"]["attempt"] for r in records if r["action"] == "attempt.end"}
        self.assertEqual(granted - ended, set())
        self.assertEqual(
            self.fleet.journal("mariadb", "SELECT id FROM attempts WHERE phase <> 4"), "")

    # -- Migrations -------------------------------------------------------------------------------

    def test_01_without_a_crash_the_change_succeeds(self):
        job, column, holder = self.start_blocked()
        self.release(holder)
        self.finish(job, column, "SUCCEEDED")

    def test_02_agent_killed_and_back_while_its_statement_waits(self):
        job, column, holder = self.start_blocked()
        self.fleet.stop("agent-mariadb")
        self.fleet.start_agent("mariadb")
        self.release(holder)
        self.finish(job, column, "SUCCEEDED", "ROLLED_BACK", "FAILED", "PAUSED")

    def test_03_agent_killed_and_back_after_its_statement_ended_on_the_server(self):
        job, column, holder = self.start_blocked()
        self.fleet.stop("agent-mariadb")
        self.release(holder)
        wait_until("the orphaned statement ended", lambda: not self.waiting_on_server(column))
        # Silence beyond the lease must not be taken for an end.
        wait_until("the attempt is unreachable", lambda: self.fleet.job(job)["tasks"][0]["attempts"]
                   [-1]["state"] == "STATE_UNREACHABLE")
        self.assertNotIn(self.fleet.job(job)["state"], fleet.TERMINAL)
        self.fleet.start_agent("mariadb")
        self.finish(job, column, "SUCCEEDED", "ROLLED_BACK", "FAILED", "PAUSED")

    def test_04_controller_killed_in_the_middle(self):
        job, column, holder = self.start_blocked()
        self.fleet.stop("controller")
        self.fleet.start_controller()
        self.assertNotIn(self.fleet.job(job)["state"], fleet.TERMINAL)
        self.fleet.wait_connected("mariadb")
        self.release(holder)
        self.finish(job, column, "SUCCEEDED", "ROLLED_BACK", "FAILED")

    def test_05_controller_away_while_the_agent_finishes(self):
        job, column, holder = self.start_blocked()
        self.fleet.stop("controller")
        self.release(holder)
        wait_until("the statement ended", lambda: not self.waiting_on_server(column))
        self.fleet.start_controller()
        self.finish(job, column, "SUCCEEDED", "ROLLED_BACK", "FAILED")

    def test_06_both_killed(self):
        job, column, holder = self.start_blocked()
        self.fleet.stop("agent-mariadb")
        self.fleet.stop("controller")
        self.fleet.start_agent("mariadb", wait=False)
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        self.release(holder)
        self.finish(job, column, "SUCCEEDED", "ROLLED_BACK", "FAILED", "PAUSED")

    def test_07_controller_killed_between_approval_and_grant(self):
        job, column = self.submit()
        self.fleet.send("agent-mariadb", signal.SIGSTOP)
        try:
            self.fleet.approve(job)
            self.assertEqual(self.fleet.job(job)["state"], "STATE_READY")
            self.fleet.stop("controller")
            self.fleet.start_controller()
            self.assertEqual(self.fleet.job(job)["state"], "STATE_READY")
        finally:
            self.fleet.send("agent-mariadb", signal.SIGCONT)
        end = self.finish(job, column, "SUCCEEDED")
        self.assertEqual(len(end["approvals"]), 1)

    # -- Backups ----------------------------------------------------------------------------------

    def start_blocked_backup(self):
        """A backup whose dump waits on the server: (job, the lock's holder)."""
        holder = self.hold("LOCK TABLES client_1001.orders WRITE")
        job = self.fleet.cli("ada", "backup", "run", "mariadb", "-o", "name",
                             expect=0).out.strip().rsplit("/", 1)[-1]
        wait_until("the dump tool waits", lambda: self.tools("mariadb-dump") and self.fleet.sql(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'dbfleet_backup' AND STATE "
            "LIKE '%lock%'"))
        return job, holder

    def tools(self, name=""):
        return {pid: line for pid, line in self.fleet.processes().items()
                if TOOLS.search(line.split(" ")[0] + " ") and name in line.split(" ")[0]}

    def finish_backup(self, job, *states):
        end = self.fleet.wait_job(job, *states)
        wait_until("no tool of the backup runs any more", lambda: not self.tools(), 20)
        backups = [b for b in self.fleet.cli("ada", "backup", "list", "-o", "json", expect=0).json()
                   if b["job"] == f"jobs/{job}"]
        self.assertEqual(len(backups), 1)
        backup = backups[0]
        folder = self.fleet.state / "backups/mariadb" / backup["name"].split("/")[1]
        if end["state"] == "STATE_SUCCEEDED":
            self.assertEqual(backup["state"], "STATE_COMPLETE")
            self.assertTrue((folder / "manifest.json").is_file())
            self.fleet.cli("ada", "backup", "verify", backup["name"], "--wait", expect=0)
        else:
            self.assertTrue(end["errorMessage"], end)
            self.assertEqual(backup["state"], "STATE_FAILED")
            self.assertFalse((folder / "manifest.json").exists(), "a broken dump has a manifest")
        leftovers = [str(p) for p in (self.fleet.state / "backups").rglob("*.partial")]
        self.assertEqual(leftovers, [])
        self.check_records()
        self.ended[job] = (end["state"], end["etag"])
        return end

    def test_11_agent_killed_during_a_backup(self):
        job, holder = self.start_blocked_backup()
        self.fleet.stop("agent-mariadb")
        self.fleet.start_agent("mariadb")
        self.release(holder)
        self.finish_backup(job)

    def test_12_dump_tool_killed_while_the_agent_is_dead(self):
        job, holder = self.start_blocked_backup()
        self.fleet.stop("agent-mariadb")
        for pid in self.tools("mariadb-dump"):
            os.kill(pid, signal.SIGKILL)
        self.release(holder)
        self.fleet.start_agent("mariadb")
        self.finish_backup(job)

    def test_13_dump_tool_killed(self):
        job, holder = self.start_blocked_backup()
        for pid in self.tools("mariadb-dump"):
            os.kill(pid, signal.SIGKILL)
        end = self.finish_backup(job, "FAILED")
        self.release(holder)
        self.assertRegex(end["errorMessage"], "mariadb-dump")

    def test_14_supervisor_of_the_children_killed(self):
        job, holder = self.start_blocked_backup()
        for pid in self.tools("dbfleet-exec"):
            os.kill(pid, signal.SIGKILL)
        self.finish_backup(job)
        self.release(holder)

    # -- The backup on which a change rests -------------------------------------------------------

    def test_15_backup_files_removed(self):
        """The catalogue counts them still. The agent looks before it begins, and another is taken."""
        job, column = self.submit()
        (self.fleet.state / "backups/mariadb").rename(self.fleet.state / "removed")
        self.fleet.approve(job)
        self.finish(job, column, "SUCCEEDED")
        records = self.fleet.audit()
        gone = [r for r in records if r["action"] == "backup.gone"]
        self.assertTrue(gone)
        self.assertEqual({r["details"]["job"] for r in gone}, {f"jobs/{job}"})
        for record in gone:
            self.assertIn(str(self.fleet.state / "backups/mariadb"), record["details"]["error"])
        granted = [r for r in records if r["action"] == "attempt.grant"
                   and r["resource"] == f"jobs/{job}" and r["details"]["purpose"] == "execute"]
        self.assertEqual(len(granted), len(gone) + 1)
        self.assertNotIn(granted[-1]["details"]["backup"], {r["resource"] for r in gone})
        self.assertRegex(self.fleet.cli("ada", "backup", "list", expect=0).out, " gone ")

    # -- In the end -------------------------------------------------------------------------------

    def test_98_the_fleet_still_works(self):
        self.fleet.cli("ada", "backup", "run", "mariadb", "--wait", expect=0)
        job, column, holder = self.start_blocked()
        self.release(holder)
        self.finish(job, column, "SUCCEEDED")

    def test_99_no_end_changed_afterwards(self):
        self.fleet.stop("agent-mariadb", signal.SIGTERM)
        self.fleet.stop("controller", signal.SIGTERM)
        self.fleet.start_controller()
        self.fleet.start_agent("mariadb")
        self.assertTrue(self.ended)
        now = {}
        for job in self.ended:
            view = self.fleet.job(job)
            now[job] = (view["state"], view["etag"])
        self.assertEqual(now, self.ended)


if __name__ == "__main__":
    fleet.main()
