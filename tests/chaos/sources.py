"""Readers of single records: the controller's store, a journal, a target, the backup repository.

Each returns plain dicts. SQLite files are read from a copy, since their owners hold locks on them;
databases are read as their administrator, since the accounts of the product are what is looked at.
"""
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import wire

SQL_INSTANCES = ("mariadb", "postgresql")
MAX_INT64 = 2**63 - 1
COPIES = 50  # Tries for a copy that nobody wrote into.


def unix_time(rfc3339):
    return datetime.datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp()


def strip(lines, folder):
    return sorted(line.replace(folder, "/fleet").strip() for line in lines)


# --- SQLite --------------------------------------------------------------------------------------

class Copy:
    """A consistent copy of a living SQLite file, as a connection."""

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        for _ in range(COPIES):
            before = self.stamp()
            for suffix in ("", "-wal"):
                source = Path(f"{self.path}{suffix}")
                target = Path(self.folder.name, "copy.db" + suffix)
                target.unlink(missing_ok=True)
                if source.exists():
                    shutil.copyfile(source, target)
            if self.stamp() == before:
                self.db = sqlite3.connect(f"{self.folder.name}/copy.db")
                self.db.row_factory = sqlite3.Row
                # Names that the controller put into its own CHECKs or triggers are not needed here.
                self.db.text_factory = lambda data: data.decode(errors="replace")
                return self
            time.sleep(0.1)
        raise AssertionError(f"{self.path} is written to all the time; is the fleet at rest?")

    def __exit__(self, *_):
        self.db.close()
        self.folder.cleanup()

    def stamp(self):
        """Changes with every write into the file or its log."""
        found = []
        for suffix in ("", "-wal"):
            try:
                stat = os.stat(f"{self.path}{suffix}")
                found.append((stat.st_mtime_ns, stat.st_size))
            except FileNotFoundError:
                found.append(None)
        return found

    def rows(self, table, order="rowid"):
        return [dict(row) for row in self.db.execute(f"SELECT * FROM {table} ORDER BY {order}")]


def stored_time(value):
    """The store's nanoseconds; None for absl's infinities."""
    return None if abs(value) >= MAX_INT64 else value / 1e9


def read_store(path):
    """Jobs, tasks, attempts and what they are about, as the controller has them."""
    with Copy(path) as copy:
        return {
            "jobs": {row["id"]: job(row) for row in copy.rows("jobs")},
            "tasks": {row["id"]: task(row) for row in copy.rows("tasks", "position")},
            "attempts": {row["id"]: attempt(row) for row in copy.rows("attempts")},
            "backups": {row["id"]: backup(row) for row in copy.rows("backups")},
            "instances": {row["id"]: {"agent": row["agent_id"], "environment": row["environment"],
                                      "removed": bool(row["removed"]), "fence": row["last_fence"]}
                          for row in copy.rows("instances")},
            "agents": {row["id"]: {k: bool(row[k]) for k in ("revoked", "quarantined", "draining")}
                       for row in copy.rows("agents")},
            "environments": {
                row["name"]: {"approvals": row["destructive_approvals"],
                              "approval_ttl": stored_time(row["approval_ttl"])}
                for row in copy.rows("environments", "name")},
            "last_seq": copy.db.execute("SELECT MAX(seq) FROM audit").fetchone()[0]}


def job(row):
    found = {k: row[k] for k in ("kind", "state", "environment", "requester", "title", "safety",
                                 "digest", "gate_job", "rollback_of", "parent", "error_reason",
                                 "error_message")}
    approvals = json.loads(row["approvals"] or "[]")
    found.update(plan_only=bool(row["plan_only"]), cancel_requested=bool(row["cancel_requested"]),
                 created=stored_time(row["create_time"]), end=stored_time(row["end_time"]),
                 direction=wire.direction(row["spec_blob"]),
                 approvals=[{"principal": a["principal"], "approved": a["approved"],
                             "digest": a["digest"], "time": stored_time(a["decide_time"]),
                             "expires": stored_time(a["expire_time"])} for a in approvals])
    return found


def task(row):
    return {"job": row["job_id"], "state": row["state"], "instance": row["instance_id"],
            "database": row["database"], "stage": row["stage"],
            "error_reason": row["error_reason"], "error_message": row["error_message"],
            "plan": wire.plan(row["plan_blob"]),
            "result": wire.result(row["result_blob"]), "steps": json.loads(row["steps"] or "[]")}


