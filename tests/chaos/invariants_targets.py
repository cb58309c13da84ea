"""Invariants about what stands in the databases, the backup repository and the metrics in the end."""
from collections import Counter, defaultdict

from registry import invariant
from view import SLACK, TERMINAL_JOBS

OUTCOMES = ("succeeded", "failed", "rolled_back", "cancelled")
JOURNAL_FINISHED = 4  # agent.v1.ATTEMPT_PHASE_FINISHED
# Accounts that have a session only while they work. An agent looks at its instance all the time.
WORKING_ACCOUNTS = ("dbfleet_migrate", "dbfleet_backup")
COUNTED = {"dbfleet_dispatch_offers_total": "attempt.offer",
           "dbfleet_dispatch_grants_total": "attempt.grant",
           "dbfleet_dispatch_late_results_total": "attempt.late_result"}


@invariant
def step_once_per_grant(view):
    """A step that must not be repeated took effect at most once per grant of its job, those of a
    rollback only where the attempt took its work back; and no step of one attempt succeeded twice.
    Whatever anybody remembers of grants: no step took effect while its effect was there."""
    for instance, database, records in view.databases():
        yield from _twice(f"instances/{instance}/databases/{database}", records["effects"])
    allowed = defaultdict(int)
    went_back = {r["details"]["attempt"] for r in view.actions["step.report"]
                 if r["details"]["step"].startswith("rollback")}
    went_back |= {row["attempt"] for _, _, records in view.databases()
                  for row in records["steps"] if row["rollback"]}
    for lease in view.leases:
        if lease.purpose != "execute" or lease.kind != "migrate":
            continue
        database = view.tasks.get(lease.task, {}).get("database", "")
        for (rollback, _), effect in view.effects_of(lease.task).items():
            allowed[(lease.instance, database, *effect)] += (
                not rollback or lease.attempt in went_back)
    for effect, count in view.effect_counts().items():
        if count > allowed[effect] and not view.restores:
            instance, database, change, step, direction = effect
            yield (f"instances/{instance}/databases/{database}",
                   f"step {step} of {change} ({direction}) took effect {count} times, granted were "
                   f"{allowed[effect]}")
    succeeded = Counter((r["details"]["attempt"], r["details"]["step"])
                        for r in view.actions["step.report"]
                        if r["details"].get("state") == "succeeded")
    for (attempt, step), count in succeeded.items():
        if count > 1:
            yield f"attempts/{attempt}", f"its step {step} succeeded {count} times"


def _twice(subject, effects):
    """Each change of the workload is made once, so a second effect without an undoing in between is a
    second run; the triggers see it though the controller lost its memory."""
    level = Counter()
    for row in sorted(effects, key=lambda r: r["id"]):
        key = (row["change"], row["step"])
        if row["direction"] == "down":
            level[key] -= 1
        elif level[key] > 0:
            yield subject, f"step {row['step']} of {row['change']} took effect twice"
        else:
            level[key] += 1


# --- The history ---------------------------------------------------------------------------------

class Versions:
    """What the audited outcomes make of each version of one database: "applied", "absent", or
    "unsure" when the product itself says that it does not know or that something stayed."""

    def __init__(self, view):
        self.state = {}   # (instance, database, version): what the history must say.
        self.level = {}   # The same, of the effects: 1, 0, None for unsure.
        self.tasks = {}   # Who touched it last.
        last = {}
        for lease in view.leases:
            if lease.kind == "migrate" and lease.purpose == "execute" and lease.task in view.tasks:
                last[lease.task] = lease.granted
        for name in sorted(last, key=last.get):
            self._take(view, name, view.tasks[name])

    def _take(self, view, name, task):
        job = view.jobs[task["job"]]
        there, gone = ("applied", "absent") if job["direction"] == "up" else ("absent", "applied")
        migrate = task["result"].get("migrate", {})
        # A restore lost the plan of what it knew in its planning; the report tells what was done.
        versions = (task["plan"]["versions"] if task["plan"] else
                    migrate.get("applied", []) + migrate.get("rolled_back_versions", []))
        if not versions and task["error_reason"].startswith("RESOLVED_AS_"):
            # It lost the report, too, and a person said what was done of the request.
            versions = view.requested_versions.get(task["job"], [])
        for version in versions:
            key = (task["instance"], task["database"], version)
            if task["plan"]:
                self.tasks[key] = name
            elif key not in self.tasks:
                continue
            if task["error_reason"].startswith("RESOLVED_AS_"):
                state = "unsure"
                as_applied = task["error_reason"] == "RESOLVED_AS_APPLIED"
                level = int((there if as_applied else gone) == "applied")
            elif task["state"] == "succeeded":
                state = there
                level = int(there == "applied")
            elif (task["state"] in ("needs_person", "active") or
                  task["error_reason"] == "ROLLBACK_INCOMPLETE" or
                  version in migrate.get("remaining", []) + migrate.get("applied", [])):
                state, level = "unsure", None
            elif task["state"] == "rolled_back":
                state = gone
                level = int(gone == "applied")
            else:
                continue  # Failed or cancelled with nothing left of it: as it was.
            self.state[key], self.level[key] = state, level


