"""Certificates that live for seconds, and what the controller serves over HTTP."""
import json
import re
import shutil
import signal
import subprocess
import time

import fleet
from fleet import Fleet, FleetTest, wait_until

SAMPLE = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [-+0-9.eENaInf]+( \d+)?$")


class IdentityTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("ident")
        cls.fleet.start_servers("redis")
        config = cls.fleet.state / "etc/agent-redis.yaml"
        config.write_text(config.read_text() + "metrics_interval: 1s\n")
        cls.fleet.start_controller("agent_certificate_lifetime: 4s\nping_interval: 1s\n"
                                   "dead_after: 3s\nlease: 5s\n")
        cls.fleet.make_users()
        cls.fleet.enrol("redis", "development")
        cls.fleet.start_agent("redis")
        cls.fleet.wait_healthy("redis")

    def serial(self):
        return self.fleet.agent("redis")["serial"]

    def actions(self):
        return [r["action"] for r in self.fleet.audit()]

    def connected(self):
        return self.fleet.agent("redis")["state"] == "STATE_CONNECTED"

    # -- Certificates -----------------------------------------------------------------------------

    def test_1_the_agent_renews_by_itself_and_keeps_working(self):
        serials = {self.serial()}
        for _ in range(4):
            wait_until("another serial", lambda: self.serial() not in serials, 30)
            serials.add(self.serial())
            self.fleet.wait_connected("redis")
            self.fleet.cli("ada", "instance", "check", "redis", expect=0)
        self.assertGreaterEqual(len(serials), 5)
        actions = self.actions()
        self.assertGreaterEqual(actions.count("agent.renew"), 4)
        self.assertEqual(actions.count("agent.enroll"), 1)
        self.assertEqual(actions.count("agent.quarantine"), 0)
        self.fleet.cli("ada", "backup", "run", "redis", "--wait", expect=0)
        keys = list((self.fleet.state / "agent-redis/identity").glob("key-*.pem"))
        self.assertEqual(len(keys), 1, "old keys are kept")

    def test_2_an_agent_that_slept_beyond_its_certificate_recovers_by_itself(self):
        recovered = self.actions().count("agent.recover")
        self.fleet.stop("agent-redis", signal.SIGTERM)
        chain = self.fleet.state / "agent-redis/identity/chain.pem"
        wait_until("the certificate has expired", lambda: subprocess.run(
            ["openssl", "x509", "-in", chain, "-noout", "-checkend", "0"], check=False,
            capture_output=True).returncode == 1, 30)
        self.fleet.start_agent("redis")
        self.fleet.wait_healthy("redis")
        self.assertGreater(self.actions().count("agent.recover"), recovered)
        self.assertEqual(self.actions().count("agent.enroll"), 1)
        self.fleet.cli("ada", "instance", "check", "redis", expect=0)

    def test_3_an_agent_frozen_beyond_its_certificate_recovers_by_itself(self):
        self.fleet.send("agent-redis", signal.SIGSTOP)
        began = time.monotonic()
        try:
            wait_until("the agent counts as gone", lambda: not self.connected(), 30)
            wait_until("its certificate's end", lambda: time.monotonic() - began > 5)
            self.assertEqual(self.fleet.health("redis"), "HEALTH_STATUS_UNKNOWN")
        finally:
            self.fleet.send("agent-redis", signal.SIGCONT)
        self.fleet.wait_connected("redis")
        self.fleet.wait_healthy("redis")

    def test_4_a_controller_that_was_away_beyond_the_certificates_lets_its_agents_in_again(self):
        ca, pid = (self.fleet.state / "controller/ca/ca.crt").read_text(), self.fleet.pid("agent-redis")
        for _ in range(3):  # The agent's dialling into the void has to survive each time.
            self.fleet.stop("controller")
            began = time.monotonic()
            wait_until("the certificates' end", lambda began=began: time.monotonic() - began > 5)
            self.fleet.start_controller()
            self.fleet.wait_connected("redis")
        self.assertEqual(self.fleet.pid("agent-redis"), pid)
        self.assertEqual((self.fleet.state / "controller/ca/ca.crt").read_text(), ca)
        self.assertEqual(self.actions().count("agent.enroll"), 1)

    # -- HTTP -------------------------------------------------------------------------------------

    def assert_exposition(self, path, port=None, lint_codes=(0,)):
        status, body = self.fleet.http(path, port)
        self.assertEqual(status, 200, path)
        promtool = shutil.which("promtool")
        if promtool:
            checked = subprocess.run([promtool, "check", "metrics"], input=body, text=True,
                                     capture_output=True, check=False)
            self.assertIn(checked.returncode, lint_codes, checked.stderr)
        families, samples = set(), 0
        for line in body.splitlines():
            if line.startswith("# TYPE "):
                name = line.split()[2]
                self.assertNotIn(name, families, "a family that is there twice")
                families.add(name)
            elif line and not line.startswith("#"):
                self.assertRegex(line, SAMPLE)
                samples += 1
        self.assertGreater(samples, 0, path)
        return body

    def test_5_health_and_readiness(self):
        self.assertEqual(self.fleet.http("/healthz")[0], 200)
        self.assertEqual(self.fleet.http("/readyz")[0], 200)
        self.assertEqual(self.fleet.http("/nothing")[0], 404)
        self.assertEqual(self.fleet.http("/instances/nowhere/metrics")[0], 404)
        self.assertIn(self.fleet.http("/instances/../metrics")[0], (400, 404))
        self.assertIn(self.fleet.http("/instances/%2e%2e/metrics")[0], (400, 404))

    def test_6_metrics_are_a_valid_exposition_and_say_what_is(self):
        wait_until("the instance's samples",
                   lambda: self.fleet.http("/instances/redis/metrics")[0] == 200)
        body = self.assert_exposition("/metrics")
        self.assertRegex(body, r'(?m)^dbfleet_instance_up\{.*instance="redis".*\} 1$')
        self.assertRegex(body, r'(?m)^dbfleet_agent_connected\{.*agent="redis".*\} 1$')
        self.assertRegex(body, r"(?m)^dbfleet_audit_records_total \d+$")
        # 3: only remarks on names, which here are the server's own.
        self.assert_exposition("/instances/redis/metrics", lint_codes=(0, 3))
        self.assert_exposition("/metrics", self.fleet.port("metrics-redis"), lint_codes=(0, 3))

    def test_7_service_discovery_lists_each_instance_with_its_own_path(self):
        status, body = self.fleet.http("/sd/prometheus")
        self.assertEqual(status, 200)
        entries = json.loads(body)
        self.assertEqual(len(entries), 1, body)
        labels = entries[0]["labels"]
        self.assertEqual(entries[0]["targets"], [f"127.0.0.1:{self.fleet.port('http')}"])
        self.assertEqual(labels["__metrics_path__"], "/instances/redis/metrics")
        self.assertEqual((labels["instance"], labels["environment"], labels["cluster"]),
                         ("redis", "development", "quickstart"))

    def test_8_a_disconnected_agents_instance_answers_503_and_is_not_up(self):
        self.fleet.stop("agent-redis")
        wait_until("503", lambda: self.fleet.http("/instances/redis/metrics")[0] == 503, 30)
        wait_until("the fleet's metrics say so", lambda: re.search(
            r'(?m)^dbfleet_instance_up\{.*instance="redis".*\} 0$', self.fleet.http("/metrics")[1]))
        self.assertRegex(self.fleet.http("/metrics")[1],
                         r'(?m)^dbfleet_agent_connected\{.*agent="redis".*\} 0$')
        self.assertEqual(self.fleet.http("/sd/prometheus")[0], 200)
        self.fleet.start_agent("redis")
        wait_until("200 again", lambda: self.fleet.http("/instances/redis/metrics")[0] == 200)

    def test_9_sigterm_ends_both_in_time_and_with_status_0(self):
        children = {c.pid: c for c in self.fleet.children}
        for name in ("agent-redis", "controller"):
            child = children[self.fleet.pid(name)]
            self.fleet.stop(name, signal.SIGTERM, 30)
            self.assertEqual(child.wait(timeout=5), 0, self.fleet.logs(name))


if __name__ == "__main__":
    fleet.main()
