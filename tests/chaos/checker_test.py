"""The checker finds nothing in the evidence of a healthy run, everything that is planted into it, and
nothing in what may happen to a run that still is right.

testdata/healthy.json is a recorded real run (record_healthy.py).
"""
import copy
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import plants_dispatch  # noqa: F401  The imports register the plants.
import plants_jobs  # noqa: F401
import plants_targets  # noqa: F401
import wire
from checker import check
from plants import PLANTS, Patient
from registry import INVARIANTS

HERE = Path(__file__).resolve().parent
HEALTHY = json.loads((HERE / "testdata/healthy.json").read_text())


class HealthyTest(unittest.TestCase):
    def test_a_healthy_run_violates_nothing(self):
        self.assertEqual([str(v) for v in check(HEALTHY)], [])

    def test_the_recording_has_every_kind_of_end_on_which_the_invariants_look(self):
        jobs = HEALTHY["store"]["jobs"].values()
        self.assertLessEqual({("up", "succeeded"), ("down", "succeeded"), ("up", "rolled_back"),
                              ("up", "failed"), ("up", "cancelled"), ("up", "rejected"),
                              ("", "succeeded")}, {(j["direction"], j["state"]) for j in jobs})
        self.assertLessEqual({"agent.revoke", "change.approve", "step.report", "attempt.start"},
                             {r["action"] for r in HEALTHY["audit"]})

    def test_checking_changes_nothing_in_the_evidence(self):
        evidence = copy.deepcopy(HEALTHY)
        check(evidence)
        self.assertEqual(evidence, HEALTHY)

    def test_evidence_of_another_format_is_refused(self):
        with self.assertRaises(ValueError):
            check(dict(HEALTHY, format=2))

    def test_evidence_that_cannot_be_judged_is_a_violation(self):
        evidence = copy.deepcopy(HEALTHY)
        del evidence["repository"]
        self.assertIn("backups_verify", {v.invariant for v in check(evidence)})

    def test_the_recording_is_small_and_names_no_machine(self):
        text = (HERE / "testdata/healthy.json").read_text()
        self.assertLess(len(text), 200_000)
        self.assertNotRegex(text, r"/(tmp|work|home|root)/")


class PlantedBugsTest(unittest.TestCase):
    def test_every_invariant_has_a_planted_bug_and_a_reason(self):
        self.assertEqual({invariant for invariant, _ in PLANTS}, set(INVARIANTS))
        for function in INVARIANTS.values():
            self.assertTrue(function.__doc__, function)

    def test_no_two_plants_have_one_name(self):
        names = [function.__name__ for _, function in PLANTS]
        self.assertEqual(len(names), len(set(names)))

    def test_every_planted_bug_is_reported_by_its_invariant(self):
        for invariant, function in PLANTS:
            with self.subTest(invariant=invariant, bug=function.__name__):
                patient = Patient(HEALTHY)
                function(patient)
                found = check(patient.evidence)
                broken = [str(v) for v in found if "cannot be judged" in v.text]
                self.assertEqual(broken, [])
                self.assertIn(invariant, {v.invariant for v in found}, [str(v) for v in found])


