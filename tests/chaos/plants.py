"""Bugs to be planted into the evidence of a healthy run, each with the invariant that must see it.

A plant gets a Patient, a private copy of the evidence with ways to find and change what stands in it.
"""
import copy

PLANTS = []  # (invariant, function).


def plant(invariant):
    def register(function):
        PLANTS.append((invariant, function))
        return function
    return register


class Patient:
    def __init__(self, evidence):
        self.evidence = copy.deepcopy(evidence)
        self.store = self.evidence["store"]
        self.audit = self.evidence["audit"]
        self.jobs, self.tasks = self.store["jobs"], self.store["tasks"]
        self.attempts, self.backups = self.store["attempts"], self.store["backups"]

    # -- Finding ----------------------------------------------------------------------------------

    def job(self, state, direction="up", environment="production", kind="migrate"):
        """The id of the first job of that kind."""
        return next(i for i, j in self.jobs.items() if (
            j["state"], j["direction"], j["environment"], j["kind"]) == (
                state, direction if kind == "migrate" else "", environment, kind))

    def task_of(self, job):
        return next(i for i, t in self.tasks.items() if t["job"] == job)

    def attempt_of(self, job, purpose="execute"):
        """The id of its last attempt."""
        return [i for i, a in self.attempts.items()
                if (a["job"], a["purpose"]) == (job, purpose)][-1]

    def record(self, action, job=None, attempt=None, **details):
        return next(r for r in self.audit if r["action"] == action and
                    (job is None or r["resource"] == f"jobs/{job}") and
                    (attempt is None or r["details"].get("attempt") == attempt) and
                    all(r["details"].get(k) == v for k, v in details.items()))

    def held(self, attempt):
        """The attempt in its agent's journal."""
        return next(a for j in self.evidence["journals"].values() for a in j["attempts"]
                    if a["id"] == attempt)

    def records_of(self, job):
        """The target's own tables, of the job's database."""
        task = self.tasks[self.task_of(job)]
        return self.evidence["targets"][task["instance"]]["databases"][task["database"]]

    def steps_of(self, attempt):
        return [r for r in self.records_of(self.attempts[attempt]["job"])["steps"]
                if r["attempt"] == attempt]

    def folder(self):
        return self.evidence["repository"][0]

    # -- Changing ---------------------------------------------------------------------------------

    def renumber(self):
        for seq, record in enumerate(self.audit, 1):
            record["seq"] = seq
        self.store["last_seq"] = max(self.store["last_seq"], len(self.audit))
        self.evidence["metrics"]["controller"]["dbfleet_audit_records_total"] = len(self.audit)

    def drop(self, record):
        self.audit.remove(record)
        self.renumber()

    def insert(self, where, actor, action, resource, **details):
        """A record right behind the record `where`, at its time."""
        record = {"seq": 0, "t": where["t"], "actor": actor, "action": action, "resource": resource,
                  "environment": where["environment"], "details": details}
        self.audit.insert(self.audit.index(where) + 1, record)
        self.renumber()
        return record

    def move_behind(self, record, where):
        self.audit.remove(record)
        self.audit.insert(self.audit.index(where) + 1, record)
        self.renumber()

    def log(self, op, **facts):
        self.evidence["workload"].append({"t": self.evidence["collected"], "op": op, **facts})

    def end_job(self, job, state):
        """Makes store, trail, API and page agree on another end, so that no other invariant helps."""
        page = self.evidence["metrics"]["controller"]
        page[f'dbfleet_jobs{{state="{self.jobs[job]["state"]}"}}'] -= 1
        page[f'dbfleet_jobs{{state="{state}"}}'] += 1
        self.jobs[job]["state"] = state
        self.evidence["api_jobs"][job]["state"] = "STATE_" + state.upper()

    def reopen(self, job, state, error_reason="", error_message=""):
        """The job as one that has not ended."""
        self.end_job(job, state)
        self.jobs[job].update(end=None, error_reason=error_reason, error_message=error_message)
        for record in [r for r in self.audit if r["action"] == "job.end" and
                       r["resource"] == f"jobs/{job}"]:
            self.drop(record)
        self.evidence["workload"] = [e for e in self.evidence["workload"]
                                     if (e["op"], e.get("job")) != ("observe", job)]