@invariant
def history_equals_outcomes(view):
    """The target's history equals the audited outcomes: a change that SUCCEEDED has its version
    applied (or, taking one out, not), one ROLLED_BACK left it as it was; the counted effects, up less
    down, say the same; and the history names only grants that were made."""
    expected = Versions(view)
    for instance, database, records in view.databases():
        subject = f"instances/{instance}/databases/{database}"
        history = {row["version"]: row for row in records["history"]}
        for row in history.values():
            lease = view.lease_of.get(row["attempt"])
            if lease is None and row["attempt"] not in view.lost_attempts:
                yield subject, f"version {row['version']} was written by no granted attempt"
            elif lease is not None and (lease.fence, lease.job) != (row["fence"], row["job"]):
                yield subject, f"version {row['version']} has a fence or a job of nobody's grant"
        for (where, db, version), state in expected.state.items():
            if (where, db) != (instance, database) or state == "unsure":
                continue
            if history.get(version, {}).get("attempt") in view.lost_attempts:
                continue  # What was made of it in the lost time, no outcome tells.
            found = history.get(version, {"state": "absent"})["state"].replace("rolled_back", "absent")
            if found != state:
                yield subject, (f"version {version} is {found}, by the outcome of task "
                                f"{expected.tasks[(where, db, version)]} it is {state}")
        yield from _levels(view, expected, instance, database, subject)


def _levels(view, expected, instance, database, subject):
    levels = defaultdict(int)
    for row in view.targets[instance]["databases"][database]["effects"]:
        levels[(row["change"], row["step"])] += 1 if row["direction"] == "up" else -1
    wanted = {}
    for (where, db, version), task in expected.tasks.items():
        plan = view.tasks[task]["plan"]
        for (rollback, index), (change, step, _) in view.effects_of(task).items():
            statement = next(s for s in plan["rollback" if rollback else "forward"]
                             if s["index"] == index)
            if (where, db, statement["version"]) == (instance, database, version):
                wanted[(change, step)] = expected.level.get((where, db, version), 0)
    forgotten = view.forgotten_changes(view.targets[instance]["databases"][database])
    for (change, step), level in wanted.items():
        if change not in forgotten and level is not None and levels[(change, step)] != level:
            yield subject, (f"step {step} of {change}: {levels[(change, step)]} more ups than downs, "
                            f"by the outcome {level}")


# --- Backups -------------------------------------------------------------------------------------

@invariant
def backups_verify(view):
    """A backup called good verifies: its manifest is the reported one and every file has the size and
    hash that it says. No folder has a manifest that its files do not fit, or files under their final
    names without a manifest; no folder is nobody's."""
    folders = {f["id"]: f for f in view.evidence["repository"]}
    for name, backup in view.backups.items():
        subject = f"backups/{name}"
        if backup["state"] == "running":
            job = view.jobs.get(backup["job"])
            if job is None or job["state"] in TERMINAL_JOBS:
                yield subject, "is called running, and its job is over"
        if backup["state"] != "complete":
            if backup["level"]:
                yield subject, f"is {backup['state']}, and called verified (L{backup['level']})"
            continue
        folder = folders.get(name)
        if folder is None or folder["manifest"] is None:
            yield subject, "is called complete, and has no manifest"
        elif folder["files"]["manifest.json"]["sha256"] != backup["manifest_sha256"]:
            yield subject, "its manifest is not the one that was reported"
    for name, folder in folders.items():
        subject = f"backups/{name}"
        if name not in view.backups and not view.restores:
            yield subject, "is in the repository, and the controller does not know it"
        # What still has its momentary name is for nothing_left.
        files = {f for f in folder["files"] if f != "manifest.json" and not f.endswith(".partial")}
        if folder["manifest"] is None:
            for file in sorted(files):
                yield subject, f"{file} stands there without a manifest"
            continue
        if "broken" in folder["manifest"]:
            yield subject, f"its manifest cannot be read: {folder['manifest']['broken']}"
            continue
        for file, said in folder["manifest"]["files"].items():
            found = folder["files"].get(file)
            if found is None or (found["size"], found["sha256"]) != (said["size"], said["sha256"]):
                yield subject, f"{file} is {found}, its manifest says {said}"
            elif not said["trailer_ok"]:
                yield subject, f"{file} has no end, and stands in a manifest"
        for file in sorted(files - set(folder["manifest"]["files"])):
            yield subject, f"{file} is not in its manifest"


# --- What must not remain ------------------------------------------------------------------------