def attempt(row):
    found = {k: row[k] for k in ("number", "purpose", "state", "fence", "epoch", "digest",
                                 "error_reason", "error_message")}
    found.update(task=row["task_id"], job=row["job_id"], instance=row["instance_id"],
                 agent=row["agent_id"], safe_to_rerun=bool(row["safe_to_rerun"]),
                 created=stored_time(row["create_time"]), start=stored_time(row["start_time"]),
                 end=stored_time(row["end_time"]))
    return found


def backup(row):
    return {"state": row["state"], "instance": row["instance_id"], "job": row["job_id"],
            "level": row["verified_level"], "snapshot": stored_time(row["snapshot_time"]),
            "manifest_sha256": wire.result(b"\x1a" + _length(row["result_blob"]))["backup"]
            ["manifest_sha256"] if row["result_blob"] else ""}


def _length(data):
    """`data` with its length before it, as a sub-message stands in another."""
    size, prefix = len(data), b""
    while size > 0x7F:
        prefix, size = prefix + bytes([size & 0x7F | 0x80]), size >> 7
    return prefix + bytes([size]) + data


def read_journal(path):
    """An agent's memory: attempts in the order of their acceptance, and events not yet acknowledged.
    What was safe to run again is deleted once the controller has its outcome."""
    with Copy(path) as copy:
        attempts = []
        for row in copy.rows("attempts", "n"):
            attempts.append({"id": row["id"], "fence": row["fence"], "phase": row["phase"],
                             "outcome": row["outcome"], "forgotten": row["forgotten_at"] > 0,
                             "grant": wire.grant(row["grant_blob"]),
                             **wire.offer(row["offer_blob"])})
        return {"meta": {r["key"]: r["value"] for r in copy.rows("meta", "key")},
                "fences": {r["instance"]: r["fence"] for r in copy.rows("fences", "instance")},
                "attempts": attempts,
                "events": [wire.event(r["event"]) for r in copy.rows("events", "seq")]}


# --- Targets -------------------------------------------------------------------------------------

def admin_rows(fleet, name, statement, database):
    """Rows as lists of text; NULL is None."""
    if name == "mariadb":
        argv = fleet.mariadb_argv(*([database] if database else []))
        null = "NULL"
    else:
        argv = ["psql", "-X", "-q", "-At", "-F", "\t", "-P", "null=NULL", "-v", "ON_ERROR_STOP=1",
                "-h", f"{fleet.state}/sock/postgresql", "-d", database or "postgres"]
        if os.getuid() == 0:
            argv = ["runuser", "-u", "postgres", "--", *argv, "-U", "postgres"]
        null = "NULL"
    done = subprocess.run([str(a) for a in argv], input=statement, capture_output=True, text=True,
                          errors="replace", timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name}: {statement}\n{done.stdout}{done.stderr}")
    return [[None if cell == null else cell for cell in line.split("\t")]
            for line in done.stdout.splitlines()]


def read_target(fleet, name):
    """What one database server itself says: its records, its effects, its sessions and locks."""
    def query(statement, database=""):
        return admin_rows(fleet, name, statement, database)

    if name == "mariadb":
        schemas = [row[0] for row in query(
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN "
            "('mysql', 'sys', 'information_schema', 'performance_schema')")]
        locks = [f"named lock dbfleet.migrate.{s} is held by connection {row[0]}" for s in schemas
                 for row in query(f"SELECT IS_USED_LOCK('dbfleet.migrate.{s}')") if row[0]]
        locks += [f"transaction of {row[0]}: {row[1]}" for row in query(
            "SELECT p.USER, COALESCE(t.trx_query, '') FROM information_schema.INNODB_TRX t JOIN "
            "information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE p.USER LIKE "
            "'dbfleet\\_%'")]
        sessions = query("SELECT USER, COMMAND, COALESCE(INFO, '') FROM "
                         "information_schema.PROCESSLIST WHERE USER LIKE 'dbfleet\\_%'")
    else:
        schemas = [row[0] for row in query("SELECT datname FROM pg_database WHERE datallowconn AND "
                                           "datname NOT IN ('postgres', 'template1')")]
        locks = [f"advisory lock held by {row[0]} in {row[1]}" for row in query(
            "SELECT a.usename, a.datname FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE "
            "l.locktype = 'advisory' AND a.usename LIKE 'dbfleet\\_%'")]
        locks += [f"prepared transaction {row[0]}" for row in query(
            "SELECT gid FROM pg_prepared_xacts")]
        sessions = query("SELECT usename, COALESCE(state, ''), replace(left(query, 200), E'\\n', "
                         "' ') FROM pg_stat_activity WHERE usename LIKE 'dbfleet\\_%'")
    return {"databases": {s: read_records(name, lambda q, s=s: query(q, s)) for s in schemas},
            "locks": locks,
            "sessions": [{"user": r[0], "state": r[1], "statement": r[2]} for r in sessions]}


