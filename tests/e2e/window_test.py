"""Declared resources on a real fleet: a policy that demands windows, what waits for them, freezes."""
import json
import time

import fleet
from fleet import FleetTest, wait_until

FAILED, USAGE, NOT_AUTHORISED = 1, 2, 4

POLICY = """apiVersion: dbfleet/v1
kind: Environment
metadata: {name: development}
spec:
  policy: {window_for: all, verified_backup_max_age: 0s}
"""


class WindowTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.make_small_fleet("win")
        cls.apply(POLICY, expect=0)

    @classmethod
    def apply(cls, text, *more, context="polly", expect=None):
        return cls.fleet.cli(context, "apply", "-f", "-", *more, stdin=text, expect=expect)

    def change(self, version):
        folder = self.fleet.migration(version, f"note_{version}",
                                      f"ALTER TABLE orders ADD COLUMN note_{version} TEXT;",
                                      f"ALTER TABLE orders DROP COLUMN note_{version};")
        return self.fleet.submit(folder, environment="development")

    def window(self, *arguments):
        return self.fleet.cli("polly", "window", *arguments, expect=0)

    def explained(self, job):
        return self.fleet.cli("ada", "job", "explain", job, expect=0).out

    def waits(self, job, rule):
        self.fleet.wait_job(job, "READY")
        wait_until(f"{job} waits for {rule}", lambda: rule in self.explained(job))
        return self.explained(job)

    def test_what_is_declared_is_shown_and_can_be_applied_again(self):
        shown = self.fleet.cli("eve", "get", "environment/development", "-o", "yaml", expect=0).out
        self.assertIn("window_for: all", shown)
        same = self.apply(shown, expect=0)
        self.assertEqual(same.out, "environments/development unchanged\n")
        self.assertEqual(self.fleet.cli("polly", "diff", "-f", "-", stdin=shown).code, 0)
        other = shown.replace("window_for: all", "window_for: none")
        diff = self.fleet.cli("polly", "diff", "-f", "-", stdin=other)
        self.assertEqual(diff.code, FAILED)
        self.assertIn("-    window_for: all\n", diff.out)
        self.assertIn("window_for: all", self.fleet.cli("eve", "get", "environment/development", "-o",
                                                        "yaml", expect=0).out)

    def test_only_a_policy_admin_declares_and_the_denial_is_audited(self):
        refused = self.apply(POLICY.replace("all", "none"), context="ada")
        self.assertEqual(refused.code, NOT_AUTHORISED, refused)
        self.assert_says(refused, "policy_admin")
        denials = [r for r in self.fleet.audit() if r["actor"] == "users/ada"
                   and r["action"] == "access.denied"]
        self.assertTrue(any("ApplyResources" in json.dumps(r) for r in denials), denials)
        # The same by the filters of the listing, and nothing else.
        listed = self.fleet.cli("eve", "audit", "list", "--outcome", "denied", "--actor", "ada",
                                "--limit", "0", "-o", "json", expect=0).json()
        self.assertEqual(sorted(r["seq"] for r in listed), sorted(str(r["seq"]) for r in denials))
        applied = self.fleet.cli("eve", "audit", "list", "--action", "resource.", "-o", "json", expect=0)
        self.assertTrue(all(r["action"].startswith("resource.") for r in applied.json()))
        self.assertTrue(applied.json())

    def test_bad_manifests_are_told_with_their_places(self):
        bad = POLICY.replace("window_for: all", "window_fro: all") + "---\n" + POLICY.replace(
            "Environment", "Enviroment")
        result = self.apply(bad)
        self.assertEqual(result.code, USAGE, result)
        self.assert_says(result, r"stdin:5:\d+: .*window_fro.*window_for", r"stdin:8:7: .*Environment")

    def test_a_change_waits_for_the_window_and_starts_by_itself(self):
        job = self.change("0101")
        why = self.waits(job, "window")
        self.assertIn("dbfleet window add", why)
        self.window("add", "now", "-e", "development", "--for", "10m", "--reason", "e2e")
        self.fleet.wait_job(job, "SUCCEEDED")
        grants = [r for r in self.fleet.audit() if r["action"] == "attempt.grant"
                  and r["resource"] == f"jobs/{job}" and r["details"].get("purpose") == "execute"]
        self.assertEqual([r["details"].get("window") for r in grants], ["now"])

        # The freeze wins over the window, also for what was asked for meanwhile.
        self.window("add", "incident", "-e", "development", "--freeze", "--for", "10m")
        frozen = self.change("0102")
        held = self.waits(frozen, "freeze")
        self.assertIn("the freeze incident covers", held)
        self.assertIn("(to end it before: dbfleet window end incident)", held)
        listed = self.fleet.cli("eve", "window", "next", "-e", "development", expect=0).out
        self.assertRegex(listed, r"incident\s+freeze")
        self.assertRegex(listed, r"now\s+window")
        self.fleet.cli("polly", "delete", "maintenancewindow/incident", "--reason", "over", expect=0)
        self.fleet.wait_job(frozen, "SUCCEEDED")

        # What was declared outlives the controller.
        self.window("add", "stop", "-e", "development", "--freeze", "--for", "10m")
        self.fleet.stop("controller")
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")
        waiting = self.change("0103")
        self.waits(waiting, "freeze")
        self.fleet.cli("polly", "delete", "maintenancewindow/stop", expect=0)
        self.fleet.wait_job(waiting, "SUCCEEDED")
        self.fleet.cli("polly", "delete", "maintenancewindow/now", expect=0)

    def test_a_person_holds_back_what_waits(self):
        job = self.change("0105")
        self.waits(job, "window")
        self.fleet.cli("ada", "job", "pause", job, "--reason", "the shop is busy", expect=0)
        self.assertIn("paused: by users/ada: the shop is busy", self.explained(job))
        self.assertIn("ready (paused)", self.fleet.cli("eve", "change", "get", job, expect=0).out)
        self.window("add", "held", "-e", "development", "--for", "10m")
        time.sleep(5)
        self.fleet.wait_job(job, "READY")
        self.fleet.cli("ada", "job", "resume", job, expect=0)
        self.fleet.wait_job(job, "SUCCEEDED")
        back = self.fleet.cli("ada", "change", "rollback", job, "--approve-destructive", "-o", "json",
                              expect=0).json()["name"]
        self.fleet.wait_job(back.split("/")[1], "SUCCEEDED")
        self.assert_says(self.fleet.cli("eve", "change", "get", job, expect=0),
                         rf"Taken back +by {back}")
        self.assert_says(self.fleet.cli("eve", "change", "get", back, expect=0),
                         rf"Takes back +jobs/{job} \(it is a rollback\)")
        self.fleet.cli("polly", "delete", "maintenancewindow/held", expect=0)

    def test_an_override_opens_a_window_once(self):
        self.fleet.cli("polly", "apply", "-f", "-", expect=0, stdin=(
            "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: new-year}\nspec:\n"
            "  selector: {environments: [development]}\n  overrun: pause\n"
            "  recurring: {cron: '0 3 1 1 *', duration: 2h}\n"))
        job = self.change("0104")
        self.waits(job, "window")
        self.window("override", "new-year", "--for", "10m", "--reason", "cannot wait")
        self.fleet.wait_job(job, "SUCCEEDED")
        grants = [r["details"].get("window", "") for r in self.fleet.audit()
                  if r["action"] == "attempt.grant" and r["resource"] == f"jobs/{job}"
                  and r["details"].get("purpose") == "execute"]
        self.assertEqual([name[:19] for name in grants], ["new-year-override-2"])
        for name in (grants[0], "new-year"):
            self.fleet.cli("polly", "delete", f"maintenancewindow/{name}", expect=0)


if __name__ == "__main__":
    fleet.main()
