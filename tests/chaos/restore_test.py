"""A controller that is restored from an older backup of itself: what ran in the lost time does not run
again, whether the store knows its job or not, and whether it had ended, still runs, or has a report
that nobody took. On a real MariaDB, by the documented commands; a trigger there counts what took effect.

    restore_test.py BUILD-DIR [unittest arguments]
"""
import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from fleet import FleetTest, main, run, wait_until  # noqa: E402


class RestoreTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        from harness import ChaosFleet
        from workload import Workload
        cls.fleet = ChaosFleet("restore", names=("mariadb",))
        # Certificates live for seconds: the restored store knows none that its agent has by then.
        cls.fleet.build()
        cls.workload = Workload(cls.fleet)

    def setUp(self):
        from restoring import Restoring
        self.restoring = Restoring(self.fleet)

    # -- Words ------------------------------------------------------------------------------------

    def submit(self, folder):
        name = folder.name.split("-", 1)[1]
        job = self.fleet.submit(folder)
        self.fleet.log.add("submit", by="ada", job=job, acked=True, instance="mariadb", kind="change",
                           change_name=name)
        return job

    def change(self):
        """(name, folder, job) of a change that waits for its approval."""
        name = self.workload.next_name("change")
        folder = self.workload.folder("mariadb", name)
        job = self.submit(folder)
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        return name, folder, job

    def settle(self, job, name):
        return self.workload.settle(job, lambda view: self.workload.look("mariadb", name))

    def ups(self, name):
        """How often each of its steps took effect."""
        return [int(row[0]) for row in self.fleet.sql(
            "SELECT COUNT(*) FROM client_1001.chaos_effects WHERE direction = 'up' AND "
            f"change_name = '{name}' GROUP BY step ORDER BY step")]

    def assert_ends(self, job, name, state):
        view = self.settle(job, name)
        self.assertEqual(view["state"], state, view)

    def recover(self):
        from restoring import demands_recovery, recover
        recover(self.fleet)
        self.assertFalse(demands_recovery(self.fleet))

    def task_of(self, job):
        return self.fleet.job(job)["tasks"][0]

    def records(self):
        """Of the audit trail, newest first."""
        records = self.fleet.cli("eve", "audit", "list", "--limit", "0", "-o", "jsonl", expect=0).out
        return [json.loads(line) for line in records.splitlines()]

    def actions(self):
        return {record["action"] for record in self.records()}

    def adoptions(self):
        return [r for r in self.records() if r["action"] == "agent.certificate.adopt"]

    def enrolments(self):
        return len([r for r in self.records() if r["action"] == "agent.enroll"])

    def holding_the_table(self):
        """The change's second step waits as long as this session is open."""
        session = self.fleet.sql_session()
        session.execute("START TRANSACTION")
        session.execute("SELECT id FROM client_1001.orders LIMIT 1")
        return session

    def wait_for_step(self, name, count):
        wait_until(f"step 1 of {name}", lambda: self.ups(name) == [1] * count)

    def idle(self):
        """The agent is connected and does nothing, and nothing of it is unheard."""
        wait_until("the agent is idle", lambda: {
            "dbfleet_agent_connected 1", "dbfleet_agent_attempts_running 0",
            "dbfleet_agent_events_pending 0"} <= set(self.agent_metrics()))

    def agent_metrics(self):
        return self.fleet.http("/metrics", self.fleet.port("metrics-mariadb"))[1].splitlines()

    def witnessed_records(self):
        return next(int(line.split()[1]) for line in self.agent_metrics()
                    if line.startswith("dbfleet_agent_audit_witness_records "))

    def alarms(self):
        return [line for line in self.agent_metrics()
                if line.startswith("dbfleet_agent_audit_witness_alarm{")]

    def witnessed(self, name):
        """A file with the checkpoint that the agent's witness keeps."""
        from evidence import witnessed
        path = witnessed(self.fleet)[0]
        return path.rename(path.with_name(name))

    def assert_both_logs_verify(self, before, former):
        """The lost log as it was exported, and the successor, against what the agent has seen."""
        from evidence import verify_audit
        after = before.with_name("audit-after.jsonl")
        latest = self.witnessed("witnessed-after")
        self.fleet.cli("eve", "audit", "export", "--out", after, expect=0)
        for path, kept in ((before, [former]), (after, [latest]), (after, [former, latest])):
            done = verify_audit(self.fleet, path, kept)
            self.assertEqual(done.code, 0, str(done))
        # Whoever had restored in silence would have to answer for what the agent has seen.
        self.assertNotEqual(verify_audit(self.fleet, before, [latest]).code, 0)

    # -- Tests ------------------------------------------------------------------------------------

    def test_what_ended_in_the_lost_time_does_not_run_again(self):
        """One job waits for its approval in the restored store; the other it does not know at all."""
        fleet = self.fleet
        known, _, known_job = self.change()
        self.restoring.back_up()
        self.settle(known_job, known)
        lost, lost_folder, lost_job = self.change()
        self.settle(lost_job, lost)
        self.assertEqual((self.ups(known), self.ups(lost)), ([1, 1], [1, 1]))
        records = self.witnessed_records()
        fleet.reboot("controller", number=signal.SIGTERM)  # Each start pushes a checkpoint.
        wait_until("the agent has seen more", lambda: self.witnessed_records() > records)
        former = self.witnessed("witnessed-before")
        before = fleet.state / "audit-before.jsonl"
        fleet.cli("eve", "audit", "export", "--out", before, expect=0)

        self.restoring.restore()
        self.assertIn("RECOVERY", fleet.cli("admin", "version").text)
        fleet.wait_connected("mariadb")
        wait_until("the agent raises its alarm", self.alarms)
        fleet.wait_job(known_job, "PAUSED")
        self.assertEqual(self.task_of(known_job)["errorReason"], "STORE_RESTORED")
        self.assertLessEqual({"attempt.reclaim", "attempt.unknown", "audit.witness_alarm"},
                             self.actions())
        self.assertIn("JOB_NOT_FOUND", fleet.cli("admin", "job", "get", lost_job).text)

        self.recover()
        wait_until("the agent takes its alarm back", lambda: not self.alarms())
        self.assert_ends(known_job, known, "STATE_SUCCEEDED")
        # Whoever misses his job asks for it again; its version stands in the target's history.
        self.assert_ends(self.submit(lost_folder), lost, "STATE_SUCCEEDED")
        self.assertEqual((self.ups(known), self.ups(lost)), ([1, 1], [1, 1]))
        name, _, job = self.change()
        self.assert_ends(job, name, "STATE_SUCCEEDED")
        self.assertEqual(self.ups(name), [1, 1])
        self.assert_both_logs_verify(before, former)

    def test_what_still_runs_goes_on(self):
        name, _, job = self.change()
        self.restoring.back_up()
        table = self.holding_the_table()
        self.workload.approve(job, self.fleet.job(job))
        self.wait_for_step(name, 1)
        self.restoring.restore()
        self.fleet.wait_connected("mariadb")
        self.fleet.wait_job(job, "ROLLING")
        self.recover()
        self.fleet.wait_connected("mariadb")
        table.close()
        # Its own report ends it: nobody has to look.
        self.assertEqual(self.fleet.wait_job(job)["state"], "STATE_SUCCEEDED")
        self.assertEqual(self.ups(name), [1, 1])

    def test_what_ended_unheard_is_not_done_again(self):
        name, _, job = self.change()
        self.restoring.back_up()
        table = self.holding_the_table()
        self.workload.approve(job, self.fleet.job(job))
        self.wait_for_step(name, 1)
        self.fleet.send("controller", signal.SIGSTOP)
        table.close()
        self.wait_for_step(name, 2)
        self.restoring.restore()
        self.fleet.wait_connected("mariadb")
        self.recover()
        self.idle()
        self.assert_ends(job, name, "STATE_SUCCEEDED")
        self.assertEqual(self.ups(name), [1, 1])

    def test_what_runs_for_a_job_that_nobody_knows_is_taken_back(self):
        self.restoring.back_up()
        name, folder, job = self.change()
        table = self.holding_the_table()
        self.workload.approve(job, self.fleet.job(job))
        self.wait_for_step(name, 1)
        self.restoring.restore()
        self.fleet.wait_connected("mariadb")
        self.recover()
        table.close()
        self.idle()
        self.assertEqual(self.fleet.sql(
            "SELECT step, direction FROM client_1001.chaos_effects WHERE change_name = "
            f"'{name}' ORDER BY id"), [["1", "up"], ["1", "down"]])
        self.assert_ends(self.submit(folder), name, "STATE_SUCCEEDED")

    def test_an_agent_that_renewed_in_the_lost_time_comes_back_by_itself(self):
        adopted = len(self.adoptions())
        self.restoring.back_up()
        self.restoring.outlive_certificate("mariadb")
        self.restoring.restore()
        self.fleet.wait_connected("mariadb")
        self.assertEqual(len(self.adoptions()), adopted + 1)
        record = self.adoptions()[0]
        self.assertEqual(record["resource"], "agents/mariadb")
        self.assertLessEqual({"serial", "issue_time", "why"}, set(record["details"]))
        self.recover()
        self.fleet.wait_connected("mariadb")
        name, _, job = self.change()
        self.assert_ends(job, name, "STATE_SUCCEEDED")
        # As after any renewal, from here on.
        self.fleet.wait_connected("mariadb")
        serial = self.fleet.agent("mariadb")["serial"]
        wait_until("the next renewal", lambda: self.fleet.agent("mariadb")["serial"] != serial, 30)
        self.assertEqual((len(self.adoptions()), self.enrolments()), (adopted + 1, 1))

    def test_an_agent_that_was_away_until_its_certificate_ended_comes_back_by_itself(self):
        adopted = len(self.adoptions())
        self.restoring.back_up()
        self.restoring.outlive_certificate("mariadb")
        self.fleet.kill("agent-mariadb")
        self.restoring.restore()
        self.recover()
        self.assertEqual(len(self.adoptions()), adopted)
        chain = self.fleet.state / "agent-mariadb/identity/chain.pem"
        wait_until("the certificate has expired", lambda: run(
            ["openssl", "x509", "-in", chain, "-noout", "-checkend", "0"]).code == 1, 30)
        self.fleet.boot("agent-mariadb")
        self.fleet.guarding.add("agent-mariadb")
        self.fleet.wait_connected("mariadb")
        actions = [record["action"] for record in reversed(self.records())]
        at = max(i for i, action in enumerate(actions) if action == "agent.certificate.adopt")
        self.assertEqual(actions[at + 1], "agent.recover")
        self.assertEqual((len(self.adoptions()), self.enrolments()), (adopted + 1, 1))

    def test_zz_everybody_agrees_in_the_end(self):
        from checker import check
        from evidence import collect
        self.assertEqual(len(list(self.fleet.state.glob("controller-lost-*"))), 6)
        evidence = collect(self.fleet, self.fleet.log.copy())
        (self.fleet.state / "evidence.json").write_text(json.dumps(evidence))
        self.assertEqual([str(v) for v in check(evidence)], [])


if __name__ == "__main__":
    main()