@invariant
def nothing_left(view):
    """No orphan processes, locks or temporary files remain: no tool without its daemon, no session of
    a working account, no named or advisory lock, no scratch or partial file, no attempt that the
    agents' journals still hold although it is over, no event that was never taken."""
    left = view.evidence["leftovers"]
    waiting = {i for i, a in view.attempts.items() if a["state"] == "unreachable"}
    for line in left["processes"]:
        yield "processes", f"belongs to no living daemon: {line}"
    for path in left["temporary"]:
        yield "files", f"a temporary file remains: {path}"
    for path in left["scratch"]:
        agent = path.split("/")[0].removeprefix("agent-")
        if not view.shut_out(agent) and not any(part in waiting for part in path.split("/")):
            yield f"agents/{agent}", f"a scratch file remains: {path}"
    for instance, target in view.targets.items():
        for lock in target["locks"]:
            yield f"instances/{instance}", lock
        for session in target["sessions"]:
            if session["user"] in WORKING_ACCOUNTS:
                yield f"instances/{instance}", f"a session of {session['user']} remains: {session}"
            elif view.evidence["metrics"]["agents"].get(instance) is None:
                yield f"instances/{instance}", f"a session without a living agent: {session}"
    for agent, journal in view.journals.items():
        if view.shut_out(agent):
            continue
        if journal["events"]:
            yield f"agents/{agent}", f"{len(journal['events'])} events were never acknowledged"
        for held in journal["attempts"]:
            stored = view.attempts.get(held["id"])
            if held["phase"] != JOURNAL_FINISHED and held["id"] not in waiting:
                yield (f"agents/{agent}", f"its journal holds {held['id']} in phase {held['phase']}, "
                       f"which is {stored['state'] if stored else 'unknown'}")


# --- Metrics -------------------------------------------------------------------------------------

@invariant
def metrics_equal(view):
    """Metrics' totals equal the audited outcomes: jobs by state, migrations and backups by instance and
    outcome, the number of records, and what the dispatcher counted since the controller's start. Agents show
    nothing running and nothing pending."""
    page = view.evidence["metrics"]["controller"]
    jobs = Counter(job["state"] for job in view.jobs.values())
    for series, value in page.items():
        if series.startswith("dbfleet_jobs{"):
            state = _labels(series)["state"]
            if value != jobs[state]:
                yield series, f"says {value:g}, there are {jobs[state]}"
    for state in jobs:
        if f'dbfleet_jobs{{state="{state}"}}' not in page:
            yield f"dbfleet_jobs{{{state}}}", "is missing"
    counted = {
        "migrations": [t for t in view.tasks.values() if _counts(view.jobs[t["job"]])],
        "backups": [t for t in view.tasks.values() if _is_backup(view.jobs[t["job"]], t)]}
    for what, tasks in counted.items():
        yield from _outcomes(view, page, what, Counter(
            (t["instance"], t["state"]) for t in tasks if t["state"] in OUTCOMES))
    first, last = view.audit[-1]["seq"], view.store["last_seq"]
    total = page.get("dbfleet_audit_records_total", -1)
    if not first <= total <= last:
        yield "dbfleet_audit_records_total", f"says {total:g}, the trail has {first} to {last}"
    yield from _dispatched(view, page)
    for agent, series in view.evidence["metrics"]["agents"].items():
        if view.shut_out(agent):
            continue
        for name, wanted in (("connected", 1), ("attempts_running", 0), ("events_pending", 0)):
            value = (series or {}).get(f"dbfleet_agent_{name}")
            if value != wanted:
                yield f"agents/{agent}", f"dbfleet_agent_{name} is {value}, at rest it is {wanted}"


def _outcomes(view, page, what, outcomes):
    for series, value in page.items():
        if series.startswith(f"dbfleet_instance_{what}_total{{"):
            labels = _labels(series)
            key = (labels["instance"], labels["outcome"])
            if value != outcomes.pop(key, 0):
                yield series, f"says {value:g}, which the tasks' outcomes do not"
    for (instance, outcome), count in outcomes.items():
        if not view.store["instances"].get(instance, {"removed": True})["removed"]:
            yield f"instances/{instance}", f"{count} {what} ended {outcome} and are not counted"


def _dispatched(view, page):
    """These begin at zero with every process, so that only its own records compare."""
    # When the harness says it started it, the former one was dead; /proc knows 10 ms at best.
    starts = [e["t"] for e in view.workload if e["op"] == "start" and e["daemon"] == "controller"]
    start = starts[-1] if starts else view.evidence["metrics"]["controller_start"] - SLACK / 10
    if not view.times_hold:
        return
    for series, action in COUNTED.items():
        records = sum(1 for r in view.actions[action] if r["t"] >= start)
        if page.get(series) != records:
            yield series, f"says {page.get(series)}, the trail since the start has {records}"


def _counts(job):
    return job["kind"] == "migrate" and not job["plan_only"] and job["state"] in TERMINAL_JOBS


def _is_backup(job, task):
    """The taking of it; its verification is the second stage."""
    return job["kind"] == "backup" and task["stage"] == 0 and job["state"] in TERMINAL_JOBS


def _labels(series):
    return dict(part.split("=", 1) for part in
                series[series.index("{") + 1:-1].replace('"', "").split(","))
