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


# One or more of each kind, with what YAML makes of odd texts and with what is filled in where it is left out.
EVERY_KIND = r"""
apiVersion: dbfleet/v1
kind: Environment
metadata: {name: lab}
spec:
  policy: {destructive_approvals: 2, approval_ttl: 90m, verified_backup_max_age: 36h, promotion: {from: qa, within: 336h}}
---
apiVersion: dbfleet/v1
kind: ApprovalPolicy
metadata: {name: tier-1}
spec:
  selector: {environments: [lab, qa], labels: {tier: "1", "on": "yes"}}
  applies_to: {findings: warning, kinds: [rollback, change]}
  requirements:
    - {name: "dba: the first", roles: [policy_admin], count: 2}
    - {name: "#owner", users: [bob, ada, nobody-yet]}
  distinct: false
---
apiVersion: dbfleet/v1
kind: BreakGlassPolicy
metadata: {name: on-call}
spec: {environments: [lab], users: [ada, nobody-yet], roles: [approver], waives: [window, freeze], max_duration: 90m}
---
apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata: {name: once}
spec:
  effect: deny
  selector: {environments: [lab], labels: {"null": "~"}}
  once: {begin: "2031-03-01T01:30:00+01:00", end: "2031-03-01T04:00:00Z"}
  overrun: finish
---
apiVersion: dbfleet/v1
kind: MaintenanceWindow
metadata: {name: weekly}
spec:
  selector: {environments: [lab]}
  overrun: cancel
  recurring: {cron: "@weekly", time_zone: America/St_Johns, duration: 25h}
---
apiVersion: dbfleet/v1
kind: Schedule
metadata: {name: report}
spec:
  environment: lab
  targets: {engines: [mysql], labels: {tier: "0x10"}}
  cron: "*/15 1-5 * JAN-MAR,12 mon#2"
  time_zone: Europe/Berlin
  jitter: 30s
  overlap: cancel_running
  missed: backfill
  backfill_most: 7
  start_within: 90m
  suspended: true
  job: {inspect: {statement: "SELECT 'it''s', \"a: b # c\"\nFROM orders -- end\n", database: shop}}
---
apiVersion: dbfleet/v1
kind: Schedule
metadata: {name: queued}
spec: {environment: lab, cron: "@daily", suspended: true, job: {backup: {databases: [shop]}, queue: {window: weekly, priority: 60, estimate: 1h30m}}}
---
apiVersion: dbfleet/v1
kind: NotificationRoute
metadata: {name: hook}
spec:
  triggers: [failed, needs-person]
  selector: {environments: [lab], labels: {team: "ü ☃"}}
  webhook: {url: "https://hooks.example.com/x?a=1&b=%20#c", signing_secret: key}
  template: {title: "{{summary}}: \"quoted\" | > - ?", body: "  {{error}}\n\n\ttab\n"}
---
apiVersion: dbfleet/v1
kind: NotificationRoute
metadata: {name: quiet}
spec:
  follows: [windows]
  disabled: true
  silences: {url: "https://alerts.example.com", matchers: ['instance=~"{{instance}}(:[0-9]+)?"', 'severity!="page"']}
---
apiVersion: dbfleet/v1
kind: EventRule
metadata: {name: again}
spec:
  on: {triggers: [check-failed], observations: [unreachable, disk_used_ratio]}
  selector: {environments: [lab]}
  after: {count: 3, within: 10m}
  propose: {job: {check: {}}, expires_after: 1h}
  limits: {cooldown: 90s, max_per_day: 4}
  suspended: true
"""

