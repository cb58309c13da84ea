"""Roles per environment and limited tokens on a real fleet: who sees, does and approves what where."""
import json
import os
import subprocess

import fleet
from fleet import PATIENCE, Fleet, FleetTest, wait_until

USAGE, NOT_AUTHORISED, PENDING = 2, 4, 8

BINDING = """apiVersion: dbfleet/v1
kind: RoleBinding
metadata: {{name: {name}}}
spec: {{subjects: [{subjects}], role: {role}, environments: [{environments}]}}
"""


class RolesTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("roles")
        cls.fleet.start_servers("mariadb", "redis")
        cls.fleet.start_controller("ping_interval: 1s\ndead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.make_user("polly", "policy_admin")
        # Nobody whose account boss made approves what boss proposes; bob's is from another admin.
        cls.fleet.make_user("boss", "admin")
        for name in ("dora", "carl"):
            cls.fleet.make_user(name)  # Without a role.
        for name, environment in (("mariadb", "production"), ("redis", "qa")):
            cls.fleet.enrol(name, environment)
            cls.fleet.start_agent(name)
            cls.fleet.wait_healthy(name)
        cls.bind("qa-operators", "dora", "operator", "qa")

    @classmethod
    def bind(cls, name, subjects, role, environments, context="admin", expect=0):
        text = BINDING.format(name=name, subjects=subjects, role=role, environments=environments)
        return cls.fleet.cli(context, "apply", "-f", "-", stdin=text, expect=expect)

    def unbind(self, name):
        self.fleet.cli("admin", "delete", f"rolebinding/{name}", expect=0)

    def agreed(self, who, *arguments, **more):
        """What loosens a policy, or decides who approves, is agreed to by the quorum."""
        proposal = self.fleet.cli(who, *arguments, "-o", "json", expect=PENDING, **more).json()["proposal"]
        done = self.fleet.cli("bob", "proposal", "approve", proposal["name"], "--digest",
                              proposal["digest"], "--reason", "e2e", "-o", "json", expect=0).json()
        self.assertEqual(done["state"], "STATE_APPLIED", done)

    def bind_agreed(self, name, subjects, role, environments):
        text = BINDING.format(name=name, subjects=subjects, role=role, environments=environments)
        self.agreed("boss", "apply", "-f", "-", stdin=text)

    def denied(self, result, *words):
        self.assertEqual(result.code, NOT_AUTHORISED, result)
        self.assert_says(result, *words)

    def token(self, user, name, *limits):
        """Makes a token with these limits and logs in with it as `name`."""
        file = self.fleet.state / "secrets" / f"token-{name}"
        made = self.fleet.cli("admin", "token", "create", "--user", user, "--out", file, *limits,
                              "-o", "json", expect=0).json()
        self.fleet.login(name, file)
        return made["token"]["name"]

    def change(self, version):
        folder = self.fleet.migration(version, f"note_{version}",
                                      f"ALTER TABLE orders ADD COLUMN note_{version} TEXT;",
                                      f"ALTER TABLE orders DROP COLUMN note_{version};")
        return self.fleet.submit(folder, environment="production")

    def test_a_role_counts_in_its_environment_and_nowhere_else(self):
        self.fleet.cli("dora", "instance", "check", "redis", expect=0)
        refused = self.fleet.cli("dora", "instance", "check", "mariadb")
        self.denied(refused, "there is no instances/mariadb, or", "counts in: qa")
        missing = self.fleet.cli("dora", "instance", "check", "nothing")
        self.denied(missing)
        self.assertEqual(missing.err.replace("nothing", "mariadb"), refused.err)
        for noun, seen, hidden in (("instance", "redis", "mariadb"), ("agent", "redis", "mariadb"),
                                   ("environment", "qa", "production")):
            names = self.fleet.cli("dora", noun, "list", "-o", "name", expect=0).out
            self.assertIn(seen, names)
            self.assertNotIn(hidden, names)
        self.fleet.cli("admin", "instance", "list", "-e", "production", expect=0)
        self.denied(self.fleet.cli("dora", "instance", "list", "-e", "production"))
        self.denied(self.fleet.cli("carl", "instance", "list"), "needs the role viewer")
        denials = [r for r in self.fleet.audit() if r["actor"] == "users/dora"
                   and r["action"] == "access.denied"]
        checks = [r for r in denials if "CheckInstance" in json.dumps(r)]
        self.assertIn("production", [r["environment"] for r in checks], denials)
        shown = self.fleet.cli("admin", "user", "get", "dora", expect=0).out
        self.assertIn("operator@qa", shown)

    def test_an_approver_of_qa_approves_nothing_in_production(self):
        self.bind("approvers", "carl", "approver", "qa")
        job = self.change("0201")
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        digest = self.fleet.job(job)["digest"]
        approve = ("change", "approve", job, "--digest", digest)
        self.denied(self.fleet.cli("carl", *approve), "there is no jobs/")
        self.bind_agreed("approvers", "carl", "approver", "production")
        # Nothing starts before the approval is looked at once more.
        self.fleet.cli("polly", "window", "add", "stop", "--freeze", "--for", "20m", expect=0)
        self.fleet.cli("carl", *approve, expect=0)
        self.fleet.wait_job(job, "READY")
        self.agreed("boss", "delete", "rolebinding/approvers")
        self.agreed("polly", "delete", "maintenancewindow/stop")
        wait_until("the approval counts no more", lambda: "is no approver any more" in
                   self.fleet.cli("ada", "job", "explain", job, expect=0).out)
        self.assertNotEqual(self.fleet.job(job)["state"], "STATE_SUCCEEDED")
        self.bind_agreed("approvers", "carl", "approver", "production")
        self.fleet.wait_job(job, "SUCCEEDED")
        self.agreed("boss", "delete", "rolebinding/approvers")

    def test_hands_that_are_to_be_separate_stay_so(self):
        both = self.bind("b", "carl", "admin", "qa", expect=None)
        self.assertEqual(both.code, 0, both)
        conflict = self.bind("c", "carl", "approver", "production", expect=None)
        self.assertEqual(conflict.code, USAGE, conflict)
        self.assert_says(conflict, "does not approve")
        self.unbind("b")
        robot = self.fleet.cli("admin", "user", "create", "robot", "--service", "--role", "approver")
        self.assertEqual(robot.code, USAGE, robot)
        self.fleet.cli("admin", "user", "create", "robot", "--service", expect=0)
        refused = self.bind("d", "robot", "approver", "production", expect=None)
        self.assertEqual(refused.code, USAGE, refused)
        self.denied(self.bind("e", "dora", "viewer", "production", context="polly", expect=None),
                    "role admin")

    def test_a_limited_token_may_less_than_its_user(self):
        name = self.token("ada", "ada-qa", "-e", "qa", "--role", "viewer", "--ttl", "30d",
                          "--source", "127.0.0.0/8")
        self.fleet.cli("ada-qa", "instance", "get", "redis", expect=0)
        self.denied(self.fleet.cli("ada-qa", "instance", "get", "mariadb"), "TOKEN_SCOPE|limited to")
        self.denied(self.fleet.cli("ada-qa", "instance", "check", "redis"), "limited to")
        self.assertNotIn("mariadb",
                         self.fleet.cli("ada-qa", "instance", "list", "-o", "name", expect=0).out)
        listed = self.fleet.cli("ada", "token", "list", expect=0).out
        self.assertRegex(listed, r"qa read from 127\.0\.0\.0/8")
        self.assert_says(self.fleet.cli("ada-qa", "whoami", expect=0), r"TOKEN EXPIRES +20\S+Z\n",
                         r"TOKEN LIMITS +qa read from 127\.0\.0\.0/8\n")
        token = self.fleet.cli("ada-qa", "whoami", "-o", "json", expect=0).json()["token"]
        self.assertEqual((token["name"], token["scope"]["environments"], token["scope"]["sources"]),
                         (name, ["qa"], ["127.0.0.0/8"]))
        self.assert_says(self.fleet.cli("ada", "whoami", expect=0), r"TOKEN LIMITS +none\n")
        self.denied(self.fleet.cli("ada-qa", "token", "create", "--ttl", "1h"), "limited likewise")
        # A vote would count beyond the token's environment.
        self.token("bob", "bob-qa", "-e", "qa")
        self.fleet.cli("polly", "window", "add", "hold", "--freeze", "--for", "20m", expect=0)
        proposal = self.fleet.cli("polly", "delete", "maintenancewindow/hold", "-o", "json",
                                  expect=PENDING).json()["proposal"]
        for decide in (("approve", "--digest", proposal["digest"]), ("reject",)):
            self.denied(self.fleet.cli("bob-qa", "proposal", decide[0], proposal["name"], *decide[1:],
                                       "--reason", "x"), "its word would count in other environments")
        self.fleet.cli("bob", "proposal", "approve", proposal["name"], "--digest", proposal["digest"],
                       expect=0)
        far = self.fleet.state / "secrets" / "token-ada-far"
        self.fleet.cli("ada", "token", "create", "--source", "10.0.0.0/8", "--out", far, expect=0)
        self.denied(self.fleet.cli("ada", "instance", "list", env={"DBFLEET_TOKEN_FILE": str(far)}),
                    r"only from 10\.0\.0\.0/8")
        bad = self.fleet.cli("ada", "token", "create", "--source", "10.0.0.1/8")
        self.assertEqual(bad.code, USAGE, bad)
        self.fleet.cli("ada", "token", "revoke", name, expect=0)
        self.denied(self.fleet.cli("ada-qa", "instance", "list"), "was revoked")
        created = [r for r in self.fleet.audit() if r["action"] == "token.create"
                   and r["resource"] == name]
        self.assertEqual(created[0]["details"]["scope"],
                         "environments qa; verbs read; sources 127.0.0.0/8")

    def test_a_stream_ends_with_its_token(self):
        name = self.token("ada", "ada-stream")
        job = self.change("0202")
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        follower = subprocess.Popen(
            [self.fleet.bin / "dbfleet", "--context", "ada-stream", "job", "logs", "-f", job],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.fleet.state),
                 "DBFLEET_CONFIG": str(self.fleet.state / "cli.json")})
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                follower.wait(timeout=2)
            self.fleet.cli("ada", "token", "revoke", name, expect=0)
            output, _ = follower.communicate(timeout=PATIENCE)
        finally:
            follower.kill()
        self.assertEqual(follower.returncode, NOT_AUTHORISED, output)
        self.assertIn("was revoked", output)
        self.fleet.cli("ada", "change", "cancel", job, expect=0)


if __name__ == "__main__":
    fleet.main()
