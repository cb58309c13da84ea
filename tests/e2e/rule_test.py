"""Rules on a real fleet: a server that fails its checks leads to one proposed job, whatever is restarted in between."""
import fleet
from fleet import FleetTest, wait_until

FAILED, USAGE, NOT_AUTHORISED, CONFLICT = 1, 2, 4, 6


def short(name):
    return name.rpartition("/")[2]


def manifest(name, more="", propose="job: {check: {}}", on="triggers: [check-failed], observations: [unreachable]"):
    return (f"apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {{name: {name}}}\n"
            f"spec: {{on: {{{on}}}, selector: {{environments: [development]}}, {more + ', ' if more else ''}"
            f"propose: {{{propose}}}}}\n")


class RuleTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.make_small_fleet("rules", declarer=("policy_admin", "operator"))

    def proposals(self, *arguments):
        """Oldest first."""
        return self.fleet.cli("eve", "rule", "history", *arguments, "--limit", "0", "-o", "json",
                              expect=0).json()[::-1]

    def check(self):
        self.fleet.cli("ada", "instance", "check", "mariadb")

    def failed_checks(self):
        return [r for r in self.fleet.audit() if r["action"] == "check.failed"]

    def test_a_server_that_fails_its_checks_leads_to_one_job_that_runs_when_it_is_back(self):
        self.declare(manifest("look-again", "after: {count: 3, within: 10m}, limits: {cooldown: 30m}",
                              "job: {backup: {skip_verify: true}}, expires_after: 1h"))
        self.assertEqual(self.proposals("look-again"), [])
        self.fleet.stop("mariadb")
        for _ in range(2):
            self.check()
        wait_until("two failed checks", lambda: len(self.failed_checks()) == 2)
        self.assertEqual(self.failed_checks()[0]["details"]["observations"], "unreachable")
        self.assertEqual(self.proposals("look-again"), [])
        # What was counted outlives the controller.
        self.fleet.stop("controller")
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        self.check()
        wait_until("the proposal", lambda: len(self.proposals("look-again")) == 1)
        proposal = self.proposals("look-again")[0]
        self.assertEqual(proposal["state"], "STATE_PENDING")
        self.assertEqual(proposal["action"], "backup")
        self.assertIn("3 such events within 10m", proposal["cause"])
        seqs = [r["seq"] for r in self.failed_checks()]
        self.assertEqual(int(proposal["auditSeq"]), int(seqs[-1]))
        # Three more, and another restart: nothing more is proposed.
        for _ in range(3):
            self.check()
        self.fleet.stop("controller")
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        wait_until("what is kept back is told", lambda: any(
            r["action"] == "rule.suppressed" for r in self.fleet.audit()))
        self.assertEqual(len(self.proposals("look-again")), 1)
        whole = self.fleet.cli("ada", "rule", "proposal", short(proposal["name"]), expect=0)
        self.assertIn("skipVerify: true", whole.out)
        self.assertIn(f"dbfleet rule accept {short(proposal['name'])}", whole.err)
        # A person accepts it when the server is back.
        refused = self.fleet.cli("eve", "rule", "accept", short(proposal["name"]))
        self.assertEqual(refused.code, NOT_AUTHORISED, refused)
        self.fleet.start_servers("mariadb")
        self.fleet.wait_healthy("mariadb")
        accepted = self.fleet.cli("ada", "rule", "accept", short(proposal["name"]), "--reason",
                                  "it is back", "-o", "json", expect=0).json()
        job = short(accepted["job"])
        self.fleet.cli("ada", "job", "wait", job, expect=0)
        shown = self.fleet.cli("eve", "job", "get", job, expect=0).out
        self.assertIn("eventrules/look-again", shown)
        self.assertIn("3 such events within 10m", shown)
        explained = self.fleet.cli("eve", "job", "explain", job, expect=0).out
        self.assertIn("eventrules/look-again", explained)
        self.assertIn("3 such events within 10m", explained)
        # The job is over, and yet the cooldown holds.
        self.fleet.stop("mariadb")
        for _ in range(3):
            self.check()
        self.fleet.start_servers("mariadb")
        self.fleet.wait_healthy("mariadb")
        self.assertEqual(len(self.proposals("look-again")), 1)
        records = [r for r in self.fleet.audit() if r["action"].startswith("rule.")]
        actions = [r["action"] for r in records]
        self.assertEqual(actions.count("rule.proposed"), 1)
        self.assertEqual(actions.count("rule.accepted"), 1)
        self.assertEqual(len([j for j in self.fleet.cli("eve", "job", "list", "--limit", "0", "-o", "json",
                                                        expect=0).json()
                              if j["requester"] == "eventrules/look-again"]), 1)
        file = self.fleet.state / "rule.yaml"
        file.write_text(manifest("other", "after: {count: 3, within: 10m}"))
        tested = self.fleet.cli("eve", "rule", "test", file, "-o", "json", expect=0).json()
        self.assertGreaterEqual(len(tested["proposals"]), 1)
        self.fleet.cli("polly", "delete", "eventrule/look-again", expect=0)

    def test_bad_rules_are_told_with_their_places(self):
        bad = manifest("bad", on="triggers: [drift]", propose="job: {}, mode: perhaps")
        result = self.fleet.cli("polly", "apply", "-f", "-", stdin=bad)
        self.assertEqual(result.code, USAGE, result)
        self.assert_says(result, "there is no trigger", "spec.propose.mode", "spec.propose.job.*exactly one")
        refused = self.declare(manifest("mine", propose="job: {check: {}}, mode: run"), context="ada", expect=None)
        self.assertEqual(refused.code, NOT_AUTHORISED)


if __name__ == "__main__":
    fleet.main()
