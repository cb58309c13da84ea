"""A fleet that is meant to be hurt: daemons with failpoints, killed and brought back by name.

Builds on the end-to-end tests' Fleet. Everything that happens to the fleet, and everything that was
asked of it, goes into one log in the order of its happening; the checker judges by that log and by
what controller, agents and databases have written down themselves.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from fleet import SHORT_LEASES, Fleet, wait_until  # noqa: E402

# Short, so that a run of minutes sees many leases, silences and renewals.
CONTROLLER_SETTINGS = SHORT_LEASES + "agent_certificate_lifetime: 15s\n"
ENVIRONMENTS = {"mariadb": "production", "postgresql": "qa", "redis": "development"}
DATABASES = {"mariadb": "client_1001", "postgresql": "shop"}
# Each change puts a row into both step tables and takes it out again when it is undone; triggers
# count what took effect, where no migration can hide it.
EFFECTS = {
    "mariadb": "USE client_1001;" + "".join(f"""
        CREATE TABLE chaos_step_{n} (change_name VARCHAR(64) NOT NULL) ENGINE=InnoDB;""" for n in
                                            (1, 2)) + """
        CREATE TABLE chaos_effects (id BIGINT AUTO_INCREMENT PRIMARY KEY, change_name VARCHAR(64)
            NOT NULL, step INT NOT NULL, direction VARCHAR(4) NOT NULL, at TIMESTAMP(6) DEFAULT
            CURRENT_TIMESTAMP(6)) ENGINE=InnoDB;""" + "".join(f"""
        CREATE TRIGGER chaos_{way}_{n} AFTER {event} ON chaos_step_{n} FOR EACH ROW
            INSERT INTO chaos_effects (change_name, step, direction)
            VALUES ({row}.change_name, {n}, '{way}');""" for n in (1, 2) for way, event, row in
                                                              (("up", "INSERT", "NEW"),
                                                               ("down", "DELETE", "OLD"))),
    "postgresql": """
        CREATE TABLE chaos_effects (id BIGSERIAL PRIMARY KEY, change_name VARCHAR(64) NOT NULL,
            step INT NOT NULL, direction VARCHAR(4) NOT NULL, at TIMESTAMPTZ DEFAULT
            clock_timestamp());""" + "".join(f"""
        CREATE TABLE chaos_step_{n} (change_name VARCHAR(64) NOT NULL);
        ALTER TABLE chaos_step_{n} OWNER TO dbfleet_migrate;
        CREATE FUNCTION chaos_up_{n}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            'BEGIN INSERT INTO chaos_effects (change_name, step, direction)
             VALUES (NEW.change_name, {n}, ''up''); RETURN NULL; END';
        CREATE FUNCTION chaos_down_{n}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            'BEGIN INSERT INTO chaos_effects (change_name, step, direction)
             VALUES (OLD.change_name, {n}, ''down''); RETURN NULL; END';
        CREATE TRIGGER chaos_up AFTER INSERT ON chaos_step_{n} FOR EACH ROW
            EXECUTE FUNCTION chaos_up_{n}();
        CREATE TRIGGER chaos_down AFTER DELETE ON chaos_step_{n} FOR EACH ROW
            EXECUTE FUNCTION chaos_down_{n}();""" for n in (1, 2)),
}


class Log:
    """What happened, in order. Thread-safe."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.entries = []

    def add(self, op, **facts):
        entry = {"t": time.time(), "op": op, **facts}
        with self.lock:
            self.entries.append(entry)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def copy(self):
        with self.lock:
            return list(self.entries)


