"""A private fleet for the end-to-end tests: real database servers, the real binaries.

Everything of one fleet lives below one folder in /tmp. The servers are started by the quickstart's own
shell functions; controller and agents either by the whole quickstart or one by one, so that a test can
kill, freeze and reconfigure them. All daemons are known by pid files of the quickstart's form ("PID
START-TIME"), and are ended by process id only. Standard library only; not thread-safe but for what says
so.
"""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POLL = 0.05
PATIENCE = 90  # Seconds; generous because tests share few cores with compilers.
# An agent that does not answer counts as gone after seconds.
SHORT_LEASES = "ping_interval: 1s\ndead_after: 3s\nlease: 5s\n"
TERMINAL = {"STATE_SUCCEEDED", "STATE_PARTIAL", "STATE_FAILED", "STATE_ROLLED_BACK",
            "STATE_CANCELLED", "STATE_REFUSED", "STATE_REJECTED", "STATE_EXPIRED"}


def build_dir():
    return Path(os.environ["DBFLEET_E2E_BUILD"])


def main():
    """Runs the calling file's tests: FILE BUILD-DIR [unittest arguments]."""
    if len(sys.argv) < 2 or not Path(sys.argv[1], "bin").is_dir():
        sys.exit(f"usage: {sys.argv[0]} BUILD-DIR [TEST...]   (BUILD-DIR/bin holds the binaries)")
    os.environ["DBFLEET_E2E_BUILD"] = str(Path(sys.argv[1]).resolve())
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[2:]], failfast=False)


def wait_until(what, condition, seconds=PATIENCE):
    """Returns the first true value of condition(); AssertionError naming `what` when none comes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"within {seconds} s this did not happen: {what}")
        time.sleep(POLL)


# --- Processes -----------------------------------------------------------------------------------

def stat_of(path):
    """The fields of a stat file from the state on; [] where there is none any more."""
    try:
        text = (path / "stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2:].split()


def start_time(pid):
    """The kernel's start time of a living process; None for none and for a zombie. While one of its
    threads lives, or dies, a process has its files and locks, though its first thread is a zombie."""
    process = Path(f"/proc/{pid}")
    fields = stat_of(process)
    if not fields:
        return None
    try:
        threads = [stat_of(thread) for thread in (process / "task").iterdir()]
    except OSError:
        return None
    return fields[19] if any(thread and thread[0] not in "ZX" for thread in threads) else None


def children_of(pid):
    """The process and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parents.setdefault(int(text[text.rindex(")") + 2:].split()[1]), []).append(int(entry))
    found, todo = [], [int(pid)]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


class Result:
    """What a command left: exit code and both outputs."""

    def __init__(self, argv, completed):
        self.argv = argv
        self.code = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def text(self):
        return self.out + self.err

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"{' '.join(map(str, self.argv))}\nexit {self.code}\n{self.out}{self.err}"


def run(argv, stdin=None, timeout=180, env=None):
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, input=stdin, stdin=None if stdin is not None else
                              subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=timeout, env=env, check=False)
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{' '.join(argv)} did not end within {timeout} s; it had said: "
                             f"{expired.stdout!r} {expired.stderr!r}") from None
    return Result(argv, done)