BINDING = """apiVersion: dbfleet/v1
kind: RoleBinding
metadata: {name: helpers}
spec: {role: operator, subjects: [users/bob, ada], environments: [lab, qa]}
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

    def test_every_kind_as_it_is_shown_is_as_it_is_declared(self):
        told = self.apply(EVERY_KIND, expect=0)
        self.assert_says(told, r'requirements\[1\].users\[2\]: there is no user "nobody-yet"',
                         r'spec.users\[1\]: there is no user "nobody-yet"')
        self.apply(BINDING, context="admin", expect=0)
        # Environments of the controller's configuration would be taken over by that.
        for what in ("environment/lab", "approvalpolicy", "breakglasspolicy", "maintenancewindow", "schedule",
                     "notificationroute", "eventrule", "rolebinding"):
            who = "admin" if what == "rolebinding" else "polly"
            shown = self.fleet.cli(who, "get", what, "-o", "yaml", expect=0).out
            diff = self.fleet.cli(who, "diff", "-f", "-", stdin=shown, expect=0)
            self.assertEqual({line.split()[1] for line in diff.out.splitlines()}, {"unchanged"}, f"{diff}\n{shown}")

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

    def test_a_freeze_reaches_what_waits_for_a_busy_agent(self):
        self.fleet.sql("CREATE TABLE IF NOT EXISTS client_1001.blocked (id INT)")
        job = self.change("0104")
        self.waits(job, "window")
        session = self.fleet.sql_session()
        session.execute("LOCK TABLES client_1001.blocked WRITE")
        # As many as the agent has workers.
        inspections = [self.fleet.cli("ada", "instance", "inspect", "mariadb",
                                      "SELECT COUNT(*) FROM client_1001.blocked", "--no-wait",
                                      "--statement-timeout", "5m", "-o", "name",
                                      expect=0).out.strip().rsplit("/", 1)[-1] for _ in range(4)]
        for inspection in inspections:
            self.fleet.wait_job(inspection, "ROLLING")
        self.window("add", "queue", "-e", "development", "--for", "10m", "--reason", "e2e")
        self.fleet.wait_job(job, "ROLLING")
        self.assertIn("agent-busy: ", self.explained(job))
        self.window("add", "halt", "-e", "development", "--freeze", "--for", "10m")
        time.sleep(6)
        session.execute("UNLOCK TABLES")
        session.close()
        wait_until("the change is held by the freeze", lambda: "freeze" in self.explained(job))
        for inspection in inspections:
            self.fleet.wait_job(inspection, "SUCCEEDED")
        self.assertEqual(self.fleet.sql(
            "SELECT COUNT(*) FROM information_schema.columns WHERE column_name = 'note_0104'"), [["0"]])
        ends = [r["details"].get("reason") for r in self.fleet.audit()
                if r["action"] == "attempt.end" and r["resource"] == f"jobs/{job}"
                and r["details"].get("purpose") == "execute"]
        self.assertEqual(ends, ["START_TOO_LATE"])
        self.fleet.cli("polly", "delete", "maintenancewindow/halt", "--reason", "over", expect=0)
        self.fleet.wait_job(job, "SUCCEEDED")
        self.fleet.cli("polly", "delete", "maintenancewindow/queue", expect=0)

    def test_an_override_opens_a_window_once(self):
        self.fleet.cli("polly", "apply", "-f", "-", expect=0, stdin=(
            "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: new-year}\nspec:\n"
            "  selector: {environments: [development]}\n  overrun: pause\n"
            "  recurring: {cron: '0 3 1 1 *', duration: 2h}\n"))
        job = self.change("0107")
        self.waits(job, "window")
        self.window("override", "new-year", "--for", "10m", "--reason", "cannot wait")
        self.fleet.wait_job(job, "SUCCEEDED")
        grants = [r["details"].get("window", "") for r in self.fleet.audit()
                  if r["action"] == "attempt.grant" and r["resource"] == f"jobs/{job}"
                  and r["details"].get("purpose") == "execute"]
        self.assertEqual([name[:19] for name in grants], ["new-year-override-2"])
        for name in (grants[0], "new-year"):
            self.fleet.cli("polly", "delete", f"maintenancewindow/{name}", expect=0)

    def slow_change(self, version, statements=5):
        slow = "".join(f"CREATE TABLE slow_{version}_{i} AS SELECT SLEEP(3) AS s;\n" for i in range(statements))
        undo = "".join(f"DROP TABLE slow_{version}_{i};\n" for i in reversed(range(statements)))
        folder = self.fleet.migration(version, f"slow_{version}", slow, undo)
        return self.fleet.submit(folder, environment="development")

    def declare_cancelling(self, seconds):
        now = time.time()
        moments = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (now - 60, now + seconds)]
        self.apply("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: tight}\nspec:\n"
                   "  selector: {environments: [development]}\n  overrun: cancel\n"
                   f"  once: {{begin: '{moments[0]}', end: '{moments[1]}'}}\n", expect=0)

    def test_what_runs_goes_by_the_end_that_its_window_has_now(self):
        # Extended under it: the statements go on behind the first end.
        self.declare_cancelling(90)
        job = self.slow_change("0108")
        self.fleet.wait_job(job, "ROLLING")
        self.declare_cancelling(600)
        wait_until("the end has moved", lambda: any(
            r["action"] == "attempt.bound" and r["resource"] == f"jobs/{job}" for r in self.fleet.audit()))
        self.fleet.wait_job(job, "SUCCEEDED")

        # Ended sooner: its steps end, what was done is taken back, and nothing has failed.
        job = self.slow_change("0109", statements=20)
        self.fleet.wait_job(job, "ROLLING")
        self.declare_cancelling(20)
        self.fleet.wait_job(job, "ROLLED_BACK", "CANCELLED")
        shown = json.loads(self.fleet.cli("ada", "job", "get", job, "-o", "json", expect=0).out)
        self.assertIn("the window tight", json.dumps(shown))
        self.fleet.cli("polly", "delete", "maintenancewindow/tight", expect=0)


if __name__ == "__main__":
    fleet.main()
