"""Bad input from people: each ends with its exit code and a message that names what is wrong, and
changes nothing."""
import os
import shutil

import fleet
from fleet import Fleet, FleetTest, run

OK, FAILED, USAGE, NOT_AUTHORISED, REFUSED, CONFLICT, TIMED_OUT = 0, 1, 2, 4, 5, 6, 9
MIB = 1 << 20
UP, DOWN = "ALTER TABLE orders ADD COLUMN x INT NULL;\n", "ALTER TABLE orders DROP COLUMN x;\n"


class ConfigurationTest(FleetTest):
    """Both daemons' configuration files; no server is needed."""

    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("conf")
        (cls.fleet.state / "run").mkdir()

    def check(self, daemon, text, *patterns):
        """`check-config` and `run` refuse the file alike, naming it."""
        path = self.fleet.state / f"{daemon}-bad.yaml"
        path.write_text(text)
        for verb in ("check-config", "run"):
            result = run([self.fleet.bin / f"dbfleet-{daemon}", verb, "--config", path], timeout=30)
            self.assertEqual(result.code, USAGE, result)
            self.assert_says(result, str(path), *patterns)
        self.assertEqual([p.name for p in self.fleet.state.iterdir() if "data" in p.name], [],
                         "a bad configuration made a folder")

    def controller(self, more):
        return f"data_dir: {self.fleet.state}/data\n{more}"

    def agent(self, more, instances="instances: []\n"):
        return (f"name: a1\ncontroller: 127.0.0.1:1\ndata_dir: {self.fleet.state}/data\n"
                f"backup_dir: {self.fleet.state}/data-backups\n{more}{instances}")

    def test_malformed_yaml_names_line_and_column(self):
        self.check("controller", self.controller("listen: [127.0.0.1\n"), r"-bad\.yaml:[23]:\d+: ")
        self.check("controller", self.controller("\tlisten: x\n"), r"-bad\.yaml:2:\d+: ")
        self.check("agent", self.agent("labels: {\n"), r"-bad\.yaml:\d+:\d+: ")

    def test_an_unknown_field_is_named_with_its_place_and_what_was_meant(self):
        self.check("controller", self.controller("lisen: 127.0.0.1:1\n"),
                   r"-bad\.yaml:2:1: ", "unknown field .lisen.", "listen")
        self.check("agent", self.agent("chek_interval: 5s\n"),
                   r"-bad\.yaml:5:1: ", "unknown field .chek_interval.", "check_interval")
        self.check("agent", self.agent("", "instances:\n  - name: x\n    engin: redis\n"),
                   r"-bad\.yaml:7:5: ", "engin")

    def test_a_field_that_is_given_twice_is_refused(self):
        self.check("controller", self.controller("lease: 5s\nlease: 6s\n"),
                   r":3:1: ", "lease.* twice")

    def test_values_of_the_wrong_kind_are_named(self):
        self.check("controller", self.controller("lease: soon\n"), r":2:8: ", "lease", "soon")
        self.check("agent", self.agent("journal_max_bytes: no\n"), r":5:\d+: ", "journal_max_bytes")

    def test_all_problems_come_at_once(self):
        self.check("controller", self.controller(
            "listen: nowhere\nhttp_listen: 0.0.0.0:80\nlease: 1s\n"),
            "listen.*nowhere", "http_listen.*loopback", "lease")
        self.check("agent", self.agent("metrics_listen: x\n", "instances:\n  - name: ../x\n    "
                                       "engine: oracle\n"),
                   "metrics_listen", r"instances\[0\].*name", "oracle.*mysql, postgresql")

    def test_a_password_file_that_is_missing_or_open_to_all_is_named(self):
        path = self.fleet.state / "password"
        accounts = ("instances:\n  - name: x\n    engine: mysql\n    socket: /x\n    accounts:\n"
                    f"      inspect:\n        user: u\n        password_file: {path}\n")
        path.unlink(missing_ok=True)
        self.check("agent", self.agent("", accounts), "inspect.password_file", "No such file")
        path.write_text("pass-that-nobody-shall-see\n")
        path.chmod(0o644)
        self.check("agent", self.agent("", accounts), "inspect.password_file", "0600")

    def test_a_missing_file_is_named(self):
        for daemon in ("controller", "agent"):
            result = run([self.fleet.bin / f"dbfleet-{daemon}", "run", "--config", "/nonexistent/c"])
            self.assertEqual(result.code, USAGE, result)
            self.assert_says(result, "/nonexistent/c")

    def test_usage_errors_of_all_programs_end_with_2(self):
        for arguments in (["dbfleet"], ["dbfleet", "frobnicate"], ["dbfleet", "job", "get"],
                          ["dbfleet", "job", "list", "-o", "pdf"],
                          ["dbfleet", "job", "list", "--kind", "magic"],
                          ["dbfleet", "agent", "token", "create", "x", "-e", "qa", "--ttl", "soon"],
                          ["dbfleet-controller"], ["dbfleet-controller", "run"],
                          ["dbfleet-agent"], ["dbfleet-agent", "run", "--frobnicate"]):
            result = run([self.fleet.bin / arguments[0], *arguments[1:]])
            self.assertEqual(result.code, USAGE, result)
            self.assertTrue(result.err.strip(), result)


