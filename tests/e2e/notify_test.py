"""Notifications from a real controller to a real Alertmanager, a real mail server, and an HTTP receiver that
checks signatures, fails, hangs, answers slowly and asks for time."""
import json
import os
import re
import time

import fleet
from fleet import Fleet, FleetTest, wait_until
import vendors
from receivers import Alertmanager, Authority, MailServer, Receiver, answer

FAILED, USAGE, NOT_AUTHORISED = 1, 2, 4
SIGNING_KEY, MAIL_PASSWORD, SLACK_PATH, TEAMS_PATH, ROUTING_KEY = (
    "signing-key-s3cr3t", "mail-passw0rd-s3cr3t", "/services/T0/B0/slack-s3cr3t", "/workflows/teams-s3cr3t?sig=1",
    "routing-s3cr3t")
NOT_KEPT = "; the receiver's answer is not kept, as it may quote the route's secret"
SECRETS = (SIGNING_KEY, MAIL_PASSWORD, SLACK_PATH, TEAMS_PATH, ROUTING_KEY)


class NotifyTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("ntf")
        cls.fleet.start_servers("mariadb")
        state = cls.fleet.state
        authority = Authority(state / "receivers")
        cls.web, cls.tls = Receiver(), Receiver(authority)
        cls.other = Receiver()
        cls.mail = MailServer(state / "receivers", authority, "fleet", MAIL_PASSWORD,
                              "gone@example.com")
        cls.alertmanager = Alertmanager(state / "receivers")
        folder = state / "notify-secrets"
        folder.mkdir(mode=0o700)
        for name, text in (("hook-key", SIGNING_KEY), ("mail-password", MAIL_PASSWORD),
                           ("slack-url", cls.tls.url + SLACK_PATH), ("teams-url", cls.tls.url + TEAMS_PATH),
                           ("pager-key", ROUTING_KEY)):
            (folder / name).write_text(text + "\n")
            os.chmod(folder / name, 0o600)
        cls.fleet.start_controller(f"""ping_interval: 1s
dead_after: 3s
lease: 5s
notifications:
  secrets_dir: {folder}
  ca_file: {authority.ca}
  allowed_networks: ["127.0.0.1"]
  secrets:
    - {{name: hook-key, receiver: webhook, hosts: ["{cls.web.host}"]}}
    - {{name: slack-url, receiver: slack, hosts: ["{cls.tls.host}"]}}
    - {{name: teams-url, receiver: teams, hosts: ["{cls.tls.host}"]}}
    - {{name: pager-key, receiver: pagerduty, hosts: ["{cls.tls.host}"]}}
    - {{name: mail-password, receiver: smtp, hosts: ["127.0.0.1:{cls.mail.port}"]}}
""")
        cls.fleet.make_users()
        cls.fleet.make_user("polly", "policy_admin")
        cls.fleet.enrol("mariadb", "development")
        cls.fleet.start_agent("mariadb")
        cls.fleet.wait_healthy("mariadb")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for server in ("web", "tls", "other", "mail", "alertmanager"):
            if hasattr(cls, server):
                getattr(cls, server).close()

    # -- Helpers ----------------------------------------------------------------------------------

    def apply(self, name, triggers, receiver, more="", expect=0, context="polly"):
        text = (f"apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {{name: {name}}}\nspec:\n"
                f"  triggers: [{', '.join(triggers)}]\n  {receiver}\n{more}")
        result = self.fleet.cli(context, "apply", "-f", "-", stdin=text, expect=expect)
        if expect == 0:
            self.addCleanup(self.fleet.cli, "polly", "delete", f"notificationroute/{name}")
        return result

    def webhook(self, path, receiver=None):
        return f"webhook: {{url: '{(receiver or self.web).url}{path}', signing_secret: hook-key}}"

    def happen(self, name, reason="e2e"):
        """Something that is told: a window is declared; its name is the subject."""
        self.fleet.cli("polly", "window", "add", name, "-e", "qa", "--for", "2m", "--reason", reason, expect=0)
        self.addCleanup(self.fleet.cli, "polly", "delete", f"maintenancewindow/{name}")
        return f"maintenancewindows/{name}"

    def arrives(self, path, receiver=None, count=1, seconds=60):
        receiver = receiver or self.web
        wait_until(f"{count} calls on {path}", lambda: len(receiver.on(path)) >= count, seconds)
        return receiver.on(path)

    def about(self, path, subject, receiver=None):
        """The calls on that path about this subject."""
        return [c for c in (receiver or self.web).on(path) if c.json().get("subject") == subject]

    def listed(self, *arguments):
        return self.fleet.cli("eve", "notify", "list", *arguments, "-o", "json", expect=0).json()

    def state_of(self, route, wanted):
        def reached():
            found = self.listed("--route", route)
            return found if found and all(n["state"] == wanted for n in found) else None
        return wait_until(f"{route} has {wanted} only", reached)

    # -- What is told -----------------------------------------------------------------------------

    def test_a_change_is_told_from_its_plan_to_its_end_and_the_signature_is_right(self):
        self.apply("life", ["approval-needed", "approved", "started", "succeeded"], self.webhook("/life"))
        folder = self.fleet.migration("0201", "drop_note", "DELETE FROM orders WHERE id < 0;",
                                      "SELECT 1;")
        job = self.fleet.submit(folder, environment="development")
        self.fleet.wait_job(job, "SUCCEEDED")
        # Other jobs are told there, too: backups, and what other tests left behind.
        wait_until("its begin and its end are told", lambda: {"started", "succeeded"} <= {
            c.json()["trigger"] for c in self.about("/life", f"jobs/{job}")})
        calls = self.about("/life", f"jobs/{job}")
        told = [c.json()["trigger"] for c in calls]
        self.assertEqual(told[-2:], ["started", "succeeded"])
        for call in calls:
            self.assertTrue(call.signed_by(SIGNING_KEY))
            self.assertFalse(call.signed_by("another key"))
            self.assertEqual(call.json()["id"], call.key)
            self.assertEqual(call.json()["fields"]["environment"], "development")
        self.assertEqual(len({c.key for c in calls}), len(calls))

    def test_only_what_a_route_selects_goes_its_way(self):
        self.apply("qa-only", ["rules-changed", "window-opened"], self.webhook("/selected"),
                   "  selector: {environments: [qa]}\n")
        self.apply("elsewhere", ["rules-changed", "window-opened"], self.webhook("/unselected"),
                   "  selector: {environments: [development]}\n")
        subject = self.happen("selected")
        # That it was declared is about qa as well as that it began.
        def told(path):
            return {c.json()["trigger"] for c in self.web.on(path) if c.json()["subject"] == subject}
        wait_until("both are told", lambda: told("/selected") == {"rules-changed", "window-opened"})
        self.assertEqual(told("/unselected"), set())

    def test_a_window_is_told_however_it_ends(self):
        self.apply("ends", ["window-opened", "window-closed", "window-changed"], self.webhook("/ends"))
        deleted, ended = self.happen("is-deleted"), "maintenancewindows/is-ended"
        begin, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
                      for seconds in (-600, 600))
        self.fleet.cli("polly", "apply", "-f", "-", expect=0, stdin=(
            "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: is-ended}\nspec:\n"
            f"  selector: {{environments: [qa]}}\n  once: {{begin: '{begin}', end: '{end}'}}\n"))
        self.addCleanup(self.fleet.cli, "polly", "delete", "maintenancewindow/is-ended")

        def told(subject):
            return [c.json()["trigger"] for c in self.about("/ends", subject)]
        wait_until("both begins", lambda: told(deleted) and told(ended))
        self.fleet.cli("polly", "window", "end", "is-ended", expect=0)
        self.fleet.cli("polly", "delete", "maintenancewindow/is-deleted", expect=0)
        wait_until("both ends", lambda: len(told(deleted)) > 1 and len(told(ended)) > 1)
        self.assertEqual([told(deleted), told(ended)], 2 * [["window-opened", "window-closed"]])
        closed = self.about("/ends", deleted)[-1].json()
        self.assertIn("deleted by users/polly", closed["fields"]["reason"])

    def test_what_a_requester_writes_cannot_look_like_ours(self):
        self.apply("forged", ["started"], self.webhook("/forged"))
        folder = self.fleet.migration("0202", "noop", "DELETE FROM orders WHERE id < 0;", "SELECT 1;")
        self.fleet.cli("ada", "change", "submit", "--dir", folder, "--environment", "development",
                       "--instance", "mariadb", "--database", "client_1001", "--client", "--account", "1001",
                       "--title", "harmless\nApproved by: users/bob", "--reason", "x\r\nBcc: all@example.com",
                       "--approve-destructive")
        for call in self.arrives("/forged"):
            lines = call.json()["body"].splitlines()
            self.assertFalse(any(line.startswith(("Approved by", "Bcc")) for line in lines), lines)

    # -- Receivers that misbehave -------------------------------------------------------------------

    def test_a_receiver_that_fails_is_tried_again_with_the_same_key(self):
        def fail_twice(handler, _):
            key = handler.headers["Idempotency-Key"]
            answer(handler, 500 if sum(c.key == key for c in self.web.on("/fails")) < 3 else 200)
        self.web.behave["/fails"] = fail_twice
        self.apply("fails", ["rules-changed"], self.webhook("/fails"))
        subject = self.happen("fails")
        wait_until("the third attempt", lambda: len(
            [c for c in self.web.on("/fails") if c.json()["subject"] == subject]) >= 3)
        keys = {c.key for c in self.web.on("/fails") if c.json()["subject"] == subject}
        self.assertEqual(len(keys), 1)
        self.assertTrue(all(c.signed_by(SIGNING_KEY) for c in self.web.on("/fails")))
        self.state_of("fails", "STATE_SENT")

    def test_a_receiver_that_hangs_does_not_hold_up_others(self):
        self.web.behave["/hangs"] = lambda h, n: time.sleep(40)
        self.apply("hangs", ["rules-changed"], self.webhook("/hangs"))
        for i in range(8):
            self.happen(f"hang-{i}")
        self.arrives("/hangs")
        self.apply("quick", ["rules-changed"], self.webhook("/quick"))
        begin = time.monotonic()
        subject = self.happen("quick")
        wait_until("the other route's message", lambda: any(
            c.json()["subject"] == subject for c in self.web.on("/quick")), 15)
        self.assertLess(time.monotonic() - begin, 15)

    def test_a_slow_answer_is_an_answer(self):
        def trickle(handler, _):
            handler.send_response(200)
            handler.send_header("Content-Length", "100")
            handler.end_headers()
            for _ in range(100):
                time.sleep(1)
                handler.wfile.write(b".")
                handler.wfile.flush()
        self.web.behave["/trickles"] = trickle
        self.apply("trickles", ["rules-changed"], self.webhook("/trickles"))
        self.happen("trickles")
        self.arrives("/trickles")
        self.state_of("trickles", "STATE_SENT")

    def test_a_connection_that_breaks_off_is_no_answer(self):
        def break_off(handler, n):
            if n > 1:
                return answer(handler, 200)
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
            handler.close_connection = True
            return None
        self.web.behave["/breaks"] = break_off
        self.apply("breaks", ["rules-changed"], self.webhook("/breaks"))
        self.happen("breaks")
        self.arrives("/breaks", count=2)
        self.state_of("breaks", "STATE_SENT")

    def test_a_receiver_that_asks_for_time_gets_it(self):
        # Of each message the first attempt is answered so; some are under way together.
        def ask(handler, _):
            key = handler.headers["Idempotency-Key"]
            if sum(c.key == key for c in self.web.on("/asks")) == 1:
                return answer(handler, 429, "slow down", [("Retry-After", "6")])
            return answer(handler, 200)
        self.web.behave["/asks"] = ask
        self.apply("asks", ["rules-changed"], self.webhook("/asks"))
        subject = self.happen("asks")
        def calls():
            return [c for c in self.web.on("/asks") if c.json()["subject"] == subject]
        wait_until("the second attempt", lambda: len(calls()) >= 2)
        self.assertGreater(calls()[1].time - calls()[0].time, 5.5)

    def test_what_is_refused_is_given_up_told_and_can_be_retried(self):
        self.web.behave["/refuses"] = lambda h, n: answer(h, 400, f"I know {SIGNING_KEY}")
        self.apply("refuses", ["rules-changed"], self.webhook("/refuses"))
        self.apply("deaths", ["notification-failed"], self.webhook("/deaths"))
        self.happen("refuses")
        found = wait_until("it is given up",
                           lambda: self.listed("--route", "refuses", "--state", "failed"))
        self.assertEqual(found[0]["attempts"], 3)
        self.assertEqual(found[0]["error"], "HTTP 400" + NOT_KEPT)
        wait_until("its death is told", lambda: self.about("/deaths", "notificationroutes/refuses"))
        before = len(self.web.on("/refuses"))
        key = found[0]["name"].split("/")[1]
        self.web.behave["/refuses"] = lambda h, n: answer(h, 200)
        self.assertEqual(self.fleet.cli("eve", "notify", "retry", key).code, NOT_AUTHORISED)
        self.fleet.cli("ada", "notify", "retry", "--route", "refuses", expect=0)
        self.state_of("refuses", "STATE_SENT")
        self.assertIn(key, [c.key for c in self.web.on("/refuses")[before:]])

    def test_killed_between_sending_and_knowing_it_sends_again_with_the_same_key(self):
        def answer_the_second(handler, _):
            key = handler.headers["Idempotency-Key"]
            if sum(c.key == key for c in self.web.on("/killed")) == 1:
                time.sleep(30)
            answer(handler, 200)
        self.web.behave["/killed"] = answer_the_second
        self.apply("killed", ["rules-changed"], self.webhook("/killed"))
        subject = self.happen("killed")
        def calls():
            return [c for c in self.web.on("/killed") if c.json()["subject"] == subject]
        wait_until("it is sent", calls)
        self.fleet.stop("controller")
        self.fleet.start_controller()
        wait_until("it comes again", lambda: len(calls()) >= 2)
        self.assertEqual(calls()[0].key, calls()[1].key)
        self.state_of("killed", "STATE_SENT")
        self.fleet.wait_connected("mariadb")

    # -- Real receivers -----------------------------------------------------------------------------

    def test_mail_goes_over_tls_to_each_recipient_and_a_dead_mailbox_harms_no_other(self):
        self.apply("mails", ["rules-changed"],
                   f"smtp: {{host: 127.0.0.1, port: {self.mail.port}, user: fleet, password_secret: "
                   "mail-password, from: dbfleet@example.com, to: [a@example.com, gone@example.com, "
                   "b@example.com]}",
                   "  template: {title: 'Änderung: {{subject}}', body: \"{{summary}}\\nby {{actor}}\\n\"}\n")
        subject = self.happen("mails")
        def mails():
            return [m for m in self.mail.mails() if subject in m["text"]]
        wait_until("both mails", lambda: len(mails()) >= 2)
        def given_up():
            return [n for n in self.listed("--route", "mails", "--state", "failed")
                    if n["subject"] == subject]
        wait_until("the third is given up", given_up)
        self.assertEqual(sorted(m["to"] for m in mails()), [["a@example.com"], ["b@example.com"]])
        for mail in mails():
            headers = dict(mail["headers"])
            self.assertTrue(mail["tls"] and mail["authenticated"])
            self.assertEqual(headers["Subject"], f"Änderung: {subject}")
            self.assertEqual(headers["Auto-Submitted"], "auto-generated")
            self.assertIn("by users/polly", mail["text"])
        dead = given_up()
        self.assertEqual([n["recipient"] for n in dead], ["gone@example.com"])
        self.assertEqual(dead[0]["error"], "SMTP 550" + NOT_KEPT)

    def test_alerts_of_a_real_alertmanager_begin_and_end(self):
        self.apply("alerts", ["agent-lost"],
                   f"alertmanager: {{url: '{self.alertmanager.url}', labels: {{team: dba}}}}")
        self.fleet.stop("agent-mariadb")
        def alerts():
            return [a for a in self.alertmanager.alerts() if a["labels"]["subject"] == "agents/mariadb"]
        alert = wait_until("the alert", alerts)[0]
        self.assertEqual(alert["labels"]["team"], "dba")
        self.assertIn("not connected", alert["annotations"]["summary"])
        # Its end is told though nobody asked for it.
        self.fleet.start_agent("mariadb")
        wait_until("the alert's end", lambda: not alerts())

    def test_incidents_are_opened_and_resolved_under_one_key_and_in_order(self):
        failing = {"left": 2}

        def act(handler, _):
            problem = vendors.pagerduty(self.tls.on("/pager")[-1])
            failing["left"] -= 1
            answer(handler, 400 if problem else 202 if failing["left"] < 0 else 503, problem)
        self.tls.behave["/pager"] = act
        self.apply("pager", ["agent-lost"],
                   f"pagerduty: {{url: '{self.tls.url}/pager', routing_key_secret: pager-key}}")
        self.fleet.stop("agent-mariadb")
        self.arrives("/pager", self.tls)
        self.fleet.start_agent("mariadb")
        wait_until("the incident's end", lambda: any(
            c.json()["event_action"] == "resolve" for c in self.tls.on("/pager")))
        actions = [c.json()["event_action"] for c in self.tls.on("/pager")]
        self.assertEqual(actions[-1], "resolve")
        self.assertEqual(actions.count("trigger"), 3)  # Two failed; the end waited for the third.
        self.assertEqual(len({c.json()["dedup_key"] for c in self.tls.on("/pager")}), 1)
        self.assertEqual({c.json()["routing_key"] for c in self.tls.on("/pager")}, {ROUTING_KEY})

    def test_slack_and_teams_get_what_they_document(self):
        def act(check, path):
            def behave(handler, number):
                problem = check(self.tls.on(path)[-1])
                if problem:
                    return answer(handler, 400, problem)
                if number == 1:
                    return answer(handler, 429, "slow down", [("Retry-After", "1")])
                return answer(handler, 202 if check is vendors.teams else 200)
            self.tls.behave[path] = behave
        act(vendors.slack, SLACK_PATH)
        act(vendors.teams, TEAMS_PATH)
        # More than they take, of several bytes for each character, with what could be markup.
        reason = "<!channel> *é* [x](https://evil.example) " + "é&" * 250
        for kind in ("slack", "teams"):
            receiver = f"{kind}: {{url_secret: {kind}-url}}"
            self.apply(kind, ["rules-changed"], receiver)
            self.apply(f"{kind}-long", ["rules-changed"], receiver,
                       "  template: {title: '{{reason}}', body: '" + "{{reason}}\\n" * 30 + "'}\n")
            self.apply(f"{kind}-blank", ["rules-changed"], receiver,
                       "  template: {title: '{{error}}', body: '{{rows}} '}\n")
        subject = self.happen("chats", reason)
        for kind in ("slack", "teams"):
            for route in (kind, f"{kind}-long", f"{kind}-blank"):
                self.state_of(route, "STATE_SENT")
        for path, receiver in ((SLACK_PATH, "slack"), (TEAMS_PATH, "teams")):
            bodies = [call.body.decode() for call in self.tls.on(path)]
            self.assertTrue(any(f"About: {subject}" in body for body in bodies), bodies)

    # -- Tests of routes, and who may do what ---------------------------------------------------------

    def test_a_route_can_be_tested(self):
        self.apply("tried", ["failed"], self.webhook("/tried"))
        good = self.fleet.cli("polly", "notify", "test", "tried", expect=0)
        self.assert_says(good, "yes", "HTTP 200")
        self.assertEqual(self.arrives("/tried")[0].json()["trigger"], "test")
        self.web.behave["/tried"] = lambda h, n: answer(h, 403, "who are you?")
        bad = self.fleet.cli("polly", "notify", "test", "tried", "-o", "json")
        self.assertEqual(bad.code, FAILED)
        self.assertEqual(bad.json()[0]["answer"], "HTTP 403" + NOT_KEPT)
        self.assertEqual(self.fleet.cli("ada", "notify", "test", "tried").code, NOT_AUTHORISED)
        self.apply("alerts-tried", ["failed"], f"alertmanager: {{url: '{self.alertmanager.url}'}}")
        self.fleet.cli("polly", "notify", "test", "alerts-tried", expect=0)

    def test_a_secret_goes_nowhere_else(self):
        self.apply("thief", ["rules-changed"], self.webhook("/thief", self.other))
        stolen = self.fleet.cli("polly", "notify", "test", "thief")
        self.assertEqual(stolen.code, FAILED)
        self.assert_says(stolen, "SECRET_NOT_FOR_THIS", 'names no secret "hook-key" for the receiver')
        self.apply("misused", ["rules-changed"],
                   f"webhook: {{url: '{self.web.url}/x', signing_secret: mail-password}}")
        self.assert_says(self.fleet.cli("polly", "notify", "test", "misused"), "SECRET_NOT_FOR_THIS")
        self.assertEqual(self.other.calls, [])

    def test_networks_that_are_not_allowed_are_not_reached(self):
        self.apply("inner", ["failed"], "alertmanager: {url: 'http://169.254.169.254/'}")
        self.assert_says(self.fleet.cli("polly", "notify", "test", "inner"), "ADDRESS_REFUSED",
                         "169.254.169.254")
        self.apply("loop", ["failed"], "alertmanager: {url: 'http://[::1]:9/'}")
        self.assert_says(self.fleet.cli("polly", "notify", "test", "loop"), "ADDRESS_REFUSED")

    def test_what_is_wrong_with_a_route_is_told_when_it_is_applied(self):
        bad = self.apply("bad", ["failed", "exploded"], self.webhook("/x"),
                         "  template: {title: '{{nonsense}}'}\n", expect=USAGE)
        self.assert_says(bad, "exploded", "needs-person", "nonsense", "summary")
        news = self.apply("news", ["started"], "alertmanager: {url: 'https://a.example'}", expect=USAGE)
        self.assert_says(news, "started is news")

    def test_zz_no_secret_was_written_down(self):
        self.apply("shown", ["failed"], self.webhook("/shown"))
        shown = self.fleet.cli("polly", "get", "notificationroute", "-o", "yaml", expect=0).out
        trail = json.dumps(self.fleet.audit())
        logs = "".join(p.read_text(errors="replace") for p in (self.fleet.state / "log").glob("*.log"))
        store = b"".join(p.read_bytes() for p in (self.fleet.state / "controller").glob("store.db*"))
        for secret in SECRETS:
            for text in (shown, trail, logs, "".join(self.fleet.transcript)):
                self.assertNotIn(secret, text)
            self.assertNotIn(secret.encode(), store)
        status, metrics = self.fleet.http("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(re.search(r'dbfleet_notification_attempts_total\{.*result="delivered"', metrics))


if __name__ == "__main__":
    fleet.main()