class SqlSession:
    """A mariadb client that stays open: a transaction of its own that a test holds."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.count = 0

    def execute(self, statement, seconds=PATIENCE):
        self.count += 1
        marker = f"--done-{self.count}--"
        self.process.stdin.write(f"{statement};\nSELECT '{marker}';\n".encode())
        self.process.stdin.flush()
        seen, deadline = b"", time.monotonic() + seconds
        while marker.encode() + b"\n" not in seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{statement!r} was not answered in time: {seen!r}")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise AssertionError(f"the client ended at {statement!r}: {seen!r}")
            seen += chunk
        return seen.decode(errors="replace")

    def close(self):
        """Ends the session and with it its locks."""
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()


# --- The fleet -----------------------------------------------------------------------------------

class Fleet:
    """One fleet. close() ends every process of it and removes the folder (kept after a failure, or
    when DBFLEET_E2E_KEEP is set)."""

    SERVERS = ("mariadb", "postgresql", "redis")
    EARLIER = ("mariadb-qa", "mariadb-dev")  # The quickstart's, where changes are tried.
    # Windows and promotion have tests of their own; the quickstart goes through them by default.
    POLICIES = ("environments:\n" + "".join(
        f"  - name: {name}\n    policy: {{window_for: none, promotion: {{from: none}}}}\n"
        for name in ("qa", "production")))

    def __init__(self, name):
        self.bin = build_dir() / "bin"
        self.state = Path(tempfile.mkdtemp(prefix=f"dbf-{name}-", dir="/tmp"))
        os.chmod(self.state, 0o755)  # The servers run under users of their own.
        self.keep = bool(os.environ.get("DBFLEET_E2E_KEEP"))
        self.children = []  # Popen objects of daemons that this process started.
        self.transcript = []  # Output of every command but those that print a token.
        self.controller_extra = ""

    # -- Shell ------------------------------------------------------------------------------------

    def quickstart(self, *arguments, timeout=600):
        result = run([ROOT / "deploy/quickstart", *arguments, "--no-build", "--build-dir",
                      build_dir(), "--state-dir", self.state], timeout=timeout)
        self.transcript.append(result.text)
        return result

    def shell(self, script, timeout=240):
        """Runs a script with the quickstart's functions at hand."""
        prelude = 'set -euo pipefail; root=$1 state=$2 bin=$3; ' + "".join(
            f'source "$root/deploy/quickstart.d/{name}.sh"; '
            for name in ("common", "servers", "fleet", "story")) + "prepare_state; "
        result = run(["bash", "-c", prelude + script, "e2e", ROOT, self.state, self.bin],
                     timeout=timeout)
        if result.code != 0:
            raise AssertionError(f"{result}\n{self.logs()}")
        return result.out

    # -- Processes --------------------------------------------------------------------------------

    def pid(self, name):
        """The daemon's process id while it lives."""
        try:
            pid, started = (self.state / "run" / f"{name}.pid").read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if start_time(pid) == started else None

    def pids(self):
        """Those of all daemons that have a pid file."""
        names = [p.stem for p in (self.state / "run").glob("*.pid")]
        return {name: self.pid(name) for name in names if self.pid(name) is not None}

    def environment_of(self, _name):
        """A daemon's environment; None: this process's own."""
        return None

    def start(self, name, argv):
        with open(self.state / "log" / f"{name}.log", "ab") as log:
            child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, start_new_session=True,
                                     env=self.environment_of(name))
        self.children.append(child)
        # The start time is there as soon as fork has returned.
        (self.state / "run" / f"{name}.pid").write_text(f"{child.pid} {start_time(child.pid)}\n")
        return child.pid

    def send(self, name, number):
        pid = self.pid(name)
        if pid is None:
            raise AssertionError(f"{name} is not alive\n{self.logs(name)}")
        os.kill(pid, number)
        return pid

    def stop(self, name, number=signal.SIGKILL, seconds=PATIENCE):
        """Sends the signal and waits for the end."""
        if self.pid(name) is None:
            return
        self.send(name, number)
        wait_until(f"the end of {name}", lambda: self.reap() or self.pid(name) is None, seconds)

    def reap(self):
        for child in self.children:
            child.poll()

    def processes(self):
        """Every process whose command line, open files or working folder lie in this fleet's folder:
        {pid: command line}. Finds children that lost their parent."""
        mine, state = {}, str(self.state)
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid() or start_time(entry) is None:
                continue
            try:
                line = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(
                    errors="replace")
                links = [os.readlink(f"/proc/{entry}/cwd")]
                folder = f"/proc/{entry}/fd"
                for fd in os.listdir(folder):
                    try:
                        links.append(os.readlink(f"{folder}/{fd}"))
                    except OSError:
                        pass
            except OSError:
                continue
            if state in line or any(link.startswith(state + "/") for link in links):
                mine[int(entry)] = line
        return mine

    def close(self, failed=False):
        servers = self.SERVERS + self.EARLIER
        for names in ([f"agent-{server}" for server in servers], ["controller"], servers,
                      list(self.pids())):
            living = {n: p for n, p in self.pids().items() if n in names}
            for pid in living.values():
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
            try:
                wait_until("the end", lambda: self.reap() or not set(living) & set(self.pids()), 30)
            except AssertionError:
                for name, pid in self.pids().items():
                    if name in living:
                        os.kill(pid, signal.SIGKILL)
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.reap()
        if failed or self.keep:
            print(f"kept: {self.state}", file=sys.stderr)
        else:
            shutil.rmtree(self.state, ignore_errors=True)

    def logs(self, *names, lines=30):
        """The ends of the log files, for failure messages."""
        text = ""
        for path in sorted((self.state / "log").glob("*.log")):
            if not names or path.stem in names:
                tail = path.read_text(errors="replace").splitlines()[-lines:]
                text += f"--- {path.name}\n" + "\n".join(tail) + "\n"
        return text

    # -- Servers ----------------------------------------------------------------------------------

    def start_servers(self, *names):
        self.shell("write_agent_configs; " + "; ".join(f"start_{n}; load_{n}" for n in names))

    def mariadb_argv(self, *arguments):
        argv = ["mariadb", "--no-defaults", f"--socket={self.state}/sock/mariadb/s", "--batch",
                "--skip-column-names", *arguments]
        if os.getuid() == 0:
            return ["runuser", "-u", "mysql", "--", *argv, "-u", "mysql"]
        return argv

    def sql(self, statements):
        """Runs statements on the MariaDB as its administrator; the rows as lists of text."""
        result = run(self.mariadb_argv(), stdin=statements)
        if result.code != 0:
            raise AssertionError(f"{statements}\n{result}")
        return [line.split("\t") for line in result.out.splitlines()]

    def sql_session(self):
        return SqlSession(self.mariadb_argv("--unbuffered"))

    # -- Controller and agents --------------------------------------------------------------------

    def port(self, name):
        return int((self.state / "etc" / f"{name}.port").read_text())

    def write_controller_config(self, extra=None):
        """`extra`: further lines, kept for later starts."""
        if extra is not None:
            self.controller_extra = extra
        config = self.state / "etc/controller.yaml"
        config.write_text(f"data_dir: {self.state}/controller\n"
                          f"listen: 127.0.0.1:{self.port('grpc')}\n"
                          f"http_listen: 127.0.0.1:{self.port('http')}\n"
                          "advertise:\n  - 127.0.0.1\n" + self.POLICIES + self.controller_extra)
        return config

    def start_controller(self, extra=None):
        config = self.write_controller_config(extra)
        self.start("controller", [self.bin / "dbfleet-controller", "run", "--config", config])
        wait_until("the controller is ready",
                   lambda: self.alive("controller") and self.http("/readyz")[0] == 200)

    def alive(self, name):
        self.reap()
        if self.pid(name) is None:
            raise AssertionError(f"{name} ended by itself\n{self.logs(name)}")
        return True

    def make_users(self):
        """admin, ada (operator and approver), bob (approver), eve (auditor), as in the quickstart."""
        self.login("admin", self.state / "controller/admin-token")
        for name, roles in (("ada", ("operator", "approver")), ("bob", ("approver",)),
                            ("eve", ("auditor",))):
            self.make_user(name, *roles)

    def make_user(self, name, *roles):
        token = self.state / "secrets" / f"token-{name}"
        self.cli("admin", "user", "create", name, *[f"--role={r}" for r in roles], expect=0)
        self.cli("admin", "token", "create", "--user", name, "--out", token, expect=0)
        self.login(name, token)

    def login(self, name, token_file):
        result = self.cli(None, "login", "--server", f"127.0.0.1:{self.port('grpc')}", "--ca-file",
                          self.state / "controller/ca/ca.crt", "--token-file", token_file, "--name",
                          name, expect=0)
        return result

    def enrol(self, name, environment):
        """Puts a join token where the agent's configuration wants it."""
        self.cli("admin", "agent", "token", "create", name, "--environment", environment, "--out",
                 self.state / "secrets" / f"join-{name}", "--overwrite", expect=0)

    def start_agent(self, name, wait=True):
        config = self.state / "etc" / f"agent-{name}.yaml"
        self.start(f"agent-{name}", [self.bin / "dbfleet-agent", "run", "--config", config])
        if wait:
            self.wait_connected(name)

    def agent(self, name):
        return self.cli("admin", "agent", "get", name, "-o", "json", expect=0).json()

    def wait_connected(self, name):
        wait_until(f"agent {name} is connected", lambda: self.alive(f"agent-{name}") and
                   self.cli("admin", "agent", "get", name, "-o", "json").out.find(
                       '"STATE_CONNECTED"') >= 0)

    def wait_healthy(self, name):
        wait_until(f"instance {name} is healthy",
                   lambda: self.health(name) in ("HEALTH_STATUS_OK", "HEALTH_STATUS_WARN"))

    def health(self, name):
        instance = self.cli("admin", "instance", "get", name, "-o", "json", expect=0).json()
        return instance.get("health", {}).get("status", "")

    def http(self, path, port=None):
        """(status, body) of a GET; status 0 when nobody answers."""
        url = f"http://127.0.0.1:{port or self.port('http')}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def journal(self, name, command):
        """What sqlite3 says on a copy of an agent's journal; the agent has locked its own."""
        with tempfile.TemporaryDirectory() as folder:
            for path in (self.state / f"agent-{name}/journal").glob("journal.db*"):
                shutil.copy(path, folder)
            done = subprocess.run(["sqlite3", f"{folder}/journal.db", command],
                                  capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    # -- Command line -----------------------------------------------------------------------------

    def cli(self, context, *arguments, expect=None, stdin=None, timeout=180, env=None):
        """Runs dbfleet as the named context; `expect`: the exit code that it has to end with."""
        argv = [self.bin / "dbfleet"]
        argv += ["--context", context] if context is not None else []
        result = run(argv + list(arguments), stdin=stdin, timeout=timeout,
                     env={"PATH": os.environ["PATH"], "HOME": str(self.state),
                          "DBFLEET_CONFIG": str(self.state / "cli.json"), **(env or {})})
        self.transcript.append(result.text)
        if expect is not None and result.code != expect:
            raise AssertionError(f"expected exit {expect}:\n{result}\n{self.logs(lines=12)}")
        return result

    def job(self, job):
        return self.cli("admin", "job", "get", job, "-o", "json", expect=0).json()

    def wait_job(self, job, *states, seconds=PATIENCE):
        """The job as soon as it is in one of these states (without: any terminal one)."""
        wanted = {f"STATE_{s}" for s in states} or TERMINAL
        last = {}

        def reached():
            last.update(self.job(job))
            if last["state"] in wanted:
                return True
            if last["state"] in TERMINAL:
                raise AssertionError(f"{job} is {last['state']}, wanted {wanted}: "
                                     f"{last.get('errorReason')} {last.get('errorMessage')}")
            return False

        try:
            wait_until(f"{job} is {wanted}", reached, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(last, indent=1)[:6000]}\n"
                                 f"{self.logs(lines=15)}") from None
        return last

    def submit(self, folder, *arguments, instance="mariadb", environment="production",
               database="client_1001", context="ada"):
        """Submits a change on a client's database and returns its id."""
        result = self.cli(context, "change", "submit", "--dir", folder, "--environment",
                          environment, "--instance", instance, "--database", database, "--client",
                          "--account", "1001", "--title", "e2e", "--reason", "e2e",
                          "--approve-destructive", *arguments, "-o", "name", expect=0)
        return result.out.strip().rsplit("/", 1)[-1]

    def approve(self, job, context="bob"):
        digest = self.job(job)["digest"]
        return self.cli(context, "change", "approve", job, "--digest", digest, "--reason", "seen",
                        expect=0)

    def migration(self, version, name, up, down):
        """A folder of its own with one migration."""
        folder = self.state / "migrations" / f"{version}-{name}"
        folder.mkdir(parents=True)
        for part, text in (("up", up), ("down", down)):
            if text is not None:
                (folder / f"{version}_{name}.{part}.sql").write_text(text)
        return folder

    def audit(self):
        """Exports the trail, verifies it offline, and returns its records."""
        path = self.state / "audit-e2e.jsonl"
        self.cli("eve", "audit", "export", "--out", path, expect=0)
        self.cli(None, "audit", "verify", path, expect=0)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [line for line in lines if line["type"] == "record"]  # Else a checkpoint or receipt.


