"""The quickstart: from nothing, a second time, and down again."""
import os
import tempfile
import unittest

import fleet
from fleet import Fleet, FleetTest, run

AGENTS = ("mariadb", "mariadb-qa", "mariadb-dev", "postgresql", "redis")


class QuickstartTest(FleetTest):
    """One fleet goes through the tests in the order of their numbers."""

    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("quick")

    def snapshot(self):
        """What a second run must not change."""
        agents = self.fleet.cli("admin", "agent", "list", "-o", "json", expect=0).json()
        users = self.fleet.cli("admin", "user", "list", "-o", "json", expect=0).json()
        tokens = {u["name"]: [t["name"] for t in self.fleet.cli(
            "admin", "token", "list", "--user", u["name"], "-o", "json", expect=0).json()]
            for u in users}
        journals = {n: self.fleet.journal(n, "SELECT value FROM meta WHERE key = 'journal_id'")
                    for n in AGENTS}
        for name in AGENTS:
            self.assertTrue(journals[name].strip(), name)
        return {
            "serials": {a["name"]: a["serial"] for a in agents},
            "enrolled": {a["name"]: a["enrollTime"] for a in agents},
            "environments": {a["name"]: a["environment"] for a in agents},
            "journals": journals,
            "users": sorted((u["name"], sorted(u["roles"])) for u in users),
            "tokens": tokens,
            "pids": self.fleet.pids(),
            "accounts": self.fleet.sql("SELECT id, name FROM common.accounts ORDER BY id"),
            "customers": self.fleet.sql("SELECT COUNT(*), MAX(id) FROM client_1001.customers"),
            "payments": self.fleet.sql("CHECKSUM TABLE client_1001.payments, client_1002.payments"),
            "orders": self.fleet.sql("CHECKSUM TABLE client_1001.orders, client_1002.orders"),
            "columns": self.fleet.sql(
                "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA "
                "= 'client_1001' AND TABLE_NAME NOT LIKE 'dbfleet%' ORDER BY 1, ORDINAL_POSITION"),
        }

    def jobs(self):
        return self.fleet.cli("admin", "job", "list", "--limit", "0", "-o", "json", expect=0).json()

    def test_1_it_passes_from_nothing(self):
        result = self.fleet.quickstart()
        self.assertEqual(result.code, 0, f"{result}\n{self.fleet.logs()}")
        self.assertEqual(set(self.fleet.pids()),
                         {f"agent-{n}" for n in AGENTS} | set(AGENTS) | {"controller"})
        type(self).before = self.snapshot()
        self.assertEqual(self.before["environments"], {
            "agents/mariadb": "environments/production", "agents/mariadb-qa": "environments/qa",
            "agents/mariadb-dev": "environments/development", "agents/postgresql": "environments/qa",
            "agents/redis": "environments/development"})
        states = {}
        for job in self.jobs():
            if job["kind"] == "migrate":
                states.setdefault(job["environment"], []).append(job["state"])
        self.assertEqual(sorted(states.pop("environments/production")),
                         ["STATE_REFUSED", "STATE_ROLLED_BACK", "STATE_SUCCEEDED", "STATE_SUCCEEDED"])
        # Two changes, each applied and in the end taken back; in qa once more between.
        self.assertEqual(states, {"environments/development": 4 * ["STATE_SUCCEEDED"],
                                  "environments/qa": 8 * ["STATE_SUCCEEDED"]})
        # Its story must not be told by a command that failed silently.
        self.assertIn("Everything held", result.out)
        self.assertRegex(result.out, r"BAD: record \d+")

    def test_2_the_first_run_leaves_the_states_that_it_tells_of(self):
        actions = [r["action"] for r in self.fleet.audit()]
        self.assertEqual(actions.count("agent.enroll"), len(AGENTS))
        self.assertEqual(actions.count("change.approve_refused"), 2)
        self.assertEqual(actions.count("change.approve"), 3)
        backups = self.fleet.cli("ada", "backup", "list", "-o", "json", expect=0).json()
        # Three by hand; two that production's changes demanded fresh; one where they were tried.
        self.assertEqual(len(backups), 7)
        for backup in backups:
            self.assertEqual(backup["state"], "STATE_COMPLETE", backup)
            self.assertEqual(backup["verification"]["level"], "VERIFICATION_LEVEL_L1", backup)

    def test_3_a_second_run_passes_and_repeats_nothing_harmful(self):
        jobs_before = {j["name"]: j["state"] for j in self.jobs()}
        result = self.fleet.quickstart()
        self.assertEqual(result.code, 0, f"{result}\n{self.fleet.logs()}")
        after = self.snapshot()
        self.assertEqual(after, self.before)
        jobs = {j["name"]: j["state"] for j in self.jobs()}
        self.assertEqual({n: jobs.get(n) for n in jobs_before}, jobs_before)
        actions = [r["action"] for r in self.fleet.audit()]
        self.assertEqual(actions.count("agent.enroll"), len(AGENTS))
        self.assertEqual(actions.count("agent.join_token.create"), len(AGENTS))
        self.assertEqual(actions.count("user.create"), 5)

    def test_4_down_leaves_no_process(self):
        pids = self.fleet.pids()
        everything = set(self.fleet.processes())
        self.assertTrue(everything >= set(pids.values()), (everything, pids))
        result = run([fleet.ROOT / "deploy/quickstart", "--down", "--state-dir", self.fleet.state])
        self.assertEqual(result.code, 0, result)
        self.assertEqual({n: p for n, p in pids.items() if fleet.start_time(p) is not None}, {})
        fleet.wait_until("nothing of the fleet runs any more",
                         lambda: not self.fleet.processes(), 10)
        self.assertEqual(list((self.fleet.state / "run").glob("*.pid")), [])

    def test_5_down_again_is_no_error(self):
        result = run([fleet.ROOT / "deploy/quickstart", "--down", "--state-dir", self.fleet.state])
        self.assertEqual(result.code, 0, result)

    def test_6_up_again_finds_everything_as_it_was(self):
        self.fleet.shell("start_servers; start_fleet")
        after = self.snapshot()
        for key in ("enrolled", "journals", "users", "tokens", "customers", "payments", "columns"):
            self.assertEqual(after[key], self.before[key], key)

    def test_6a_a_restored_controller_is_explained(self):
        """Its data folder has no admin token, and it hands nothing out before a person has looked."""
        fleet_ = self.fleet
        state = fleet_.state
        controller = [fleet.build_dir() / "bin/dbfleet-controller"]
        config = ["--config", state / "etc/controller.yaml"]
        backup = run(controller + ["backup", state / "saved"] + config)
        self.assertEqual(backup.code, 0, backup)
        down = [fleet.ROOT / "deploy/quickstart", "--down", "--state-dir", state]
        self.assertEqual(run(down).code, 0)
        (state / "controller").rename(state / "lost")
        self.assertEqual(run(controller + ["restore", state / "saved"] + config).code, 0)

        result = fleet_.quickstart()
        self.assertEqual(result.code, 1, result)
        self.assertIn("is in RECOVERY", result.err)
        self.assertIn("dbfleet-controller recover", result.err)

        # Nor is anybody logged in any more.
        (state / "cli.json").rename(state / "kept.json")
        result = fleet_.quickstart()
        self.assertEqual(result.code, 1, result)
        self.assertIn(str(state / "controller/admin-token"), result.err)
        self.assertIn("copy it from the data folder", result.err)
        (state / "kept.json").rename(state / "cli.json")

        self.assertEqual(run(down).code, 0)
        recover = run(controller + ["recover", "--reason", "test"] + config)
        self.assertEqual(recover.code, 0, recover)  # All its agents have reported.
        self.assertIn("Agents told of no work", recover.out)
        result = fleet_.quickstart()
        self.assertEqual(result.code, 0, result)

    def test_7_nothing_readable_by_others_lies_in_the_state(self):
        for name in ("secrets", "backups", "controller", *[f"agent-{n}" for n in AGENTS]):
            mode = (self.fleet.state / name).stat().st_mode & 0o777
            self.assertEqual(mode, 0o700, name)
        self.assertEqual([p.name for p in (self.fleet.state / "secrets").glob("join-*")], [],
                         "a used join token was left behind")
        for path in [self.fleet.state / "cli.json", *(self.fleet.state / "secrets").iterdir()]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)


