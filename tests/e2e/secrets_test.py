"""No secret is anywhere but in the files made for it: not in logs, argv, environments, metrics, the
audit trail, the store, the journals, backups, or the output of a command.

Recognisable passwords are planted before the first start. Every process of the host is sampled while
everything runs, from the quickstart's beginning to the last failing job.
"""
import base64
import os
import re
import signal
import subprocess
import threading
import time

import fleet
from fleet import Fleet, FleetTest, run, wait_until

PLANTED = ("mariadb-inspect", "mariadb-backup", "mariadb-migrate", "postgresql-inspect",
           "postgresql-backup", "postgresql-migrate", "redis-inspect", "redis-backup")
# Where secrets belong, and what is not ours: the servers' own data.
EXEMPT = ("secrets/", "cli.json", "controller/admin-token", "mariadb/", "mariadb-qa/",
          "mariadb-dev/", "postgresql/", "redis/")


def canary(name):
    return f"Canary9{name.replace('-', 'Q')}Zq7Xw3Kp5Lm2Vd8"


class Needles:
    """The secrets, and the forms in which one could slip out."""

    def __init__(self, secrets):
        self.names = {}
        for name, secret in secrets.items():
            raw = secret.encode()
            forms = [raw, raw.hex().encode(), raw.hex().upper().encode()]
            # Base64 at each of the three alignments, without the ends that depend on neighbours.
            forms += [base64.b64encode(b"\0" * skip + raw)[4 if skip else 0:-4] for skip in range(3)]
            for form in forms:
                self.names[form] = name
        self.pattern = re.compile(b"|".join(re.escape(f) for f in sorted(
            self.names, key=len, reverse=True)))

    def find(self, data):
        return sorted({self.names[m] for m in self.pattern.findall(data)})


class Sampler(threading.Thread):
    """Reads argv and environment of every process each 20 ms; of those that live on, less often, as
    they change early in a life if ever."""

    def __init__(self):
        super().__init__(daemon=True)
        self.end = threading.Event()
        self.seen = {}  # Bytes: where they were seen first.
        self.programs = set()

    def run(self):
        own, looks = str(os.getpid()), {}
        while not self.end.is_set():
            began = time.monotonic()
            pids = {pid for pid in os.listdir("/proc") if pid.isdigit() and pid != own}
            looks = {pid: looks.get(pid, 0) + 1 for pid in pids}
            for pid in pids:
                if looks[pid] > 20 and looks[pid] % 50:
                    continue
                for kind in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{kind}", "rb") as file:
                            data = file.read()
                    except OSError:
                        continue
                    if data and data not in self.seen:
                        self.seen[data] = f"{kind} of process {pid}"
                        if kind == "cmdline":
                            self.programs.add(os.path.basename(data.split(b"\0")[0]).decode(
                                errors="replace"))
            self.end.wait(max(0.001, 0.02 - (time.monotonic() - began)))

    def stop(self):
        self.end.set()
        self.join()