class StillRightTest(unittest.TestCase):
    """What a run with faults may look like without anything being wrong."""

    def setUp(self):
        self.patient = Patient(HEALTHY)

    def assert_right(self):
        self.assertEqual([str(v) for v in check(self.patient.evidence)], [])

    def needs_person(self, job):
        """The job's attempt as one of which nobody could say what it did."""
        p = self.patient
        attempt = p.attempt_of(job)
        p.attempts[attempt]["state"] = "interrupted"
        p.record("attempt.end", attempt=attempt)["details"]["state"] = "interrupted"
        p.held(attempt)["outcome"] = 5
        return attempt

    def test_an_unreachable_attempt_whose_agent_reports_later(self):
        p, job = self.patient, self.patient.job("succeeded")
        attempt = p.attempt_of(job)
        p.insert(p.record("attempt.start", attempt=attempt), "system/dispatch",
                 "attempt.unreachable", f"jobs/{job}", attempt=attempt, kind="migrate")
        for series in ("grants", "offers", "late_results"):  # Nothing else was counted by it.
            self.assertIn(f"dbfleet_dispatch_{series}_total", p.evidence["metrics"]["controller"])
        self.assert_right()

    def test_a_person_says_that_an_interrupted_change_was_applied(self):
        p, job = self.patient, self.patient.job("succeeded")
        attempt = self.needs_person(job)
        task = p.tasks[p.task_of(job)]
        task["error_reason"] = "RESOLVED_AS_APPLIED"
        p.insert(p.record("attempt.end", attempt=attempt), "users/ada", "job.resolve", f"jobs/{job}",
                 target=f"instances/{task['instance']}/databases/{task['database']}",
                 **{"as": "applied"})
        self.assert_right()

    def test_a_job_that_waits_for_a_person_and_says_so(self):
        p, job = self.patient, self.patient.job("failed")
        self.needs_person(job)
        p.reopen(job, "paused", "NEEDS_PERSON", "nobody can say what took effect; look there")
        p.tasks[p.task_of(job)]["state"] = "needs_person"
        page = p.evidence["metrics"]["controller"]
        page[next(s for s in page if 'migrations_total{outcome="failed",instance="mariadb"' in s)] -= 1
        self.assert_right()

    def test_steps_that_a_person_wrote_by_hand_are_nobodys_repetition(self):
        p = self.patient
        effects = p.records_of(p.job("failed"))["effects"]
        bad = next(e for e in effects if e["change"].startswith("incomplete"))
        effects.append(dict(bad, direction="down", id=10**6))
        p.log("by_hand", instance="mariadb", change_name=bad["change"], statements=(
            f"DELETE FROM client_1001.chaos_step_{bad['step']} WHERE change_name = '{bad['change']}';"))
        self.assert_right()

    def test_an_answer_that_was_lost_and_asked_for_again(self):
        job = self.patient.job("succeeded")
        self.patient.log("submit", by="ada", job=job, acked=False, error="found later")
        self.patient.log("approve", by="bob", job=job, acked=False, digest="")
        self.assert_right()

    def test_a_clock_that_jumped_makes_times_no_evidence(self):
        p = self.patient
        p.log("fault", kind="clock jump")
        for row in p.steps_of(p.attempt_of(p.job("succeeded"))):
            row["started"] -= 3600
        self.assert_right()

    def test_what_a_restored_store_forgot_is_not_missed(self):
        p, now = self.patient, self.patient.evidence["collected"]
        p.evidence["workload"] += [
            {"t": now - 5, "op": "submit", "by": "ada", "job": "01M0000000000000000000000Z",
             "acked": True},
            {"t": now, "op": "restore", "as_of": now - 10}]
        self.assert_right()

    def test_what_a_lost_attempt_did_is_judged_by_nobodys_outcome(self):
        """The restored store does not know the attempt, and has run the job's rest with another."""
        p, now = self.patient, self.patient.evidence["collected"]
        job = p.job("succeeded")
        attempt, lost = p.attempt_of(job), "01M0000000000000000000000Z"
        p.evidence["lost_attempts"] = {lost: {"job": job, "instance": "mariadb", "fence": 1,
                                              "purpose": "execute", "state": "succeeded"}}
        records = p.records_of(job)
        for row in records["steps"] + records["history"]:
            if row["attempt"] == attempt:
                row["attempt"] = lost
        p.log("restore", as_of=now - 10)
        self.assert_right()

    def test_an_attempt_that_a_restored_store_learnt_from_its_agent(self):
        p = self.patient
        job = p.job("succeeded")
        attempt = p.attempt_of(job)
        grant = p.record("attempt.grant", attempt=attempt)
        grant["action"] = "attempt.reclaim"
        for key in ("kind", "purpose", "digest"):
            grant["details"].pop(key, None)
        start = p.evidence["metrics"]["controller"]
        if grant["t"] >= next(e["t"] for e in reversed(p.evidence["workload"])
                              if e["op"] == "start" and e["daemon"] == "controller"):
            start["dbfleet_dispatch_grants_total"] -= 1
        self.assert_right()

    def test_work_that_waits_for_an_agent_that_was_taken_out_of_service(self):
        p, job = self.patient, self.patient.job("cancelled")
        p.reopen(job, "ready")
        p.jobs[job]["state"] = "ready"
        p.store["agents"]["mariadb"]["draining"] = True
        p.evidence["api_jobs"][job]["blockers"] = ["agent-draining"]
        for entry in [e for e in p.evidence["workload"] if e["op"] == "cancel"]:
            p.evidence["workload"].remove(entry)
        page = p.evidence["metrics"]["controller"]
        page[next(s for s in page if 'migrations_total{outcome="cancelled",instance="mariadb"' in s)] -= 1
        self.assert_right()


class WireTest(unittest.TestCase):
    def test_reads_an_event(self):
        # seq 300, time 10.5, attempt "A", fence 7, step {index 2}.
        data = (b"\x08\xac\x02" + b"\x12\x08\x08\x0a\x10\x80\xca\xb5\xee\x01" + b"\x1a\x01A" +
                b"\x20\x07" + b"\x42\x02\x08\x02")
        self.assertEqual(wire.event(data), {"seq": 300, "time": 10.5, "attempt": "A", "fence": 7,
                                            "kind": "step"})

    def test_refuses_what_is_cut_off(self):
        for data in (b"\x08", b"\x1a\x05ab", b"\x08\xac"):
            with self.assertRaises(ValueError, msg=data):
                wire.fields(data)


class CommandLineTest(unittest.TestCase):
    def run_checker(self, evidence):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "evidence.json")
            path.write_text(json.dumps(evidence))
            return subprocess.run([sys.executable, HERE / "checker.py", path], capture_output=True,
                                  text=True, check=False)

    def test_judges_a_file_again(self):
        done = self.run_checker(HEALTHY)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        patient = Patient(HEALTHY)
        patient.evidence["leftovers"]["processes"].append("mariadb-dump")
        done = self.run_checker(patient.evidence)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing_left: processes: belongs to no living daemon: mariadb-dump",
                      done.stdout)


if __name__ == "__main__":
    unittest.main()
