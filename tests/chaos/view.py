"""The evidence with the indices that several invariants need. Pure: reads its evidence, changes nothing.

The order of things is the audit trail's sequence wherever possible, because clocks may have jumped;
times are compared only when the run left the clocks alone (`times_hold`).
"""
import re
from collections import defaultdict

TERMINAL_JOBS = {"succeeded", "partial", "failed", "rolled_back", "cancelled", "refused", "rejected",
                 "expired"}
TERMINAL_ATTEMPTS = {"succeeded", "failed", "timed_out", "cancelled", "interrupted", "lost",
                     "withdrawn", "declined", "expired"}
NOT_EXCLUSIVE = {"check", "inspect"}  # controller/jobs/specs.cc, IsExclusive.
RERUN_IS_UNSAFE = {"migrate"}         # controller/jobs/specs.cc, SafeToRerun.
SLACK = 1.0  # Seconds between two clocks of one host, and between an event and its record.
# What the workload's changes do, told from their statements: a row that a step puts in is its effect,
# one that it takes out is the undoing. The targets' triggers count both in chaos_effects.
PUT = re.compile(r"INSERT\s+INTO\s+\S*chaos_step_(\d+)\s*\(change_name\)\s*VALUES\s*\('([^']*)'\)",
                 re.IGNORECASE)
TAKEN = re.compile(r"DELETE\s+FROM\s+\S*chaos_step_(\d+)\s+WHERE\s+change_name\s*=\s*'([^']*)'",
                   re.IGNORECASE)


def effects_in(sql):
    """[(change, step, direction)] of every counted statement in the text."""
    return [(change, int(step), direction) for pattern, direction in ((PUT, "up"), (TAKEN, "down"))
            for step, change in pattern.findall(sql)]


class Lease:
    """One grant: from its record to that of the attempt's end. `reclaimed`: the grant is lost with
    the memory of a restored controller, and the record is that of the agent's telling."""

    def __init__(self, record, attempt, reclaimed=False):
        details = record["details"]
        self.reclaimed = reclaimed
        self.attempt = details["attempt"]
        self.job = record["resource"].removeprefix("jobs/")
        # Only what is not safe to run again is reclaimed.
        self.kind = "migrate" if reclaimed else details.get("kind", "")
        self.purpose = "execute" if reclaimed else details.get("purpose", "")
        self.fence = int(details["fence"])
        self.agent = details.get("agent", "")
        self.digest = details.get("digest", "")
        self.target = details.get("target", "")
        self.task = attempt["task"] if attempt else ""
        self.instance = attempt["instance"] if attempt else self.target.split("/")[1]
        self.granted, self.t = record["seq"], record["t"]
        self.ended = self.end_t = self.end_record = None
        self.state = ""  # How it ended.

    @property
    def exclusive(self):
        return self.purpose == "execute" and self.kind not in NOT_EXCLUSIVE

    @property
    def end(self):
        """Beyond everything while it lives."""
        return float("inf") if self.ended is None else self.ended

    def close(self, record, state):
        if self.ended is None:
            self.ended, self.end_t, self.state = record["seq"], record["t"], state
            self.end_record = record


