"""Who has to approve what, on a real fleet: changes, the policies themselves, and emergencies."""
import fleet
from fleet import Fleet, FleetTest, wait_until

FAILED, NOT_AUTHORISED, CONFLICT, PENDING = 1, 4, 6, 8

ENVIRONMENT = """apiVersion: dbfleet/v1
kind: Environment
metadata: {name: production}
spec:
  policy: {destructive_approvals: %d, verified_backup_max_age: 0s, window_for: none,
           promotion: {from: none}}
"""
AUDITOR = """apiVersion: dbfleet/v1
kind: ApprovalPolicy
metadata: {name: audited}
spec:
  selector: {environments: [production]}
  requirements: [{name: auditor, roles: [auditor]}]
  reason: required
"""
GLASS = """apiVersion: dbfleet/v1
kind: BreakGlassPolicy
metadata: {name: on-call}
spec: {environments: [production], users: [ada], waives: [approvals], max_duration: 1h}
"""


class ApprovalTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("appr")
        cls.fleet.start_servers("mariadb")
        cls.fleet.start_controller("ping_interval: 1s\ndead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.make_user("polly", "policy_admin")
        cls.fleet.make_user("dora", "approver", "auditor")
        cls.fleet.make_user("cy", "approver")
        cls.fleet.enrol("mariadb", "production")
        cls.fleet.start_agent("mariadb")
        cls.fleet.wait_healthy("mariadb")
        # There are approvers already, so giving up the backup needs one.
        cls.through_quorum(ENVIRONMENT % 1, "bob")

    @classmethod
    def apply(cls, text, *more, expect=None):
        return cls.fleet.cli("polly", "apply", "-f", "-", *more, stdin=text, expect=expect)

    @classmethod
    def propose(cls, text):
        return cls.apply(text, "-o", "json", expect=PENDING).json()["proposal"]

    @classmethod
    def decide(cls, who, verb, proposal, *more, expect=0):
        arguments = ["--digest", proposal["digest"]] if verb == "approve" else []
        return cls.fleet.cli(who, "proposal", verb, proposal["name"], *arguments, *more, "-o", "json",
                             expect=expect)

    @classmethod
    def through_quorum(cls, text, *approvers):
        proposal = cls.propose(text)
        for who in approvers:
            last = cls.decide(who, "approve", proposal, "--reason", "e2e").json()
        assert last["state"] == "STATE_APPLIED", last

    def approvals(self):
        return self.fleet.cli("eve", "get", "environment/production", "-o", "yaml", expect=0).out

    def change(self, version):
        folder = self.fleet.migration(version, f"note_{version}",
                                      f"ALTER TABLE orders ADD COLUMN note_{version} TEXT;",
                                      f"ALTER TABLE orders DROP COLUMN note_{version};")
        job = self.fleet.submit(folder)
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        return job

    def approve(self, job, who, expect=0):
        digest = self.fleet.job(job)["digest"]
        return self.fleet.cli(who, "change", "approve", job, "--digest", digest, "--reason", "e2e",
                              expect=expect)

    def actions(self):
        return [record["action"] for record in self.fleet.audit()]

    def test_a_quorum_is_not_lowered_alone(self):
        result = self.apply(ENVIRONMENT % 0, expect=PENDING)
        self.assert_says(result, r"-    destructive_approvals: 1", r"Missing: .*0 of 1 approval",
                         r"users/bob", r"dbfleet proposal approve")
        self.assertIn("destructive_approvals: 1", self.approvals())
        proposal = self.propose(ENVIRONMENT % 0)
        self.assertIn(proposal["name"].split("/")[1], result.out, "the same again is the same")
        refused = self.fleet.cli("polly", "proposal", "approve", proposal["name"], "--digest",
                                 proposal["digest"])
        self.assertEqual(refused.code, NOT_AUTHORISED, refused)
        listed = self.fleet.cli("eve", "proposal", "list", expect=0).out
        self.assertIn("environments/production", listed)
        rejected = self.decide("bob", "reject", proposal, "--reason", "no").json()
        self.assertEqual(rejected["state"], "STATE_REJECTED")
        self.assertEqual(self.decide("cy", "approve", proposal, expect=None).code == 0, False)
        self.assertIn("destructive_approvals: 1", self.approvals())
        self.assertNotIn(proposal["name"].split("/")[1],
                         self.fleet.cli("eve", "proposal", "list", expect=0).out)
        for action in ("proposal.create", "proposal.reject"):
            self.assertIn(action, self.actions())

    def test_a_freeze_is_at_once_and_its_end_is_not(self):
        self.fleet.cli("polly", "window", "add", "incident", "--freeze", "--for", "10m", expect=0)
        deleted = self.fleet.cli("polly", "delete", "maintenancewindow/incident", "-o", "json",
                                 expect=PENDING).json()["proposal"]
        job = self.change("0201")
        self.approve(job, "bob")
        wait_until("the freeze holds", lambda: "freeze incident" in self.fleet.cli(
            "ada", "job", "explain", job, expect=0).out)
        self.decide("cy", "approve", deleted)
        self.fleet.wait_job(job, "SUCCEEDED")

    def test_every_requirement_and_second_thoughts(self):
        self.apply(AUDITOR, expect=0)  # It only tightens.
        job = self.change("0203")
        self.approve(job, "bob")
        explained = self.fleet.cli("ada", "job", "explain", job, expect=0).out
        self.assertIn("approvalpolicies/audited", explained)
        candidates = self.fleet.job(job)["candidates"]
        self.assertIn("users/dora", candidates)
        self.assertNotIn("users/bob", candidates, "his approval counts already")
        self.assertNotIn("users/ada", candidates, "who asked for it")
        self.assertIn(f"Who can approve: {', '.join(candidates)}\n", explained)
        self.assertIn("auditor", explained)
        digest = self.fleet.job(job)["digest"]
        silent = self.fleet.cli("dora", "change", "approve", job, "--digest", digest)
        self.assertNotEqual(silent.code, 0)
        self.assert_says(silent, "reason")
        self.assert_says(self.approve(job, "bob"), r"already approved by you, users/bob, at .*nothing changed")
        nothing = self.fleet.cli("cy", "change", "revoke", job)
        self.assertNotEqual(nothing.code, 0)
        self.assert_says(nothing, r"no approval of users/cy", r"dbfleet change get")
        self.fleet.cli("bob", "change", "revoke", job, "--reason", "wait", expect=0)
        self.approve(job, "dora")
        self.fleet.wait_job(job, "SUCCEEDED")
        late = self.fleet.cli("dora", "change", "revoke", job)
        self.assertNotEqual(late.code, 0)
        self.lift_auditor()

    def lift_auditor(self):
        proposal = self.fleet.cli("polly", "delete", "approvalpolicy/audited", "-o", "json",
                                  expect=PENDING).json()["proposal"]
        half = self.decide("bob", "approve", proposal, "--reason", "x").json()
        self.assertEqual(half["state"], "STATE_PENDING")
        whole = self.decide("dora", "approve", proposal, "--reason", "x").json()
        self.assertEqual(whole["state"], "STATE_APPLIED")

    def test_an_approval_ends_with_its_token(self):
        self.apply(AUDITOR, expect=0)
        self.fleet.make_user("tess", "approver")
        job = self.change("0202")
        self.approve(job, "tess")
        self.assertNotIn("0 of 1 approval", self.missing(job), "tess is enough for this one")
        token = self.fleet.cli("admin", "token", "list", "--user", "tess", "-o", "json",
                               expect=0).json()[0]["name"]
        revoked = self.fleet.cli("admin", "token", "revoke", token, expect=0)
        self.assert_says(revoked, rf"count no more: jobs/{job}")
        self.assertIn("0 of 1 approval", self.missing(job))
        self.approve(job, "dora")
        self.fleet.wait_job(job, "SUCCEEDED")
        grants = [r["details"] for r in self.fleet.audit() if r["action"] == "attempt.grant"
                  and r["resource"] == f"jobs/{job}" and r["details"]["purpose"] == "execute"]
        self.assertEqual([grant["approved_by"] for grant in grants], ["users/dora"])
        self.lift_auditor()

    def missing(self, job):
        """The rule and words of what keeps the job from its next step."""
        return self.fleet.cli("ada", "job", "explain", job, expect=0).out

    def test_the_glass_is_broken_by_name_and_reviewed_by_somebody_else(self):
        job = self.change("0204")
        waive = ["change", "break-glass", job, "--waive", "approvals", "--for", "10m", "--reason",
                 "incident 812"]
        nobody = self.fleet.cli("ada", *waive)
        self.assertEqual(nobody.code, NOT_AUTHORISED, nobody)
        self.through_quorum(GLASS, "bob")
        longer = self.fleet.cli("ada", "change", "break-glass", job, "--waive", "approvals", "--for",
                                "2h", "--reason", "x")
        self.assertEqual(longer.code, NOT_AUTHORISED, longer)
        other = self.fleet.cli("ada", "change", "break-glass", job, "--waive", "verified-backup",
                               "--for", "1m", "--reason", "x")
        self.assertNotEqual(other.code, 0)
        self.fleet.cli("ada", *waive, expect=0)
        self.fleet.wait_job(job, "SUCCEEDED")
        metrics = self.fleet.http("/metrics")[1]
        self.assertIn("dbfleet_break_glass_open_reviews 1", metrics)
        self.assertIn("incident 812", self.fleet.cli("eve", "change", "reviews", expect=0).out)
        self.assert_says(self.fleet.cli("eve", "change", "get", job, expect=0), r"Broken glass",
                         r"users/ada waived approvals .*incident 812", r"not reviewed",
                         r"dbfleet change review \S+ --reason REASON")
        self.fleet.cli("bob", "change", "review", job, "--reason", "was right", expect=0)
        episodes = self.fleet.cli("eve", "change", "get", job, "-o", "json",
                                  expect=0).json()["brokenGlass"]["episodes"]
        self.assertEqual([(e["principal"], e["reviewer"]) for e in episodes],
                         [("users/ada", "users/bob")])
        self.assertNotIn("incident 812", self.fleet.cli("eve", "change", "reviews", expect=0).out)
        actions = self.actions()
        for action in ("change.break_glass", "change.break_glass_refused",
                       "change.review_break_glass"):
            self.assertIn(action, actions)
        broken = actions.index("change.break_glass")
        self.assertGreaterEqual(broken, 0)


if __name__ == "__main__":
    fleet.main()