class UsageTest(unittest.TestCase):
    def usage_error(self, *arguments):
        result = run([fleet.ROOT / "deploy/quickstart", *arguments])
        self.assertEqual(result.code, 2, result)
        return result

    def test_an_unknown_argument_is_named_with_exit_code_2(self):
        self.assertIn("--frobnicate", self.usage_error("--frobnicate").err)

    def test_a_build_folder_without_a_build_is_named(self):
        result = self.usage_error("--build-dir", "/nope")
        self.assertIn("there is no build in /nope", result.err)

    def test_a_folder_that_is_left_out_is_missed(self):
        for arguments in (["--state-dir"], ["--build-dir"], ["--state-dir", "--down"], ["--state-dir", ""]):
            self.assertIn(f"{arguments[0]} needs a folder", self.usage_error(*arguments).err)

    def test_a_state_folder_too_long_for_sockets_is_refused(self):
        folder = "/tmp/" + "x" * 80
        self.assertIn("too long", self.usage_error("--state-dir", folder).err)
        self.assertFalse(os.path.exists(folder))

    def test_down_says_when_there_is_nothing_to_stop(self):
        with tempfile.TemporaryDirectory() as folder:
            for state in (folder, folder + "/missing"):
                result = run([fleet.ROOT / "deploy/quickstart", "--down", "--state-dir", state])
                self.assertEqual(result.code, 0, result)
                self.assertIn("nothing to stop", result.out)
                self.assertIn(state, result.out)
                self.assertNotIn("Stopped", result.out)
            self.assertEqual(os.listdir(folder), [])

    def test_help_is_no_error(self):
        result = run([fleet.ROOT / "deploy/quickstart", "--help"])
        self.assertEqual(result.code, 0, result)
        self.assertIn("--state-dir", result.out)


if __name__ == "__main__":
    fleet.main()
