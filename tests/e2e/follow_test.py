"""Silences of a real Alertmanager and annotations (of a server that holds to Grafana's contract; there is no
Grafana here) follow windows and changes, also through kills of the controller."""
import os
import time

import fleet
from fleet import Fleet, FleetTest, wait_until
from receivers import Alertmanager, Authority, Forwarder, Grafana

TOKEN = "grafana-t0ken-s3cr3t"


class FollowTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("flw")
        cls.fleet.start_servers("mariadb")
        state = cls.fleet.state
        authority = Authority(state / "receivers")
        cls.alertmanager = Alertmanager(state / "receivers")
        cls.between = Forwarder(cls.alertmanager.url)
        cls.grafana = Grafana(authority, TOKEN)
        folder = state / "notify-secrets"
        folder.mkdir(mode=0o700)
        (folder / "grafana").write_text(TOKEN + "\n")
        os.chmod(folder / "grafana", 0o600)
        cls.fleet.start_controller(f"""ping_interval: 1s
dead_after: 5s
lease: 10s
notifications:
  secrets_dir: {folder}
  ca_file: {authority.ca}
  allowed_networks: ["127.0.0.1"]
  secrets:
    - {{name: grafana, receiver: grafana, hosts: ["{cls.grafana.host}"]}}
""")
        cls.fleet.make_users()
        cls.fleet.make_user("polly", "policy_admin")
        cls.fleet.enrol("mariadb", "development")
        cls.fleet.start_agent("mariadb")
        cls.fleet.wait_healthy("mariadb")
        cls.apply("quiet", "silences: {url: '%s', matchers: ['instance=~\"{{instance}}(:[0-9]+)?\"', "
                  "'severity!=\"page\"']}" % cls.between.url)
        cls.apply("drawn", f"grafana: {{url: '{cls.grafana.url}', bearer_secret: grafana, tags: [e2e]}}")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for server in ("between", "grafana", "alertmanager"):
            if hasattr(cls, server):
                getattr(cls, server).close()

    @classmethod
    def apply(cls, name, receiver):
        cls.fleet.cli("polly", "apply", "-f", "-", expect=0, stdin=(
            f"apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {{name: {name}}}\nspec:\n"
            f"  follows: [windows, changes]\n  selector: {{environments: [development]}}\n  {receiver}\n"))

    def window(self, *arguments):
        self.fleet.cli("polly", "window", *arguments, expect=0)

    def silences(self, name):
        return [s for s in self.alertmanager.silences() if name in s["comment"]]

    def drawn(self, name):
        return [a for a in self.grafana.tagged("e2e") if name in a["text"]]

    def restart(self):
        self.fleet.stop("controller")  # SIGKILL.
        self.between.lose_answers = self.grafana.lose_answers = False
        self.fleet.start_controller()
        self.fleet.wait_connected("mariadb")

    def test_a_window_is_silenced_and_drawn_while_it_is_open(self):
        self.window("add", "tonight", "-e", "development", "--for", "30m")
        silence = wait_until("the silence", lambda: self.silences("window tonight"))[0]
        self.assertEqual([(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in silence["matchers"]],
                         [("instance", "mariadb(:[0-9]+)?", True, True), ("severity", "page", False, False)])
        self.assertEqual(silence["createdBy"], "dbfleet")
        region = wait_until("the region", lambda: self.drawn("window tonight"))[0]
        self.assertEqual(region["timeEnd"] - region["time"], 30 * 60 * 1000)
        # Its end is moved: the same silence, with the new end.
        shown = self.fleet.cli("polly", "get", "maintenancewindow/tonight", "-o", "yaml", expect=0).out
        end = next(line for line in shown.splitlines() if "end:" in line)
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
        self.fleet.cli("polly", "apply", "-f", "-", stdin=shown.replace(
            end, end.split("end:")[0] + f'end: "{later}"'), expect=0)
        moved = wait_until("the later end", lambda: [
            s for s in self.silences("window tonight") if s["endsAt"] > silence["endsAt"]])
        self.assertEqual([s["id"] for s in moved], [silence["id"]])
        self.assertEqual(moved[0]["endsAt"][:19] + "Z", later)
        self.fleet.cli("polly", "delete", "maintenancewindow/tonight", expect=0)
        wait_until("the silence's end", lambda: not self.silences("window tonight"))
        wait_until("the region's end", lambda: self.drawn("window tonight")[0]["timeEnd"]
                   <= time.time() * 1000)
        self.assertEqual(len(self.drawn("window tonight")), 1)

    def test_a_change_is_silenced_and_drawn_while_it_runs(self):
        session = self.fleet.sql_session()
        self.addCleanup(session.close)
        for statement in ("BEGIN", "SELECT id FROM client_1001.orders LIMIT 1"):
            session.execute(statement)
        folder = self.fleet.migration("0301", "note", "ALTER TABLE orders ADD COLUMN quiet TEXT;",
                                      "ALTER TABLE orders DROP COLUMN quiet;")
        job = self.fleet.submit(folder, "--lock-timeout", "120s", environment="development")
        wait_until("the silence of a running change", lambda: self.silences(job))
        wait_until("its region", lambda: self.drawn(job))
        # The controller dies in between, and knows afterwards what it had begun.
        self.restart()
        session.execute("ROLLBACK")
        self.fleet.wait_job(job, "SUCCEEDED")
        wait_until("the silence's end", lambda: not self.silences(job), 90)
        region = wait_until("the region's end", lambda: [
            a for a in self.drawn(job) if a["timeEnd"] > a["time"]])
        self.assertEqual(len(self.drawn(job)), 1)
        self.assertLess(region[0]["timeEnd"], time.time() * 1000)

    def test_killed_before_the_answer_nothing_is_made_twice(self):
        self.between.lose_answers = self.grafana.lose_answers = True
        self.window("add", "crash", "-e", "development", "--for", "30m")
        wait_until("both are made", lambda: self.silences("window crash") and self.drawn("window crash"))
        before = len(self.between.calls)
        self.restart()
        wait_until("it is asked for", lambda: any(
            method == "GET" and "filter=" in path for method, path in self.between.calls[before:]))
        self.fleet.cli("polly", "delete", "maintenancewindow/crash", expect=0)
        wait_until("the silence's end", lambda: not self.silences("window crash"))
        wait_until("the region's end", lambda: self.drawn("window crash")[0]["timeEnd"]
                   <= time.time() * 1000)
        self.assertEqual(len(self.drawn("window crash")), 1)
        self.assertEqual([m for m, p in self.between.calls[before:] if m == "POST"], [])

    def test_routes_that_follow_can_be_tested(self):
        for name in ("quiet", "drawn"):
            self.assert_says(self.fleet.cli("polly", "notify", "test", name, expect=0), "yes", "HTTP 200")

    def test_zz_grafana_refused_nothing_and_the_token_is_nowhere(self):
        self.assertEqual(self.grafana.refused, [])
        logs = "".join(p.read_text(errors="replace") for p in (self.fleet.state / "log").glob("*.log"))
        store = b"".join(p.read_bytes() for p in (self.fleet.state / "controller").glob("store.db*"))
        self.assertNotIn(TOKEN, logs)
        self.assertNotIn(TOKEN.encode(), store)


if __name__ == "__main__":
    fleet.main()