class FleetTest(unittest.TestCase):
    """A test case with one fleet for all its tests: make_fleet builds it."""

    fleet = None
    failed = False

    @classmethod
    def make_fleet(cls):
        raise NotImplementedError

    @classmethod
    def make_small_fleet(cls, name, environment="development", declarer=("policy_admin",)):
        """A MariaDB with its agent in the environment, under short leases, which later starts of the
        controller keep. Beside the usual users there is polly, who has the roles `declarer`."""
        cls.fleet = Fleet(name)  # At once: whatever fails from here on, it is closed.
        cls.fleet.start_servers("mariadb")
        cls.fleet.start_controller(SHORT_LEASES)
        cls.fleet.make_users()
        cls.fleet.make_user("polly", *declarer)
        cls.fleet.enrol("mariadb", environment)
        cls.fleet.start_agent("mariadb")
        cls.fleet.wait_healthy("mariadb")

    @classmethod
    def declare(cls, text, *more, context="polly", expect=0):
        """Applies a manifest."""
        return cls.fleet.cli(context, "apply", "-f", "-", *more, stdin=text, expect=expect)

    @classmethod
    def setUpClass(cls):
        try:
            cls.make_fleet()
        except BaseException:
            cls.failed = True
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.fleet is not None:
            cls.fleet.close(cls.failed)
            cls.fleet = None

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            type(self).failed = True  # The folder is kept for a look.

    def assert_says(self, result, *patterns):
        """Every pattern (case-insensitive) stands in the command's output, and it is printable."""
        for pattern in patterns:
            self.assertRegex(result.text, re.compile(pattern, re.IGNORECASE | re.DOTALL),
                             f"in the output of {result}")
        self.assertNotIn("\x1b", result.text, str(result))