class ChaosFleet(Fleet):
    """`names`: which of the databases. Daemons are brought up by boot(); the guard restarts, without
    orders, whatever died by its failpoint."""

    def __init__(self, name, names=("mariadb", "postgresql", "redis"), trace=False):
        super().__init__(name)
        self.names = names
        self.log = Log(self.state / "workload.jsonl")
        self.orders = {}      # Daemon: failpoint orders for its next start.
        self.restores = 0     # How often the controller was restored from an older backup.
        self.versions = {}    # Daemon: "newer" or "older", as which it talks with the others.
        self.binaries = {}    # Daemon: another program than this build's.
        self.trace = trace
        self.codes = {}       # Daemon: the last end that was noticed.
        self.guarding = set()
        self.lock = threading.RLock()
        self.stop_guard = threading.Event()
        self.guard = None

    # -- Daemons ----------------------------------------------------------------------------------

    def environment_of(self, name):
        env = {k: v for k, v in os.environ.items() if not k.startswith("DBFLEET_")}
        if name != "controller" and not name.startswith("agent-"):
            return env
        orders = ";".join(filter(None, (self.version_order(name), self.orders.get(name))))
        if orders:
            env["DBFLEET_FAILPOINTS"] = orders
            env["DBFLEET_FAILPOINT_SEED"] = str(zlib.crc32(f"{name} {orders}".encode()))
        env["DBFLEET_CLOCK_OFFSET"] = str(self.clock_file(name))
        if self.trace:
            env["DBFLEET_FAILPOINT_TRACE"] = str(self.trace_file(name))
        return env

    def version_order(self, daemon):
        place = "control.send" if daemon == "controller" else "link.send"
        return f"{place}.version={self.versions[daemon]}" if daemon in self.versions else ""

    def trace_file(self, name):
        return self.state / "log" / f"trace-{name}.txt"

    def clock_file(self, name):
        return self.state / "run" / f"{name}.clock"

    def set_clock(self, name, seconds):
        """From now on its wall clock is off by so much."""
        path = self.clock_file(name)
        fresh = path.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(path)

    def daemons(self):
        return ["controller"] + [f"agent-{n}" for n in self.names]

    def argv_of(self, daemon):
        config = self.state / "etc" / f"{daemon}.yaml"
        program = "dbfleet-controller" if daemon == "controller" else "dbfleet-agent"
        return [self.binaries.get(daemon, self.bin / program), "run", "--config", config]

    def child_of(self, daemon):
        """The process that was last started for it."""
        config = str(self.argv_of(daemon)[-1])
        return next((c for c in reversed(self.children) if config in c.args), None)

    def start_agent(self, name, wait=True):
        self.start(f"agent-{name}", self.argv_of(f"agent-{name}"))
        if wait:
            self.wait_connected(name)

    def boot(self, daemon, orders=""):
        """Starts it and returns at once."""
        with self.lock:
            self.orders[daemon] = orders
            self.codes.pop(daemon, None)
            self.log.add("start", daemon=daemon, orders=orders)
            self.start(daemon, self.argv_of(daemon))
            self.orders[daemon] = ""

    def kill(self, daemon, number=signal.SIGKILL):
        """Ends it, if it lives; it stays down until boot()."""
        with self.lock:
            self.guarding.discard(daemon)
            if self.pid(daemon) is not None:
                self.log.add("kill", daemon=daemon, signal=int(number))
                self.send(daemon, number)
                self.send_quietly(daemon, signal.SIGCONT)
            wait_until(f"the end of {daemon}", lambda: self.reap() or self.pid(daemon) is None, 30)

    def send_quietly(self, daemon, number):
        try:
            self.send(daemon, number)
        except (AssertionError, ProcessLookupError):
            pass

    def reboot(self, daemon, orders="", number=signal.SIGKILL):
        with self.lock:
            self.kill(daemon, number)
            self.boot(daemon, orders)
            self.guarding.add(daemon)

    def start_guard(self):
        self.guard_only(*self.daemons())

    def guard_only(self, *daemons):
        self.guarding = set(daemons)
        self.guard = threading.Thread(target=self._guard, daemon=True)
        self.guard.start()

    def _guard(self):
        while not self.stop_guard.wait(0.05):
            with self.lock:
                self.reap()
                for daemon in list(self.guarding):
                    if self.pid(daemon) is not None:
                        continue
                    child = self.child_of(daemon)
                    code = child.wait() if child is not None else None
                    self.log.add("died", daemon=daemon, code=code)
                    self.boot(daemon)
                    self.codes[daemon] = code

    def close(self, failed=False):
        self.stop_guard.set()
        if self.guard is not None:
            self.guard.join()
        super().close(failed)

    # -- Building it ------------------------------------------------------------------------------

    def build(self, settings=CONTROLLER_SETTINGS, before_agents=lambda: None):
        self.start_servers(*self.names)
        for name in self.names:
            if name in EFFECTS:
                self.target_sql(name, EFFECTS[name])
                self.agent_setting(name, "check_interval: 5s", "check_interval: 2s")
        self.start_controller(settings)
        self.make_users()
        before_agents()
        for name in self.names:
            self.enrol(name, ENVIRONMENTS[name])
            self.start_agent(name)
        for name in self.names:
            self.wait_healthy(name)
        self.start_guard()

    def agent_setting(self, name, old, new):
        path = self.state / "etc" / f"agent-{name}.yaml"
        path.write_text(path.read_text().replace(old, new))

    # -- Targets ----------------------------------------------------------------------------------

    def target_sql(self, name, statements):
        """Runs statements as the database's administrator; the rows as lists of text."""
        if name == "mariadb":
            return self.sql(statements)
        user = "postgres" if os.getuid() == 0 else os.environ.get("USER", "postgres")
        argv = ["psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h",
                f"{self.state}/sock/postgresql", "-U", user, "-d", DATABASES["postgresql"]]
        if os.getuid() == 0:
            argv = ["runuser", "-u", user, "--", *argv]
        done = subprocess.run(argv, input=statements, capture_output=True, text=True, timeout=120,
                              check=False)
        if done.returncode != 0:
            raise AssertionError(f"{statements}\n{done.stdout}{done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    # -- Asking, while things die -----------------------------------------------------------------

    def ask(self, context, *arguments, seconds=60):
        """Runs the command until the controller answers it: for what can be asked twice without harm.
        The result, whatever its exit code."""
        deadline = time.monotonic() + seconds
        while True:
            result = self.cli(context, *arguments)
            if result.code != 7 or time.monotonic() > deadline:
                return result
            time.sleep(0.2)

    def ready(self):
        """Controller and agents are up and know each other."""
        wait_until("the controller is ready", lambda: self.http("/readyz")[0] == 200)
        for name in self.names:
            wait_until(f"agent {name} is connected", lambda n=name: '"STATE_CONNECTED"' in self.cli(
                "admin", "agent", "get", n, "-o", "json").out)


