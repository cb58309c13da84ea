"""Rollouts on a real fleet: a MariaDB and a PostgreSQL, changed one after the other by one change; two more of
MariaDB for what becomes of targets behind one that fails."""
import fleet
from fleet import Fleet, FleetTest, wait_until

NO_BACKUP = """apiVersion: dbfleet/v1
kind: Environment
metadata: {name: development}
spec:
  policy: {verified_backup_max_age: 0s}
"""


# Of these the second fails at what only MariaDB knows.
FOUR = ("mariadb", "postgresql", "mariadb-qa", "mariadb-dev")


class RolloutTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("roll")
        cls.fleet.start_servers("mariadb", "postgresql")
        cls.fleet.shell("for server in mariadb-qa mariadb-dev; do start_mariadb $server; load_mariadb $server; done")
        # So that all have a database of this name with a table in it.
        cls.fleet.shell(
            "write_agent_configs; for server in mariadb mariadb-qa mariadb-dev; do "
            "{ echo 'CREATE DATABASE shop; CREATE TABLE shop.accounts (id INT PRIMARY KEY);'; "
            "grants_of mariadb | grep -F 'ON `common`.*' | sed 's/`common`/`shop`/'; } | mariadb_at $server; done")
        cls.fleet.start_controller("ping_interval: 1s\ndead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.make_user("polly", "policy_admin")
        cls.fleet.cli("polly", "apply", "-f", "-", stdin=NO_BACKUP, expect=0)
        for name in FOUR:
            cls.fleet.enrol(name, "development")
            cls.fleet.start_agent(name, wait=False)
        for name in FOUR:
            cls.fleet.wait_connected(name)
            cls.fleet.wait_healthy(name)

    def submit(self, version, up, down, *arguments, instances=FOUR[:2]):
        folder = self.fleet.migration(version, f"step_{version}", up, down)
        result = self.fleet.cli(
            "ada", "change", "submit", "--dir", folder, "--environment", "development",
            *[f"--instance={name}" for name in instances], "--database", "shop", "--title", "e2e",
            "--approve-destructive", "--out-of-order", *arguments, "-o", "name", expect=0)
        return result.out.strip().rsplit("/", 1)[-1]

    def column(self, version, *arguments, kind="INT", **more):
        return self.submit(version, f"ALTER TABLE accounts ADD COLUMN c{version} {kind};",
                           f"ALTER TABLE accounts DROP COLUMN c{version};", *arguments, **more)

    def has_column(self, version):
        return self.fleet.sql("SELECT count(*) FROM information_schema.columns WHERE table_schema = "
                              f"'shop' AND column_name = 'c{version}'") == [["1"]]

    def task_states(self, job):
        return [task["state"] for task in self.fleet.job(job)["tasks"]]

    def rollbacks_of(self, job):
        jobs = self.fleet.cli("ada", "change", "list", "-o", "json", expect=0).json()
        return [j["name"].rsplit("/", 1)[-1] for j in jobs if j.get("rollbackOf") == f"jobs/{job}"]

    def test_the_canary_is_changed_and_checked_before_the_others(self):
        job = self.column("0101", "--canary", "1", "--pause-between", "1h")
        paused = self.fleet.wait_job(job, "PAUSED")
        self.assertEqual(paused["errorReason"], "BETWEEN_WAVES")
        self.assertEqual(self.task_states(job), ["STATE_SUCCEEDED", "STATE_PENDING"])
        self.assertTrue(self.has_column("0101"))
        shown = self.fleet.cli("ada", "change", "get", job, expect=0)
        self.assert_says(shown, r"Waves +1 \+ 1 targets; wave 1 of 2", r"1h pause, then health check",
                         r"wave 1 of 2 has ended \(1 target, 0 failed\); the next begins at ")
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        done = self.fleet.wait_job(job, "SUCCEEDED")
        self.assertEqual(done["rollout"]["currentWave"], 2)

    def test_the_next_wave_begins_by_itself_after_a_real_check(self):
        job = self.column("0102", "--waves", "1", "--pause-between", "1s")
        self.fleet.wait_job(job, "SUCCEEDED")
        checks = self.fleet.cli("ada", "job", "list", "-o", "json", expect=0).json()
        mine = [c for c in checks if c.get("parent") == f"jobs/{job}"]
        self.assertEqual([(c["kind"], c["state"]) for c in mine], [("check", "STATE_SUCCEEDED")])
        ended = [r["action"] for r in self.fleet.audit() if r["resource"] == f"jobs/{job}"]
        self.assertIn("job.wave_end", ended)

    def test_a_target_that_does_not_answer_stops_the_next_wave(self):
        job = self.column("0103", "--canary", "1", "--pause-between", "2s")
        self.fleet.wait_job(job, "PAUSED")
        self.fleet.stop("mariadb")
        try:
            wait_until("it is not well",
                       lambda: self.fleet.job(job).get("errorReason") == "WAVE_UNWELL")
            self.assertEqual(self.task_states(job), ["STATE_SUCCEEDED", "STATE_PENDING"])
        finally:
            self.fleet.start_servers("mariadb")
            self.fleet.wait_healthy("mariadb")
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        self.fleet.wait_job(job, "SUCCEEDED")

    def test_a_failure_takes_back_what_was_applied_if_the_rollout_says_so(self):
        # MariaDB takes this; PostgreSQL has no such type.
        job = self.submit("0104", "ALTER TABLE accounts ADD COLUMN c0104 MEDIUMINT;",
                          "ALTER TABLE accounts DROP COLUMN c0104;", "--waves", "1",
                          "--on-failure", "rollback")
        self.fleet.wait_job(job, "PARTIAL")

        wait_until("a rollback", lambda: self.rollbacks_of(job))
        self.fleet.wait_job(self.rollbacks_of(job)[0], "SUCCEEDED")
        self.assertFalse(self.has_column("0104"))

    def test_a_budget_lets_the_others_go_on(self):
        job = self.submit("0105", "ALTER TABLE accounts ADD COLUMN c0105 CHARACTER VARYING(5);"
                          "ALTER TABLE accounts ADD COLUMN d0105 BYTEA;",
                          "ALTER TABLE accounts DROP COLUMN d0105;"
                          "ALTER TABLE accounts DROP COLUMN c0105;", "--waves", "1",
                          "--failure-budget", "50%")
        self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(self.task_states(job)[1], "STATE_SUCCEEDED")
        self.assertNotEqual(self.task_states(job)[0], "STATE_SUCCEEDED")

    def four(self, version, *arguments):
        """A target at a time; the second fails."""
        return self.column(version, "--waves", "1", *arguments, kind="MEDIUMINT", instances=FOUR)

    def test_a_failure_stops_what_has_not_begun(self):
        job = self.four("0106")
        ended = self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(self.task_states(job),
                         ["STATE_SUCCEEDED", "STATE_ROLLED_BACK", "STATE_SKIPPED", "STATE_SKIPPED"])
        self.assertEqual(ended["errorReason"], "MIGRATION_ROLLED_BACK")
        self.assertTrue(self.has_column("0106"))  # It is not taken back.

    def test_a_failure_holds_the_rest_until_somebody_has_looked(self):
        job = self.four("0107", "--on-failure", "pause")
        # Between the waves it is paused, too, for a moment.
        wait_until("its budget holds it",
                   lambda: self.fleet.job(job).get("errorReason") == "FAILURE_BUDGET")
        self.assertEqual(self.fleet.job(job)["state"], "STATE_PAUSED")
        self.assertEqual(self.task_states(job),
                         ["STATE_SUCCEEDED", "STATE_ROLLED_BACK", "STATE_PENDING", "STATE_PENDING"])
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(self.task_states(job),
                         ["STATE_SUCCEEDED", "STATE_ROLLED_BACK", "STATE_SUCCEEDED", "STATE_SUCCEEDED"])

    def test_within_the_budget_nothing_is_taken_back(self):
        job = self.four("0108", "--failure-budget", "25%", "--on-failure", "rollback")
        self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(self.task_states(job),
                         ["STATE_SUCCEEDED", "STATE_ROLLED_BACK", "STATE_SUCCEEDED", "STATE_SUCCEEDED"])
        self.assertEqual(self.rollbacks_of(job), [])
        self.assert_says(self.fleet.cli("ada", "change", "get", job, expect=0),
                         r"1 of 4 targets failed, which its failure budget let pass \(1\)",
                         r"May fail +1 targets, then rollback")

    def test_a_rollout_is_paused_gone_on_with_and_broken_off_between_waves(self):
        job = self.column("0109", "--waves", "1", "--pause-between", "1h",
                          instances=("mariadb-qa", "mariadb", "mariadb-dev"))
        self.assertEqual(self.fleet.wait_job(job, "PAUSED")["errorReason"], "BETWEEN_WAVES")
        self.fleet.cli("ada", "job", "pause", job, "--reason", "lunch", expect=0)
        self.assert_says(self.fleet.cli("ada", "change", "get", job, expect=0),
                         "paused: by users/ada: lunch")
        self.assertEqual(self.fleet.job(job)["errorReason"], "PAUSED")
        # First back to the pause between the waves, then on with the next.
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        self.assertEqual(self.fleet.job(job)["errorReason"], "BETWEEN_WAVES")
        self.assertEqual(self.task_states(job), ["STATE_SUCCEEDED", "STATE_PENDING", "STATE_PENDING"])
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        wait_until("the second wave's end", lambda: self.task_states(job)[1] == "STATE_SUCCEEDED")
        self.fleet.wait_job(job, "PAUSED")
        self.fleet.cli("ada", "job", "cancel", job, "--reason", "enough", expect=0)
        ended = self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(ended["errorReason"], "CANCELLED")
        self.assertEqual(self.task_states(job), ["STATE_SUCCEEDED", "STATE_SUCCEEDED", "STATE_CANCELLED"])
        self.assertTrue(self.has_column("0109"))
        self.assertEqual(self.rollbacks_of(job), [])

    def test_what_was_left_half_way_is_not_taken_back_by_doing_nothing(self):
        self.fleet.sql("ALTER TABLE shop.accounts ADD COLUMN d0110 INT")
        before = self.fleet.sql("SELECT * FROM shop.accounts")
        job = self.submit("0110", "ALTER TABLE accounts ADD COLUMN c0110 INT;"
                          "INSERT INTO accounts (id) VALUES (901);"
                          "ALTER TABLE accounts ADD COLUMN d0110 INT;"
                          "INSERT INTO accounts (id) VALUES (902);",
                          "DELETE FROM accounts WHERE id IN (901, 902);"
                          "ALTER TABLE accounts DROP COLUMN d0110;"
                          "ALTER TABLE accounts DROP COLUMN c0110;", "--waves", "1",
                          "--failure-budget", "50%", instances=("mariadb", "mariadb-qa"))
        ended = self.fleet.wait_job(job, "PARTIAL")
        self.assertEqual(ended["tasks"][0]["errorReason"], "ROLLBACK_INCOMPLETE")
        half = self.fleet.sql("SELECT * FROM shop.accounts ORDER BY id")
        self.assertNotEqual(half, before)
        shown = self.fleet.cli("ada", "change", "get", job, expect=0)
        self.assert_says(shown, "NOT SETTLED: may still be there, .* 0110")
        self.assertNotIn("Taken back", shown.out)
        back = self.fleet.cli("ada", "change", "rollback", job, "--approve-destructive", "-o", "name",
                              expect=0).out.strip().rsplit("/", 1)[-1]
        ended = self.fleet.wait_job(back, "PARTIAL")
        self.assertEqual({task["target"].split("/")[1]: task["state"] for task in ended["tasks"]},
                         {"mariadb": "STATE_FAILED", "mariadb-qa": "STATE_SUCCEEDED"})
        self.assertEqual(ended["errorReason"], "VERSION_NOT_SETTLED")
        self.assertEqual(self.fleet.sql("SELECT * FROM shop.accounts ORDER BY id"), half)
        self.fleet.sql("DELETE FROM shop.accounts WHERE id IN (901, 902);"
                       "ALTER TABLE shop.accounts DROP COLUMN c0110, DROP COLUMN d0110")

    def test_what_is_no_rollout_is_refused_with_what_would_be_one(self):
        folder = self.fleet.migration("0199", "none", "SELECT 1;", "SELECT 1;")
        for arguments, says in ((("--waves", "0"), "25%"), (("--failure-budget", "few"), "5%"),
                                (("--on-failure", "panic"), "rollback"),
                                (("-i", "postgresql", "--canary", "2"), "all of the 2 targets")):
            result = self.fleet.cli(
                "ada", "change", "submit", "--dir", folder, "-e", "development", "-i", "mariadb",
                "-d", "shop", *arguments)
            self.assertEqual(result.code, 2, result)
            self.assert_says(result, says)


if __name__ == "__main__":
    fleet.main()