class View:
    def __init__(self, evidence):
        self.evidence = evidence
        self.audit = evidence["audit"]
        self.workload = evidence["workload"]
        self.store = evidence["store"]
        self.jobs, self.tasks = self.store["jobs"], self.store["tasks"]
        self.attempts, self.backups = self.store["attempts"], self.store["backups"]
        self.agents = self.store["agents"]
        self.targets, self.journals = evidence["targets"], evidence["journals"]
        self.actions = defaultdict(list)
        self.of_resource = defaultdict(list)
        for record in self.audit:
            self.actions[record["action"]].append(record)
            self.of_resource[record["resource"]].append(record)
        self.times_hold = not any("clock" in str(entry.get(key, "")) for entry in self.workload
                                  for key in ("op", "kind", "fault", "orders"))
        self.restores = [(e.get("as_of", 0.0), e["t"]) for e in self.workload if e["op"] == "restore"]
        # Attempts of which only the stores tell that a restore took away.
        self.lost_attempts = {i: a for i, a in evidence.get("lost_attempts", {}).items()
                              if i not in self.attempts}
        # By job, the versions that its request named.
        self.requested_versions = {
            record["resource"].removeprefix("jobs/"): record["details"].get("versions", "").split(",")
            for action in ("change.submit", "change.rollback") for record in self.actions[action]}
        self.leases = self._leases()
        self.lease_of = {lease.attempt: lease for lease in self.leases}
        self.by_hand = self._by_hand()

    # -- Jobs -------------------------------------------------------------------------------------

    def of_job(self, job, *actions):
        """The trail's records of a job, in order."""
        return [r for r in self.of_resource["jobs/" + job] if not actions or r["action"] in actions]

    def tasks_of(self, job):
        return {i: t for i, t in self.tasks.items() if t["job"] == job}

    def attempts_of(self, task):
        return sorted(((i, a) for i, a in self.attempts.items() if a["task"] == task),
                      key=lambda item: item[1]["number"])

    def forgotten(self, t):
        """Was this moment taken from the controller's memory by a restore of an older store?"""
        return any(as_of <= t <= restored + SLACK for as_of, restored in self.restores)

    @staticmethod
    def principal(by):
        return by if "/" in by else f"users/{by}"

    # -- Grants -----------------------------------------------------------------------------------

    def _leases(self):
        leases, open_ = [], {}
        for record in self.audit:
            details, action = record["details"], record["action"]
            if action == "attempt.grant":
                lease = Lease(record, self.attempts.get(details["attempt"]))
                leases.append(lease)
                open_[lease.attempt] = lease
            elif action == "attempt.reclaim":
                if not any(lease.attempt == details["attempt"] for lease in leases):
                    lease = Lease(record, self.attempts.get(details["attempt"]), reclaimed=True)
                    leases.append(lease)
                    open_[lease.attempt] = lease
            elif action == "attempt.end" and details["attempt"] in open_:
                open_.pop(details["attempt"]).close(record, details["state"])
            elif action == "job.resolve":
                # A person's word ends what nobody can reach any more.
                for lease in list(open_.values()):
                    if (lease.job, lease.target) == (record["resource"].removeprefix("jobs/"),
                                                     details.get("target")):
                        open_.pop(lease.attempt).close(record, "lost")
        return leases

    def exclusive_by_instance(self):
        found = defaultdict(list)
        for lease in self.leases:
            if lease.exclusive:
                found[lease.instance].append(lease)
        return found

    # -- Targets ----------------------------------------------------------------------------------

    def databases(self):
        """(instance, database, records) of every database that was looked at."""
        for instance, target in self.targets.items():
            for database, records in target["databases"].items():
                yield instance, database, records

    def effects_of(self, task):
        """{(rollback, index): (change, step, direction)} of a task's plan."""
        found, plan = {}, self.tasks.get(task, {}).get("plan")
        for rollback, steps in ((0, plan["forward"]), (1, plan["rollback"])) if plan else ():
            for step in steps:
                for effect in effects_in(step["sql"]):
                    found[(rollback, step["index"])] = effect
        return found

    def _by_hand(self):
        """{(instance, change, step, direction): rows} that a person wrote."""
        found = defaultdict(int)
        for entry in self.workload:
            if entry["op"] == "by_hand":
                for effect in effects_in(entry.get("statements", "")):
                    found[(entry["instance"], *effect)] += 1
        return found

    def effect_counts(self):
        """{(instance, database, change, step, direction): rows}, a person's own left out."""
        counts = defaultdict(int)
        for instance, database, records in self.databases():
            for row in records["effects"]:
                counts[(instance, database, row["change"], row["step"], row["direction"])] += 1
        for (instance, database, *effect) in list(counts):
            counts[(instance, database, *effect)] -= self.by_hand.get((instance, *effect), 0)
        return counts

    def forgotten_changes(self, records):
        """Names of a database's changes on which attempts worked that a restore took away, or whose
        plan it took away: of these the controller's outcomes say nothing."""
        versions = {row["version"] for row in records["steps"] + records["history"]
                    if row["attempt"] in self.lost_attempts or self._plan_was_lost(row["attempt"])}
        return {row["name"] for row in records["history"] if row["version"] in versions}

    def _plan_was_lost(self, attempt):
        """Its job was still being planned in the copy from which the store was restored."""
        lease = self.lease_of.get(attempt)
        return lease is not None and lease.reclaimed and not self.tasks.get(lease.task, {}).get("plan")

    # -- Agents -----------------------------------------------------------------------------------

    def shut_out(self, agent):
        """It may not come back under its identity, so nothing of it can be at rest."""
        row = self.agents.get(agent, {"revoked": True, "quarantined": False})
        return row["revoked"] or row["quarantined"]

    def takes_no_work(self, agent):
        return self.shut_out(agent) or self.agents[agent]["draining"]
