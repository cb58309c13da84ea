"""Who is not let in, and what is not there: join tokens, certificates, API tokens, a controller or a
database that does not answer."""
import os
import signal
import time

import fleet
from fleet import Fleet, FleetTest, run, wait_until

FAILED, NOT_AUTHORISED, REFUSED, UNREACHABLE = 1, 4, 5, 7


class RefusalsTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("ref")
        cls.fleet.start_servers("redis")
        cls.fleet.start_controller("ping_interval: 1s\ndead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.enrol("redis", "development")
        cls.fleet.start_agent("redis")
        cls.fleet.wait_healthy("redis")

    # -- Join tokens ------------------------------------------------------------------------------

    def config(self, name, data=None):
        path = self.fleet.state / "etc" / f"agent-{name}.yaml"
        path.write_text(f"name: {name}\ncontroller: 127.0.0.1:{self.fleet.port('grpc')}\n"
                        f"data_dir: {self.fleet.state}/{data or name}\n"
                        f"backup_dir: {self.fleet.state}/backups\n")
        return path

    def token(self, name, *more):
        self.fleet.cli("admin", "agent", "token", "create", name, "-e", "qa", "--overwrite", "--out",
                       self.fleet.state / "secrets" / f"join-{name}", *more, expect=0)
        return self.fleet.state / "secrets" / f"join-{name}"

    def enroll(self, config, token):
        result = run([self.fleet.bin / "dbfleet-agent", "enroll", "--config", config,
                      "--token-file", token])
        self.assertNotIn(token.read_text().strip()[:40], result.text)
        return result

    def refused(self, config, token, *patterns):
        result = self.enroll(config, token)
        self.assertEqual(result.code, FAILED, result)
        self.assert_says(result, *patterns)

    def test_an_expired_join_token_is_refused(self):
        token, made = self.token("late", "--ttl", "1s"), time.monotonic()
        wait_until("the token's end", lambda: time.monotonic() - made > 1.2)
        self.refused(self.config("late"), token, "expired at 20", "make another")
        self.assertEqual(self.fleet.cli("admin", "agent", "get", "late").code, FAILED)

    def test_a_join_token_lets_in_one_agent_once(self):
        token = self.token("one")
        self.refused(self.config("two"), token, "another agent")
        first = self.enroll(self.config("one"), token)
        self.assertEqual(first.code, 0, first)
        serial = self.fleet.agent("one")["serial"]
        self.refused(self.config("one", data="one-again"), token, "used already")
        self.assertEqual(self.fleet.agent("one")["serial"], serial)
        self.assertEqual(self.fleet.cli("admin", "agent", "get", "two").code, FAILED)
        enrolled = [r for r in self.fleet.audit() if r["action"] == "agent.enroll"
                    and r["resource"] == "agents/one"]
        self.assertEqual(len(enrolled), 1)

    def test_a_join_token_with_a_foreign_ca_hash_is_not_sent_to_this_controller(self):
        token = self.token("pin")
        text = token.read_text().strip()
        forged = self.fleet.state / "secrets" / "join-forged"
        forged.touch(mode=0o600)
        forged.write_text(text[:-1] + ("0" if text[-1] != "0" else "1") + "\n")
        self.refused(self.config("pin"), forged, "CA|certificate authority|authority")
        # It was not used up.
        self.assertEqual(self.enroll(self.config("pin"), token).code, 0)

    def test_rubbish_for_a_join_token_is_refused_without_being_quoted(self):
        for index, text in enumerate(("dbfj_short", "x" * 134, "dbfj_" + "g" * 64 + "_" + "0" * 64)):
            token = self.fleet.state / "secrets" / f"join-rubbish{index}"
            token.touch(mode=0o600)
            token.write_text(text + "\n")
            self.refused(self.config("rubbish"), token, "not a join token")

    def test_a_join_token_file_that_others_can_read_is_refused(self):
        token = self.token("open")
        token.chmod(0o644)
        self.refused(self.config("open"), token, "0600")

    def test_a_token_lives_at_most_a_quarter_of_an_hour(self):
        self.assert_says(self.fleet.cli("admin", "agent", "token", "create", "x", "-e", "qa",
                                        "--ttl", "16m", expect=2), "15m")

    # -- Operators --------------------------------------------------------------------------------

    def login(self, *more, port=None, token=None):
        return self.fleet.cli(None, "login", "--server",
                              f"127.0.0.1:{port or self.fleet.port('grpc')}", "--token-file",
                              token or self.fleet.state / "secrets/token-ada", "--name", "other",
                              *more)

    def test_login_with_a_foreign_ca_is_refused_and_leaves_no_context(self):
        ca = self.fleet.state / "foreign.crt"
        made = run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.fleet.state / "foreign.key",
                    "-subj", "/CN=foreign", "-days", "2", "-out", ca])
        self.assertEqual(made.code, 0, made)
        result = self.login("--ca-file", ca)
        self.assertEqual(result.code, UNREACHABLE, result)
        self.assert_says(result, "handshake|certificate|verify|TLS")
        result = self.login("--ca-fingerprint", "0" * 64)
        self.assertEqual(result.code, NOT_AUTHORISED, result)
        self.assert_says(result, "CA")
        contexts = self.fleet.cli(None, "context", "list", "-o", "name", expect=0).out.split()
        self.assertNotIn("other", contexts)

    def test_wrong_revoked_and_disabled_tokens_are_refused_at_once(self):
        ca = self.fleet.state / "controller/ca/ca.crt"
        wrong = self.fleet.state / "secrets/token-wrong"
        wrong.touch(mode=0o600)
        for text in ("dbft_" + "0" * 64, "rubbish"):
            wrong.write_text(text + "\n")
            result = self.login("--ca-file", ca, token=wrong)
            self.assertEqual(result.code, NOT_AUTHORISED, result)
            self.assert_says(result, "token")
            self.assertNotIn(text, result.text)
        for name, command in (("rex", ["token", "revoke"]), ("dora", ["user", "disable"])):
            self.fleet.make_user(name, "viewer")
            self.fleet.cli(name, "instance", "list", expect=0)
            if name == "rex":
                token = self.fleet.cli("admin", "token", "list", "--user", name, "-o", "json",
                                       expect=0).json()[0]["name"]
                self.fleet.cli("admin", *command, token, expect=0)
            else:
                self.fleet.cli("admin", *command, name, "--reason", "left", expect=0)
            self.fleet.cli(name, "instance", "list", expect=NOT_AUTHORISED)

    def test_a_controller_that_does_not_answer_ends_with_7(self):
        ca = self.fleet.state / "controller/ca/ca.crt"
        result = self.login("--ca-file", ca, port=self.fleet.port("http") + 20001)
        self.assertEqual(result.code, UNREACHABLE, result)
        self.fleet.stop("controller")
        try:
            for command in (["instance", "list"], ["job", "wait", "01ABC"], ["whoami"]):
                result = self.fleet.cli("ada", *command, expect=UNREACHABLE)
                self.assert_says(result, "cannot be reached")
        finally:
            self.fleet.start_controller()
        self.fleet.wait_connected("redis")

    # -- Two of one -------------------------------------------------------------------------------

    def test_a_second_controller_and_a_second_agent_on_one_folder_do_not_start(self):
        config = self.fleet.state / "etc/second.yaml"
        config.write_text(f"data_dir: {self.fleet.state}/controller\nlisten: 127.0.0.1:0\n"
                          "http_listen: 127.0.0.1:0\n")
        result = run([self.fleet.bin / "dbfleet-controller", "run", "--config", config], timeout=60)
        self.assertEqual(result.code, FAILED, result)
        self.assert_says(result, "another controller|in use|lock")
        result = run([self.fleet.bin / "dbfleet-agent", "run", "--config",
                      self.fleet.state / "etc/agent-redis.yaml"], timeout=60)
        self.assertEqual(result.code, FAILED, result)
        self.assert_says(result, "another|in use|lock|listen")
        self.assertTrue(self.fleet.alive("controller") and self.fleet.alive("agent-redis"))
        self.assertEqual(self.fleet.agent("redis")["state"], "STATE_CONNECTED")

    # -- The database -----------------------------------------------------------------------------

    def test_a_database_that_does_not_answer_is_critical_and_its_jobs_fail_with_the_reason(self):
        self.fleet.stop("redis", signal.SIGTERM)
        try:
            wait_until("the health is critical",
                       lambda: self.fleet.health("redis") == "HEALTH_STATUS_CRITICAL")
            listed = self.fleet.cli("ada", "instance", "list", expect=0)
            self.assert_says(listed, "critical", "redis.*(connect|reach|socket|refused)")
            self.assert_says(self.fleet.cli("ada", "instance", "check", "redis", expect=0),
                             "critical")
            for command in (["instance", "inspect", "redis", "PING"],
                            ["backup", "run", "redis", "--wait"]):
                result = self.fleet.cli("ada", *command, expect=FAILED)
                self.assert_says(result, "failed", "connect|reach|socket|refused")
        finally:
            self.fleet.shell("write_agent_configs; start_redis")
        self.fleet.wait_healthy("redis")
        self.fleet.cli("ada", "backup", "run", "redis", "--wait", expect=0)

    def test_a_wrong_password_fails_the_job_and_is_said(self):
        for use, command, code in (("backup", ["backup", "run", "redis", "--wait"], FAILED),
                                   ("inspect", ["instance", "inspect", "redis", "PING"], FAILED)):
            path = self.fleet.state / "secrets" / f"redis-{use}"
            right = path.read_text()
            path.write_text("not-the-password-of-it\n")
            try:
                result = self.fleet.cli("ada", *command, expect=code)
                self.assert_says(result, "password|WRONGPASS|access denied|authenticat")
                if use == "inspect":
                    # The server answers; how it is, nobody can say.
                    wait_until("the health is not good any more",
                               lambda: self.fleet.health("redis") in (
                                   "HEALTH_STATUS_CRITICAL", "HEALTH_STATUS_UNKNOWN"))
                    self.assert_says(self.fleet.cli("ada", "instance", "list", expect=0),
                                     "redis.*(password|WRONGPASS|access denied|authenticat)")
            finally:
                path.write_text(right)
        self.fleet.wait_healthy("redis")

    def test_what_the_local_policy_forbids_is_declined(self):
        config = self.fleet.state / "etc/agent-redis.yaml"
        before = config.read_text()
        policy = self.fleet.state / "etc/policy.yaml"
        policy.write_text("forbid:\n  - backup\n")
        config.write_text(before + f"local_policy_file: {policy}\n")
        self.fleet.stop("agent-redis", signal.SIGTERM)
        self.fleet.start_agent("redis")
        result = self.fleet.cli("ada", "backup", "run", "redis", "--wait", expect=REFUSED)
        self.assert_says(result, "local policy", "ACTION_FORBIDDEN")
        config.write_text(before)
        self.fleet.stop("agent-redis", signal.SIGTERM)
        self.fleet.start_agent("redis")
        self.fleet.cli("ada", "backup", "run", "redis", "--wait", expect=0)

    # -- Revocation -------------------------------------------------------------------------------

    def test_zz_a_revoked_agent_is_out_at_once_and_stays_out(self):
        began = time.monotonic()
        self.fleet.cli("admin", "agent", "revoke", "redis", "--reason", "the disk was sold",
                       expect=0)
        wait_until("the instance is unknown",
                   lambda: self.fleet.health("redis") == "HEALTH_STATUS_UNKNOWN", 10)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.fleet.http("/instances/redis/metrics")[0], 503)
        agent = self.fleet.agent("redis")
        self.assertEqual((agent["state"], agent["stateReason"]),
                         ("STATE_REVOKED", "the disk was sold"))
        self.assert_says(self.fleet.cli("ada", "agent", "list", expect=0), "redis +revoked")
        wait_until("the agent says so",
                   lambda: "revoked" in self.fleet.logs("agent-redis", lines=200))
        # Neither a restart nor the join token that it has used lets it in again.
        self.fleet.stop("agent-redis", signal.SIGTERM)
        connects = self.connects()
        self.fleet.start_agent("redis", wait=False)
        log = self.fleet.state / "log/agent-redis.log"
        wait_until("the agent was refused again",
                   lambda: log.read_text(errors="replace").count("has revoked this agent") >= 2)
        self.assertTrue(self.fleet.alive("agent-redis"))
        self.assertEqual(self.fleet.agent("redis")["state"], "STATE_REVOKED")
        self.assertEqual(self.connects(), connects)
        self.refused(self.fleet.state / "etc/agent-redis.yaml",
                     self.fleet.state / "secrets/join-redis", "revoked|used already")
        # A job waits, and says for what.
        result = self.fleet.cli("ada", "backup", "run", "redis", "--wait", "--timeout", "2s")
        self.assertEqual(result.code, 9, result)
        self.assert_says(result, "agents/redis.*was revoked")
        # A new token does.
        self.fleet.stop("agent-redis", signal.SIGTERM)
        self.fleet.enrol("redis", "development")
        self.assertEqual(self.enroll(self.fleet.state / "etc/agent-redis.yaml",
                                     self.fleet.state / "secrets/join-redis").code, 0)
        self.fleet.start_agent("redis")
        self.fleet.wait_healthy("redis")
        self.assertTrue(os.path.exists(self.fleet.state / "agent-redis/identity/chain.pem"))

    def connects(self):
        return len([r for r in self.fleet.audit() if r["action"] == "agent.connect"
                    and r["resource"] == "agents/redis"])


if __name__ == "__main__":
    fleet.main()