class BadInputTest(FleetTest):
    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("bad")
        cls.fleet.start_servers("mariadb", "redis")
        cls.fleet.start_controller("")
        cls.fleet.make_users()
        cls.fleet.make_user("vera", "viewer")
        cls.fleet.enrol("mariadb", "production")
        cls.fleet.enrol("redis", "development")
        for name in ("mariadb", "redis"):
            cls.fleet.start_agent(name)
        cls.number = 0

    def ada(self, *arguments, **options):
        return self.fleet.cli("ada", *arguments, **options)

    def folder(self, files):
        type(self).number += 1
        folder = self.fleet.state / f"files-{self.number}"
        folder.mkdir()
        for name, content in files.items():
            mode = "wb" if isinstance(content, bytes) else "w"
            with open(folder / name, mode) as file:
                file.write(content)
        return folder

    def change(self, verb, files, *more, instance="mariadb", environment="production", expect=None,
               account=("--client", "--account", "1001")):
        folder = files if not isinstance(files, dict) else self.folder(files)
        return self.ada("change", verb, "--dir", folder, "-e", environment, "-i", instance, "-d",
                        "client_1001", *account, "--approve-destructive", *more, expect=expect)

    def jobs(self):
        return self.ada("job", "list", "--limit", "0", "-o", "name", expect=OK).out.split()

    def assert_no_new_job(self, before):
        self.assertEqual(self.jobs(), before)

    # -- Migration files --------------------------------------------------------------------------

    def test_bad_sets_of_files_are_refused_before_anything_is_stored(self):
        before = self.jobs()
        good = {"0001_a.up.sql": UP, "0001_a.down.sql": DOWN}
        cases = (
            ({**good, "001_b.up.sql": UP, "001_b.down.sql": DOWN}, "version 1 .*more than once",
             "0001_a.up.sql", "001_b.up.sql"),
            ({"0001_a.up.sql": UP}, "0001_a.up.sql", "no down part"),
            ({"0001_a.down.sql": DOWN}, "0001_a.down.sql", "no up part"),
            ({"0001_a.up.sql": UP, "0001_b.down.sql": DOWN}, "another name"),
            ({**good, "notes.txt": "x"}, "notes.txt", "not a migration file"),
            ({**good, "x_1.up.sql": UP}, "x_1.up.sql", "begin with a version"),
            ({"0001_a.up.sql": " -- nothing\n", "0001_a.down.sql": DOWN}, "0001_a.up.sql", "empty"),
            ({"0001_a.up.sql": b"SELECT '\xff';", "0001_a.down.sql": DOWN}, "UTF-8"),
            ({"0001_a.up.sql": b"SELECT 1;\0", "0001_a.down.sql": DOWN}, "NUL"),
            ({"0001_a.up.sql": b"-- " + b"x" * (17 * MIB), "0001_a.down.sql": DOWN},
             "0001_a.up.sql", "larger than|at most"),
            ({f"000{i}_a.{part}.sql": b"-- " + b"x" * (15 * MIB) for i in (1, 2)
              for part in ("up", "down")}, "together"),
            ({}, "no migration|empty"),
        )
        for files, *patterns in cases:
            for verb in ("plan", "submit"):
                self.assert_says(self.change(verb, files, expect=USAGE), *patterns)
            shutil.rmtree(self.fleet.state / f"files-{self.number}")
        self.assert_no_new_job(before)

    def test_special_files_and_missing_folders_are_named(self):
        folder = self.folder({"0001_a.down.sql": DOWN})
        os.mkfifo(folder / "0001_a.up.sql")
        self.assert_says(self.change("submit", folder, expect=USAGE), "not a regular file")
        self.assert_says(self.change("submit", "/nonexistent/x", expect=FAILED), "/nonexistent/x")

    def test_malformed_sql_fails_the_plan_and_names_file_and_line(self):
        before = self.fleet.sql("CHECKSUM TABLE client_1001.orders")
        result = self.change("plan", {"0001_a.up.sql": "ALTER TABLE orders\n  ADD COLUMN x INT;\n"
                                      "UPDATE orders SET status = 'never closed;\n",
                                      "0001_a.down.sql": DOWN})
        self.assertIn(result.code, (FAILED, USAGE), result)
        self.assert_says(result, r"0001_a\.up\.sql: line 3, column 28")
        self.assertEqual(self.fleet.sql("CHECKSUM TABLE client_1001.orders"), before)

    # -- Requests ---------------------------------------------------------------------------------

    def test_unknown_targets_are_named_and_nothing_is_submitted(self):
        before = self.jobs()
        files = {"0001_a.up.sql": UP, "0001_a.down.sql": DOWN}
        self.assert_says(self.change("submit", files, environment="stage", expect=FAILED),
                         "stage", "environment list")
        self.assert_says(self.change("submit", files, instance="nowhere", expect=FAILED),
                         "nowhere", "instance list")
        self.assert_says(self.change("submit", files, environment="qa", expect=USAGE),
                         "mariadb.*belongs to production")
        self.assert_says(self.change("submit", files, instance="redis", environment="development",
                                     expect=USAGE), "Redis.*no versioned migrations")
        self.assert_says(self.change("submit", files, account=("--client",), expect=USAGE),
                         "--account")
        self.assert_says(self.change("submit", files, account=("--account", "1001"), expect=USAGE),
                         "--client")
        self.assert_no_new_job(before)
        for command in (["agent", "token", "create", "x"], ["agent", "token", "create", "../x"]):
            result = self.fleet.cli("admin", *command, "-e", "stage")
            self.assertIn(result.code, (FAILED, USAGE), result)

    def test_path_tricks_in_names_are_refused(self):
        before = self.jobs()
        for command in (["instance", "get"], ["instance", "check"], ["backup", "run"],
                        ["job", "get"], ["job", "logs"], ["job", "cancel"], ["backup", "get"],
                        ["backup", "verify"], ["agent", "get"], ["change", "get"]):
            for name in ("../x", "a/b", "instances/../../x", "..", "a\nb", "x" * 5000):
                result = self.ada(*command, name)
                self.assertIn(result.code, (FAILED, USAGE), result)
                self.assertTrue(result.err.startswith("dbfleet: "), result)
                self.assertLess(len(result.err), 3000, command)
        self.assert_says(self.fleet.cli("admin", "agent", "token", "create", "../x", "-e", "qa",
                                        expect=USAGE), r"\.\./x|lower-case")
        self.assert_says(self.fleet.cli("admin", "user", "create", "../x", "--role", "viewer",
                                        expect=USAGE), r"\.\./x|lower-case")
        self.assert_no_new_job(before)
        self.assertFalse((self.fleet.state / "backups/x").exists())

    def test_terminal_escapes_are_shown_escaped_wherever_they_come_from(self):
        red = "\x1b[31mRED\x1b]0;title\x07\u202e"
        folder = self.folder({"0001_esc.up.sql": "ALTER TABLE orders ADD COLUMN x INT COMMENT "
                              f"'{red}';\n", "0001_esc.down.sql": DOWN})
        job = self.change("submit", folder, "--title", red, "--reason", red, "-o",
                          "name", expect=OK).out.strip()
        self.fleet.wait_job(job, "AWAITING_APPROVAL")
        outputs = [self.ada("change", verb, *more, "-o", form, expect=OK)
                   for verb, *more in (("get", job), ("list",))
                   for form in ("table", "wide", "yaml", "json", "jsonl", "name")]
        outputs.append(self.ada("job", "explain", job, expect=OK))
        outputs.append(self.fleet.cli("bob", "change", "reject", job, "--reason", red, expect=OK))
        outputs.append(self.fleet.cli("eve", "audit", "list", "-o", "wide", expect=OK))
        outputs.append(self.ada("instance", "inspect", "mariadb", f"SELECT '{red}' AS `{red}`",
                                expect=OK))
        outputs.append(self.ada("instance", "get", red))
        outputs.append(self.ada(red))
        for output in outputs:
            for bad in ("\x1b", "\x07", "\u202e"):
                self.assertNotIn(bad, output.text, output)
        for shown in outputs[0], outputs[6], outputs[-3]:
            self.assertIn("\\x1b[31mRED", shown.out, shown)
        self.assertIn("COMMENT '\\x1b[31mRED", outputs[0].out)

    def test_inspections_that_do_more_than_read_are_refused(self):
        before = self.jobs()
        for statement in ("DELETE FROM client_1001.orders", "DROP TABLE client_1001.orders",
                          "SELECT 1; DROP TABLE client_1001.orders", "SET GLOBAL read_only = 0",
                          "SELECT * FROM client_1001.orders INTO OUTFILE '/tmp/x'",
                          "SELECT id FROM client_1001.orders FOR UPDATE",
                          "/*! DELETE FROM client_1001.orders */", "nonsense"):
            result = self.ada("instance", "inspect", "mariadb", statement, expect=REFUSED)
            self.assert_says(result, "read-only", "INSPECTION_NOT_SAFE")
        for command in ("FLUSHALL", "SET a b", "CONFIG SET dir /", "EVAL x 0", "SHUTDOWN"):
            self.ada("instance", "inspect", "redis", command, expect=REFUSED)
        self.assert_no_new_job(before)
        refused = [r for r in self.fleet.audit() if r["action"] == "inspect.refused"]
        self.assertGreaterEqual(len(refused), 13)

    # -- Decisions --------------------------------------------------------------------------------

    def submitted(self):
        job = self.change("submit", {"0001_a.up.sql": UP, "0001_a.down.sql": DOWN}, "-o", "name",
                          expect=OK).out.strip()
        return job, self.fleet.wait_job(job, "AWAITING_APPROVAL")

    def test_stale_and_malformed_digests_approve_nothing(self):
        job, view = self.submitted()
        other = "0" * 64 if view["digest"][0] != "0" else "f" * 64
        self.assert_says(self.fleet.cli("bob", "change", "approve", job, "--digest", other,
                                        expect=CONFLICT), view["digest"])
        for digest in ("", view["digest"][:11], "zz" * 32):
            self.fleet.cli("bob", "change", "approve", job, "--digest", digest, expect=USAGE)
        self.assert_says(self.fleet.cli("bob", "change", "approve", job, expect=USAGE), "--digest")
        self.assertEqual(self.fleet.job(job)["state"], "STATE_AWAITING_APPROVAL")
        self.assertEqual(self.fleet.job(job).get("approvals", []), [])
        self.ada("change", "cancel", job, expect=OK)
        self.assert_says(self.fleet.cli("bob", "change", "approve", job, "--digest", view["digest"],
                                        expect=CONFLICT), "cancelled")

    def test_a_wait_that_times_out_ends_with_9_and_says_what_holds_the_job(self):
        job, _ = self.submitted()
        result = self.ada("job", "wait", job, "--timeout", "2s", expect=TIMED_OUT)
        self.assert_says(result, "awaiting_approval", "0 of 1 approval", "approver")
        result = self.ada("change", "wait", job, "--no-block", expect=8)
        self.assert_says(result, "0 of 1 approval")
        self.fleet.cli("bob", "change", "reject", job, "--reason", "no", expect=OK)
        self.ada("job", "wait", job, expect=REFUSED)

    def test_destructive_work_without_consent_is_refused_by_policy(self):
        folder = self.folder({"0001_a.up.sql": UP, "0001_a.down.sql": DOWN})
        result = self.ada("change", "submit", "--dir", folder, "-e", "production", "-i", "mariadb",
                          "-d", "client_1001", "--client", "--account", "1001", "--wait")
        self.assertEqual(result.code, REFUSED, result)
        self.assert_says(result, "--approve-destructive")

    def test_a_missing_role_is_named_with_exit_code_4(self):
        job, view = self.submitted()
        for context, *command in (
                ("vera", "backup", "run", "mariadb"), ("vera", "instance", "check", "mariadb"),
                ("bob", "job", "cancel", job), ("ada", "user", "list"), ("ada", "audit", "list"),
                ("ada", "agent", "revoke", "mariadb", "--reason", "x"),
                ("bob", "instance", "inspect", "mariadb", "SELECT 1"),
                ("eve", "user", "create", "mallory", "--role", "admin"),
                ("admin", "change", "approve", job, "--digest", view["digest"]),
                ("vera", "change", "approve", job, "--digest", view["digest"])):
            result = self.fleet.cli(context, *command, expect=NOT_AUTHORISED)
            self.assert_says(result, f"users/{context}", "role")
        # Whoever may not, does not learn whether there is such a thing.
        known = self.fleet.cli("vera", "backup", "run", "mariadb")
        unknown = self.fleet.cli("vera", "backup", "run", "nowhere")
        self.assertEqual(known.text, unknown.text)
        self.assertEqual(self.fleet.job(job)["state"], "STATE_AWAITING_APPROVAL")
        self.ada("job", "cancel", job, expect=OK)

    def test_zz_after_all_that_the_trail_verifies_and_the_table_is_as_it_was(self):
        self.fleet.audit()
        columns = self.fleet.sql("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE "
                                 "TABLE_SCHEMA = 'client_1001' AND TABLE_NAME = 'orders'")
        self.assertNotIn(["x"], columns)
        self.assertEqual(self.fleet.health("redis"), "HEALTH_STATUS_OK")


if __name__ == "__main__":
    fleet.main()