class SecretsTest(FleetTest):
    """The tests run in the order of their names on one fleet."""

    @classmethod
    def make_fleet(cls):
        cls.fleet = Fleet("secr")
        folder = cls.fleet.state / "secrets"
        folder.mkdir(mode=0o700)
        for name in PLANTED:
            path = folder / name
            path.write_text(canary(name) + "\n")
            path.chmod(0o600)
        cls.wrong = {}  # Further secrets that appear on the way.
        cls.sampler = Sampler()
        cls.sampler.start()
        result = cls.fleet.quickstart()
        if result.code != 0:
            raise AssertionError(f"{result}\n{cls.fleet.logs()}")

    @classmethod
    def tearDownClass(cls):
        if cls.sampler.is_alive():
            cls.sampler.stop()
        super().tearDownClass()

    def secrets(self):
        """Name to value, of everything that must not be seen."""
        state, found = self.fleet.state, dict(self.wrong)
        for path in [*(state / "secrets").iterdir(), state / "controller/admin-token"]:
            text = path.read_text().strip()
            found[path.name] = text
            for part in re.findall(r"dbf[jt]_([0-9a-f]{64})", text):
                found[f"{path.name} (without its prefix)"] = part
        for key in [state / "controller/ca/ca.key", *state.glob("agent-*/identity/key-*.pem")]:
            found[f"{key.parent.parent.name}/{key.name}"] = key.read_text().splitlines()[2]
        return found

    def needles(self):
        secrets = self.secrets()
        self.assertGreaterEqual(len(secrets), 20, list(secrets))
        for name, secret in secrets.items():
            self.assertGreaterEqual(len(secret), 24, name)
        return Needles(secrets)

    def cli(self, *arguments, **options):
        return self.fleet.cli("ada", *arguments, **options)

    # -- The passwords are really in use ----------------------------------------------------------

    def test_1_the_planted_passwords_are_the_accounts_passwords(self):
        for name in PLANTED:
            self.assertEqual((self.fleet.state / "secrets" / name).read_text().strip(), canary(name))
        option_file = self.fleet.state / "secrets" / "probe.cnf"
        option_file.touch(mode=0o600)
        option_file.write_text(f"[client]\nuser=dbfleet_backup\npassword={canary('mariadb-backup')}\n"
                               f"socket={self.fleet.state}/sock/mariadb/s\n")
        result = run(["mariadb", f"--defaults-file={option_file}", "-e", "SELECT CURRENT_USER()"])
        option_file.unlink()
        self.assertIn("dbfleet_backup", result.out, result)

    def test_2_more_jobs_of_every_kind(self):
        for name in Fleet.SERVERS:
            self.cli("instance", "check", name, expect=0)
            self.cli("backup", "run", name, "--wait", expect=0)
        for backup in self.cli("backup", "list", "-o", "json", expect=0).json()[:3]:
            self.cli("backup", "verify", backup["name"], "--wait", expect=0)
        self.cli("instance", "inspect", "mariadb", "SELECT CURRENT_USER(), @@version", expect=0)
        self.cli("instance", "inspect", "postgresql", "SELECT current_user", "-d", "shop", expect=0)
        self.cli("instance", "inspect", "redis", "DBSIZE", expect=0)
        # Statements that ask for secrets as far as the account may.
        self.cli("instance", "inspect", "mariadb", "SHOW GRANTS")
        self.cli("instance", "inspect", "redis", "ACL LIST")

    # -- Errors leak most -------------------------------------------------------------------------

    def replace_password(self, name, value):
        path = self.fleet.state / "secrets" / name
        path.write_text(value)
        path.chmod(0o600)

    def test_3_wrong_passwords_fail_with_a_reason_and_without_the_password(self):
        for server in Fleet.SERVERS:
            for use, command in (("backup", ["backup", "run", server, "--wait"]),
                                 ("inspect", ["instance", "check", server])):
                name = f"{server}-{use}"
                wrong = f"Wrong5{canary(name)}"
                self.wrong[f"wrong {name}"] = wrong
                self.replace_password(name, wrong + "\n")
                result = self.cli(*command)
                self.replace_password(name, canary(name) + "\n")
                if use == "backup":
                    self.assertEqual(result.code, 1, result)
                    self.assert_says(result, "access denied|password|WRONGPASS|authentication",
                                     rf"{server}|dbfleet_backup")
                else:
                    # A check that could not log in did its work; it says what it found.
                    self.assert_says(result, "health (critical|unknown)")
        # What is written into an option file or a password file must not break out of it.
        odd = ["Odd5it's\"#;[x]\\nCanaryZq7Xw3Kp5Lm2", "OddLineOneZq7Xw3Kp5Lm2Vd8Canary\n"
               "OddLineTwoZq7Xw3Kp5Lm2Vd8Canary"]
        for value in odd:
            self.wrong.update({f"odd: line {i} of {len(value)}": line
                               for i, line in enumerate(value.split("\n"))})
            for server in Fleet.SERVERS:
                self.replace_password(f"{server}-backup", value + "\n")
                result = self.cli("backup", "run", server, "--wait")
                self.replace_password(f"{server}-backup", canary(f"{server}-backup") + "\n")
                self.assertEqual(result.code, 1, result)

    def test_4_a_migration_that_cannot_log_in(self):
        wrong = "Wrong5migrate" + canary("mariadb-migrate")
        self.wrong["wrong mariadb-migrate"] = wrong
        self.replace_password("mariadb-migrate", wrong + "\n")
        result = self.cli(
            "change", "plan", "--dir", fleet.ROOT / "deploy/quickstart.d/migrations/add-order-notes",
            "-e", "production", "-i", "mariadb", "-d", "client_1001", "--client", "--account", "1001")
        self.replace_password("mariadb-migrate", canary("mariadb-migrate") + "\n")
        self.assertEqual(result.code, 1, result)
        self.assert_says(result, "access denied|password")

    def test_5_unreachable_databases(self):
        for server in Fleet.SERVERS:
            self.fleet.stop(server, signal.SIGTERM if server != "postgresql"
                            else signal.SIGINT)
            result = self.cli("backup", "run", server, "--wait")
            self.assertEqual(result.code, 1, result)
            self.assert_says(result, "connect|reach|socket|refused")
            self.assert_says(self.cli("instance", "check", server), "critical")
            self.cli("instance", "inspect", server, "SELECT 1" if server != "redis" else "PING",
                     expect=1)
        self.fleet.shell("write_agent_configs; start_mariadb; start_postgresql; start_redis")
        for server in Fleet.SERVERS:
            self.fleet.wait_healthy(server)

    def test_6_bad_tokens_at_the_command_line(self):
        token = self.fleet.state / "secrets" / "token-false"
        token.write_text("dbft_" + "0123456789abcdef" * 4 + "\n")
        token.chmod(0o600)
        self.fleet.cli("ada", "whoami", expect=4, env={"DBFLEET_TOKEN_FILE": str(token)})
        join = self.fleet.state / "secrets" / "join-false"
        join.write_text("dbfj_" + "fedcba9876543210" * 4 + "_" + "0" * 64 + "\n")
        join.chmod(0o600)
        config = self.fleet.state / "etc" / "agent-false.yaml"
        config.write_text(f"name: false-agent\ncontroller: 127.0.0.1:{self.fleet.port('grpc')}\n"
                          f"data_dir: {self.fleet.state}/agent-false\n"
                          f"backup_dir: {self.fleet.state}/backups\n")
        result = run([self.fleet.bin / "dbfleet-agent", "enroll", "--config", config,
                      "--token-file", join])
        self.fleet.transcript.append(result.text)
        self.assertNotEqual(result.code, 0, result)

    # -- Looking everywhere -----------------------------------------------------------------------

    def test_70_processes(self):
        # The samples have to contain what would leak: the tools and their environments.
        wait_until("samples of the tools", lambda: {"mariadb-dump", "pg_dump", "redis-cli",
                   "dbfleet-agent", "dbfleet-controller"} <= self.sampler.programs, 5)
        self.assertTrue({"dbfleet-exec", "dbfleet"} & self.sampler.programs)
        needles = self.needles()
        leaks = {where: needles.find(data) for data, where in list(self.sampler.seen.items())}
        self.assertEqual({w: names for w, names in leaks.items() if names}, {})

    def test_71_files(self):
        # The output of commands and the trail as exported become files, and are looked at with them.
        (self.fleet.state / "transcript.txt").write_text("\n".join(self.fleet.transcript))
        self.fleet.audit()
        needles, looked, leaks = self.needles(), [], {}
        for path in self.fleet.state.rglob("*"):
            name = str(path.relative_to(self.fleet.state))
            if name.startswith(EXEMPT) or not path.is_file() or path.is_symlink():
                continue
            if re.match(r"agent-[a-z-]+/identity/key-.*\.pem$|controller/ca/ca\.key$", name):
                continue  # The keys' own files.
            looked.append(name)
            found = needles.find(path.read_bytes() + self.unpacked(path))
            if found:
                leaks[name] = found
        self.assertEqual(leaks, {})
        for expected in ("log/controller.log", "log/agent-mariadb.log", "log/agent-redis.log",
                         "controller/store.db", "agent-mariadb/journal/journal.db", "audit.jsonl",
                         "audit-e2e.jsonl", "transcript.txt", "etc/agent-postgresql.yaml"):
            self.assertIn(expected, looked)
        self.assertTrue([n for n in looked if n.startswith("backups/") and n.endswith(".zst")])
        self.assertTrue([n for n in looked if n.startswith("controller/logs/")])

    @staticmethod
    def unpacked(path):
        if path.suffix == ".zst":
            return subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
        return b""

    def test_72_the_store_and_the_journals_as_text(self):
        needles = self.needles()
        dumps = {n: self.fleet.journal(n, ".dump") for n in Fleet.SERVERS}
        dumps["store"] = run(["sqlite3", "-readonly", self.fleet.state / "controller/store.db",
                              ".dump"]).out
        for name, dump in dumps.items():
            self.assertIn("CREATE TABLE", dump, name)
            self.assertEqual(needles.find(dump.encode()), [], name)

    def test_73_metrics(self):
        needles = self.needles()
        ports = {"the controller": self.fleet.port("http")}
        ports.update({n: self.fleet.port(f"metrics-{n}") for n in Fleet.SERVERS})
        for name, port in ports.items():
            status, body = self.fleet.http("/metrics", port)
            self.assertEqual(status, 200, name)
            self.assertIn("# TYPE", body)
            self.assertEqual(needles.find(body.encode()), [], name)
        for path in (*[f"/instances/{n}/metrics" for n in Fleet.SERVERS], "/sd/prometheus"):
            status, body = self.fleet.http(path)
            self.assertEqual(status, 200, path)
            self.assertEqual(needles.find(body.encode()), [], path)

    def test_74_everything_that_a_user_can_read(self):
        needles = self.needles()
        for context, command in (("ada", ["job", "list", "--limit", "0"]), ("ada", ["backup", "list"]),
                                 ("ada", ["instance", "list"]), ("ada", ["agent", "list"]),
                                 ("eve", ["audit", "list", "--limit", "0"]),
                                 ("admin", ["user", "list"])):
            for form in ("json", "yaml", "wide"):
                result = self.fleet.cli(context, *command, "-o", form, expect=0)
                self.assertEqual(needles.find(result.text.encode()), [], command)
        for job in self.cli("job", "list", "--limit", "0", "-o", "name", expect=0).out.split():
            for command in (["job", "get"], ["job", "logs"]):
                result = self.cli(*command, job, "-o", "json", expect=0)
                self.assertEqual(needles.find(result.text.encode()), [], f"{command} {job}")

    def test_75_the_search_finds_what_it_looks_for(self):
        needles = self.needles()
        secret = canary("mariadb-backup").encode()
        for data in (b"x" + secret, secret.hex().encode(), b"k: " + base64.b64encode(secret),
                     base64.b64encode(b"1" + secret + b"2"), base64.b64encode(b"12" + secret)):
            self.assertEqual(needles.find(data), ["mariadb-backup"], data)
        for name in ("admin-token", "token-ada", "mariadb-backup"):
            self.assertIn(name, self.secrets())
        with subprocess.Popen(["sleep", "60.2468"], env={"PROBE": "seen-in-an-environment"}) as probe:
            try:
                for mark in (b"60.2468", b"seen-in-an-environment"):
                    wait_until("the sampler sees a process", lambda: any(
                        mark in data for data in list(self.sampler.seen)), 10)
            finally:
                probe.kill()


if __name__ == "__main__":
    fleet.main()
