"""What users do to the fleet, written so that it goes through whatever dies on the way.

Each operation is a function of the workload; it asks, looks whether what it asked for arrived (as a
person would, before asking again), and brings the job to its end: approving, and deciding by a look
at the database where the fleet says that a person must. Nothing is asserted here about the product;
the log of what was asked and acknowledged is the checker's.
"""
import contextlib
import random
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from fleet import TERMINAL, wait_until
from harness import DATABASES, ENVIRONMENTS
from restoring import Restoring, recover

SETTLE = 90  # Seconds for a job to end, or to ask for a person, once nothing dies any more.


class JobGone(Exception):
    """The controller was restored from a backup that did not know the job."""


class Workload:
    def __init__(self, fleet):
        self.fleet = fleet
        self.log = fleet.log
        self.count = 0
        self.lock = threading.Lock()
        self.migrating = {name: threading.Lock() for name in DATABASES}
        self.applied = []  # (instance, change, job) that could be taken back.

    # -- Helpers ----------------------------------------------------------------------------------

    def next_name(self, kind):
        with self.lock:
            self.count += 1
            return f"{kind}_{self.count:04}"

    def forgot_job(self, result):
        return self.fleet.restores > 0 and "[JOB_NOT_FOUND]" in result.text

    def jobs(self, kind=None):
        arguments = ["job", "list", "--limit", "0", "-o", "json"] + (["--kind", kind] if kind else [])
        result = self.fleet.ask("admin", *arguments)
        return result.json() if result.code == 0 else []

    def once(self, op, context, arguments, arrived, **facts):
        """Asks; when no answer came, looks whether it arrived all the same before asking again.
        `arrived`: returns the job's name once it is there. The job's id, or None when refused."""
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            result = self.fleet.cli(context, *arguments, "-o", "name")
            job = result.out.strip().rsplit("/", 1)[-1] if result.code == 0 else ""
            if result.code == 0:
                self.log.add(op, by=context, job=job, acked=True, **facts)
                return job
            if result.code not in (1, 7, 9) or self.forgot_job(result):
                self.log.add(op, by=context, job="", acked=False, error=result.text[-400:], **facts)
                return None
            there = arrived()
            if there:
                self.log.add(op, by=context, job=there, acked=False, error="found later", **facts)
                return there
            time.sleep(0.2)
        raise AssertionError(f"{arguments} was not answered within {SETTLE} s:\n{result}")

    def view(self, job):
        result = self.fleet.ask("admin", "job", "get", job, "-o", "json")
        if result.code != 0:
            if self.forgot_job(result):
                self.log.add("gone", job=job)
                raise JobGone(job)
            raise AssertionError(f"job {job}: {result}")
        view = result.json()
        self.log.add("observe", job=job, state=view["state"])
        return view

    def settle(self, job, decide=None, seconds=SETTLE):
        """Brings the job to its end. `decide(view)` plays the person where one is needed: it returns
        "applied" or "not-applied"."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            view = self.view(job)
            state = view["state"]
            if state in TERMINAL:
                return view
            if state == "STATE_AWAITING_APPROVAL":
                self.approve(job, view)
            elif state == "STATE_PAUSED" or any(task["state"] == "STATE_NEEDS_PERSON"
                                                for task in view.get("tasks", [])):
                # One that is being cancelled waits for a person's word without a pause.
                self.person(job, view, decide)
            time.sleep(0.15)
        raise AssertionError(f"job {job} did not end within {seconds} s: {view}")

    def approve(self, job, view, context="bob"):
        result = self.fleet.cli(context, "change", "approve", job, "--digest", view["digest"],
                                "--reason", "seen")
        self.log.add("approve", by=context, job=job, digest=view["digest"], acked=result.code == 0,
                     error="" if result.code == 0 else result.text[-200:])

    def person(self, job, view, decide):
        waiting = [t for t in view.get("tasks", []) if t["state"] == "STATE_NEEDS_PERSON"]
        if not waiting:
            self.fleet.cli("ada", "job", "resume", job)
            return
        word = decide(view) if decide else "not-applied"
        result = self.fleet.cli("ada", "job", "resolve", job, "--as", word, "--reason", "looked")
        self.log.add("resolve", by="ada", job=job, word=word, acked=result.code == 0)

    # -- Backups ----------------------------------------------------------------------------------

    def backup(self, instance="mariadb"):
        before = {j["name"] for j in self.jobs("backup")}

        def arrived():
            new = [j["name"] for j in self.jobs("backup") if j["name"] not in before]
            return new[0].rsplit("/", 1)[-1] if new else ""

        job = self.once("submit", "ada", ["backup", "run", instance], arrived, instance=instance,
                        kind="backup")
        try:
            self.settle_backup(job)
        except JobGone:
            pass  # Whoever wants one asks for another.

    def settle_backup(self, job):
        if job:
            self.settle(job)
            for child in [j for j in self.jobs("verify") if j.get("parent") == f"jobs/{job}"]:
                self.settle(child["name"].rsplit("/", 1)[-1])

    # -- Changes ----------------------------------------------------------------------------------

    def folder(self, instance, name, fails=False):
        """Two steps with an effect that can be counted, and a column; `fails` ends in an error."""
        def row(step):
            return (f"INSERT INTO chaos_step_{step} (change_name) VALUES ('{name}');\n",
                    f"DELETE FROM chaos_step_{step} WHERE change_name = '{name}';\n")

        def column(letter):
            return (f"ALTER TABLE orders ADD COLUMN {letter}_{name} INT NULL;\n",
                    f"ALTER TABLE orders DROP COLUMN {letter}_{name};\n")

        steps = [row(1), column("c"), row(2)]
        if fails:
            up, down = column("x")
            # There is an id already.
            steps.append((up.replace(";", ", ADD COLUMN id INT NULL;"),
                          down.replace(";", ", DROP COLUMN id;")))
        up = "".join(up for up, _ in steps)
        down = "".join(down for _, down in reversed(steps))
        with self.lock:
            self.count += 1
            version = f"{time.time_ns() // 10**6:013}{self.count:05}"
        return self.fleet.migration(version, name, up, down)

    def change(self, instance="mariadb", fails=False, end="approve"):
        """Submits a change and brings it to its end. `end`: approve, cancel, "cancel late" (when it is
        approved and perhaps running), "cancel running" (while its step waits in MariaDB) or reject."""
        # One at a time: versions are applied in their order, as a team agrees among itself.
        name = self.next_name("bad" if fails else "change")
        folder = self.folder(instance, name, fails)
        with self.migrating[instance]:
            while True:
                try:
                    return self.change_alone(instance, name, folder, fails, end)
                except JobGone:
                    end = "approve"  # It is asked for once more: what was applied must not be again.

    def change_alone(self, instance, name, folder, fails, end):
        arguments = ["change", "submit", "--dir", folder, "--environment", ENVIRONMENTS[instance],
                     "--instance", instance, "--database", DATABASES[instance], "--title", name,
                     "--reason", "chaos", "--approve-destructive", "--lock-timeout", "20s"]
        if instance == "mariadb":
            arguments += ["--client", "--account", "1001"]
        job = self.once("submit", "ada", arguments, lambda: self.titled(name), instance=instance,
                        kind="change", change_name=name)
        if job is None:
            return
        if end == "cancel":
            self.repeat("cancel", "ada", job, ["job", "cancel", job, "--reason", "not wanted"])
        elif end == "cancel late":
            view = self.wait_state(job, "STATE_AWAITING_APPROVAL")
            # A change whose planning failed, because its database died say, has nothing to approve.
            if view["state"] not in TERMINAL:
                self.approve(job, view)
            time.sleep(random.uniform(0, 0.5))
            self.repeat("cancel", "ada", job, ["job", "cancel", job, "--reason", "not wanted"])
        elif end == "cancel running":
            self.cancel_running(name, job)
        elif end == "reject":
            self.wait_state(job, "STATE_AWAITING_APPROVAL")
            self.repeat("reject", "bob", job, ["change", "reject", job, "--reason", "no"])
        view = self.settle(job, lambda v: self.look(instance, name))
        if view.get("errorReason") == "ROLLBACK_INCOMPLETE":
            self.look(instance, name)
        if view["state"] == "STATE_SUCCEEDED" and not fails:
            self.applied.append((instance, name, job))

    def cancel_running(self, name, job):
        """Cancels when it is certain that the agent is at work: its ALTER waits for a lock."""
        view = self.wait_state(job, "STATE_AWAITING_APPROVAL")
        if view["state"] in TERMINAL:
            return
        holder = self.fleet.sql_session()
        try:
            holder.execute("START TRANSACTION")
            holder.execute(f"SELECT id FROM {DATABASES['mariadb']}.orders LIMIT 1")
            self.approve(job, view)
            wait_until(f"the step of {job} waits, or {job} went another way",
                       lambda: self.waits_in_mariadb(name) or self.view(job)["state"] in
                       TERMINAL | {"STATE_NEEDS_PERSON"}, SETTLE)
            self.repeat("cancel", "ada", job, ["job", "cancel", job, "--reason", "not wanted"])
        finally:
            holder.close()

    def waits_in_mariadb(self, name):
        return self.fleet.target_sql(
            "mariadb", "SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE "
            f"'%metadata lock%' AND INFO LIKE 'ALTER%ADD COLUMN c_{name} %'")

    def titled(self, name):
        return next((j["name"].rsplit("/", 1)[-1] for j in self.jobs() if j.get("title") == name), "")

    def repeat(self, op, context, job, arguments, **facts):
        """For what may be asked again: the answer of the last time counts."""
        result = self.fleet.ask(context, *arguments)
        self.log.add(op, by=context, job=job, acked=result.code == 0,
                     error="" if result.code == 0 else result.text[-200:], **facts)

    def wait_state(self, job, *states):
        """The job as it was seen in one of the states, or at its end."""
        seen = {}

        def arrived():
            seen["view"] = self.view(job)
            return seen["view"]["state"] in TERMINAL | set(states)

        wait_until(f"{job} is {states}", arrived, SETTLE)
        return seen["view"]

    def roll_back(self):
        with self.lock:
            if not self.applied:
                return
            instance, name, taken_back = self.applied.pop()

        with self.migrating[instance]:
            while True:
                try:
                    return self.roll_back_alone(instance, name, taken_back)
                except JobGone:
                    pass

    def roll_back_alone(self, instance, name, taken_back):
        def arrived():
            return next((j["name"].rsplit("/", 1)[-1] for j in self.jobs()
                         if j.get("rollbackOf") == f"jobs/{taken_back}"), "")

        job = self.once("submit", "ada", ["change", "rollback", taken_back, "--reason", "not wanted",
                                            "--approve-destructive"],
                        arrived, instance=instance, kind="rollback", change_name=name)
        if job:
            view = self.settle(job, lambda v: self.look(instance, name, rollback=True))
            if view.get("errorReason") == "ROLLBACK_INCOMPLETE":
                self.look(instance, name, rollback=True)

    def after_restore(self):
        """The jobs of the restored store whose users had seen their ends in the lost time."""
        for job in self.jobs():
            if job["state"] in TERMINAL:
                continue
            job = job["name"].rsplit("/", 1)[-1]
            self.settle(job, self.look_at_target)

    def look_at_target(self, view):
        task = next(t for t in view["tasks"] if t["state"] == "STATE_NEEDS_PERSON")
        return self.look(task["target"].split("/")[1], view["title"].removeprefix("Roll back: "),
                         rollback=bool(view.get("rollbackOf")))

    # -- The person -------------------------------------------------------------------------------

    def look(self, instance, name, rollback=False):
        """Looks at the database, and puts a half-done change right by hand."""
        database = f"{DATABASES[instance]}." if instance == "mariadb" else ""
        rows = self.fleet.target_sql(
            instance, f"SELECT step, direction FROM {database}chaos_effects WHERE change_name = "
            f"'{name}' ORDER BY id")
        schema = DATABASES[instance] if instance == "mariadb" else "public"
        column = int(self.fleet.target_sql(
            instance, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
            f"'{schema}' AND table_name = 'orders' AND column_name = 'c_{name}'")[0][0])
        level = {1: 0, 2: 0}
        for step, direction in rows:
            level[int(step)] += 1 if direction == "up" else -1
        if level[1] > 0 and column > 0 and level[2] > 0:
            return "not-applied" if rollback else "applied"
        statements = "".join(f"DELETE FROM {database}chaos_step_{step} WHERE change_name = '{name}';"
                             for step in (1, 2) if level[step] > 0)
        if column:
            statements += f"ALTER TABLE {database}orders DROP COLUMN c_{name};"
        if statements:
            self.fleet.target_sql(instance, statements)
        self.log.add("by_hand", change_name=name, instance=instance, statements=statements)
        return "applied" if rollback else "not-applied"

    # -- Everything else --------------------------------------------------------------------------

    def people(self):
        """An account's whole life."""
        name = self.next_name("user").replace("_", "-")
        self.fleet.ask("admin", "user", "create", name, "--role=viewer")
        token = self.fleet.ask("admin", "token", "create", "--user", name, "-o", "json")
        self.fleet.ask("admin", "user", "roles", name, "--role=operator")
        if token.code == 0:
            made = token.json()
            self.fleet.ask("admin", "token", "revoke", made.get("token", made)["name"])
        self.fleet.ask("admin", "user", "disable", name, "--reason", "left")

    def check(self):
        self.fleet.ask("ada", "instance", "check", "mariadb")
        self.fleet.ask("ada", "instance", "inspect", "mariadb", "SELECT COUNT(*) FROM orders", "-d",
                       "client_1001")

    def drain(self):
        self.fleet.ask("admin", "agent", "drain", "redis")
        self.fleet.ask("admin", "agent", "drain", "redis", "--undo")

    def export(self):
        path = self.fleet.state / "export.jsonl"
        Path(path).unlink(missing_ok=True)
        self.fleet.ask("eve", "audit", "export", "--out", path)

    def re_enrol(self):
        """Revokes the Redis agent and lets it in again, as after a theft."""
        fleet = self.fleet
        if "redis" not in fleet.names:
            return
        fleet.kill("agent-redis")
        self.repeat("revoke_agent", "admin", "", ["agent", "revoke", "redis", "--reason", "stolen"],
                    agent="redis")
        join = fleet.state / "secrets/join-redis"
        join.unlink(missing_ok=True)
        shutil.rmtree(fleet.state / "agent-redis", ignore_errors=True)
        fleet.ask("admin", "agent", "token", "create", "redis", "--environment", "development",
                  "--out", join)
        fleet.boot("agent-redis", self.orders_at_enrolment)
        fleet.guarding.add("agent-redis")
        fleet.ready()

    orders_at_enrolment = ""

    # What makes a store of this program's schema the one of the schema before it.
    TO_FORMER_SCHEMA = """
        ALTER TABLE attempts DROP COLUMN backup_id;
        ALTER TABLE attempts DROP COLUMN backup_manifest;
        PRAGMA user_version = 16;"""
    orders_at_upgrade = ""

    def upgrade(self):
        """This program meets the store that the former version left."""
        fleet = self.fleet
        fleet.kill("controller")
        with contextlib.closing(sqlite3.connect(fleet.state / "controller/store.db")) as store:
            store.executescript(self.TO_FORMER_SCHEMA)
        fleet.boot("controller", self.orders_at_upgrade)
        fleet.guarding.add("controller")
        fleet.ready()

    def back_up_controller(self):
        Restoring(self.fleet).back_up()

    orders_at_restore = ""

    def restore(self):
        """The controller's data is lost and restored from a backup that does not know the agents'
        certificates; in the end a person looks."""
        restoring = Restoring(self.fleet)
        restoring.back_up()
        for name in self.fleet.names:
            restoring.outlive_certificate(name)
        restoring.restore(self.orders_at_restore)
        self.fleet.ready()
        recover(self.fleet, orders=self.orders_at_restore)
        self.fleet.ready()

    def restart(self, daemon):
        self.fleet.reboot(daemon)
        self.fleet.ready()