def read_records(name, query):
    """One database's history, step log and effect counters, as far as they are there."""
    schema = "DATABASE()" if name == "mariadb" else "'public'"
    there = {row[0] for row in query(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}")}

    def read(table, columns, order):
        if table not in there:
            return []
        rows = query(f"SELECT {', '.join(columns.values())} FROM {table} ORDER BY {order}")
        return [dict(zip(columns, row)) for row in rows]

    def unix(column):
        # dbfleet's own times are UTC without a zone.
        return (f"TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {column}) / 1000000" if name == "mariadb"
                else f"EXTRACT(EPOCH FROM {column})")

    at = "UNIX_TIMESTAMP(at)" if name == "mariadb" else "EXTRACT(EPOCH FROM at)"
    history = read("dbfleet_schema_history", {
        "version": "version", "name": "name", "state": "state", "job": "job", "attempt": "attempt",
        "fence": "fence", "changed": unix("changed_at")}, "version")
    steps = read("dbfleet_step_log", {
        "attempt": "attempt", "rollback": "is_rollback", "index": "step_index", "job": "job",
        "fence": "fence", "version": "version", "state": "state", "tries": "tries",
        "rows": "rows_affected",
        "started": unix("started_at"), "ended": unix("ended_at")},
        "started_at, attempt, is_rollback, step_index")
    effects = read("chaos_effects", {"id": "id", "change": "change_name", "step": "step",
                                     "direction": "direction", "t": at}, "id")
    for row in history + steps + effects:
        for key in ("rollback", "index", "fence", "tries", "rows", "id", "step"):
            if key in row:
                row[key] = int(row[key])
        for key in ("changed", "started", "ended", "t"):
            if row.get(key) is not None:
                row[key] = float(row[key])
    return {"history": history, "steps": steps, "effects": effects}


# --- Files ---------------------------------------------------------------------------------------

def read_repository(folder):
    """Every backup's folder: its files with their hashes now, and what the manifest says of them."""
    found = []
    for path in sorted(p for p in Path(folder).glob("*/*") if p.is_dir()):
        entry = {"instance": path.parent.name, "id": path.name, "files": {}, "manifest": None}
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            entry["files"][str(file.relative_to(path))] = {
                "size": file.stat().st_size,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        if "manifest.json" in entry["files"]:
            try:
                manifest = json.loads((path / "manifest.json").read_text())
                entry["manifest"] = {
                    "backup_id": manifest["backup_id"], "instance": manifest["instance"],
                    "snapshot": unix_time(manifest["snapshot_time"]),
                    "files": {f["name"]: {"size": f["size_bytes"], "sha256": f["sha256"],
                                          "trailer_ok": f["trailer_ok"]}
                              for f in manifest["files"]}}
            except (ValueError, KeyError, TypeError) as error:
                entry["manifest"] = {"broken": repr(error)}
        found.append(entry)
    return found


def scratch_files(state, names):
    """What stands in the agents' scratch folders; at rest, none has a folder for an attempt."""
    found = []
    for name in names:
        root = state / f"agent-{name}/scratch"
        found += [str(p.relative_to(state)) for p in root.rglob("*")] if root.is_dir() else []
    return sorted(found)


def temporary_files(state):
    """Files under names that only stand for a moment, outside of the databases' own folders."""
    found = []
    for folder in ["controller", "backups", *(p.name for p in state.glob("agent-*"))]:
        for path in (state / folder).rglob("*"):
            if path.name.endswith((".partial", ".tmp", ".part")):
                found.append(str(path.relative_to(state)))
    return sorted(found)


# --- Pages and processes -------------------------------------------------------------------------

def parse_metrics(page):
    """{"name{labels}": value} of dbfleet's own series, the labels as they stand there."""
    series = {}
    for line in page.splitlines():
        if line.startswith("dbfleet_"):
            name, _, value = line.rpartition(" ")
            series[name] = float(value)
    return series


def process_start(pid):
    """When a living process began, by the wall clock; None for no process."""
    if pid is None:
        return None
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
