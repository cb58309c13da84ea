"""Invariants about what people asked for: what was acknowledged, approved, decided, and how it ended."""
from collections import defaultdict

from registry import invariant
from view import RERUN_IS_UNSAFE, TERMINAL_JOBS

SUBMISSIONS = {"change.submit", "change.rollback", "backup.submit", "verify.submit", "check.submit",
               "inspect.submit"}
RECORD_OF = {"approve": "change.approve", "reject": "change.reject", "cancel": "job.cancel",
             "pause": "job.pause", "resume": "job.resume", "resolve": "job.resolve"}
AFTER_CANCEL = {"cancelled", "succeeded", "partial", "failed", "rolled_back"}
WORK = {"attempt.queue", "attempt.offer", "attempt.grant", "job.planned", "job.replan", "job.state",
        "job.resume"}
# Rules that name somebody for whom a job waits although no state of its own says so.
AGENT_RULES = {"agent-unreachable", "agent-draining"}


def short(state):
    """ "STATE_SUCCEEDED" as the store spells it."""
    return state.removeprefix("STATE_").lower()


@invariant
def acknowledged_survives(view):
    """Every acknowledged submit, approval, rejection, cancel and revocation is in the trail under its
    actor's name, and in the store; so is what was found there although no answer came."""
    for entry in view.workload:
        op, job = entry["op"], entry.get("job", "")
        if view.forgotten(entry["t"]):
            continue
        if op == "revoke_agent" and entry.get("acked"):
            agent = entry.get("agent", "")
            if not any(r["resource"] == f"agents/{agent}" or not agent
                       for r in view.actions["agent.revoke"]):
                yield f"agents/{agent}", "its acknowledged revocation is not in the trail"
        if not job or not (entry.get("acked") or op == "submit"):
            continue
        actor = view.principal(entry.get("by", ""))
        if op == "submit":
            yield from _submitted(view, job, actor)
        elif op in RECORD_OF:
            # Who asks for what is done already is told so, too.
            by_anybody = op in ("cancel", "pause", "resume")
            records = [r for r in view.of_job(job, RECORD_OF[op])
                       if (by_anybody or r["actor"] == actor) and entry.get("digest") in (
                           None, "", r["details"].get("digest"))]
            if not records:
                yield f"jobs/{job}", f"the acknowledged {op} by {actor} is not in the trail"
            elif op == "cancel":
                yield from _cancelled(view, job)
            elif op == "approve":
                yield from _approved(view, job, actor, records)


def _submitted(view, job, actor):
    if job not in view.jobs:
        yield f"jobs/{job}", f"acknowledged to {actor}, and the store does not know it"
    elif not any(r["action"] in SUBMISSIONS and r["actor"] == actor for r in view.of_job(job)):
        yield f"jobs/{job}", f"acknowledged to {actor}, and no such submission is in the trail"
    if job not in view.evidence["api_jobs"]:
        yield f"jobs/{job}", f"acknowledged to {actor}, and the API does not list it"


def _cancelled(view, job):
    row = view.jobs.get(job)
    if row is not None and not (row["cancel_requested"] and row["state"] in AFTER_CANCEL |
                                {"cancelling"}):
        yield f"jobs/{job}", f"its acknowledged cancel had no consequence: it is {row['state']}"


def _approved(view, job, actor, records):
    row = view.jobs.get(job)
    digests = {r["details"].get("digest") for r in records}
    if row is not None and not any(a["principal"] == actor and a["approved"] and
                                   a["digest"] in digests for a in row["approvals"]):
        yield f"jobs/{job}", f"the acknowledged approval by {actor} is not with the job"


@invariant
def jobs_end(view):
    """After healing every job has ended or waits for a person, and says for what: PAUSED or with a
    task that needs a person and a text, AWAITING_APPROVAL with too few approvals, or held up by an
    agent that was taken out of service."""
    for name, job in view.jobs.items():
        if job["state"] in TERMINAL_JOBS:
            continue
        if not _waits(view, name, job):
            yield f"jobs/{name}", f"is {job['state']} ({job['error_message'] or 'no text'})"
    for name, job in view.evidence["api_jobs"].items():
        stored = view.jobs.get(name)
        if stored is not None and stored["state"] != short(job["state"]):
            yield f"jobs/{name}", f"the API says {job['state']}, the store {stored['state']}"
    for name, attempt in view.attempts.items():
        job = view.jobs.get(attempt["job"])
        if job and job["state"] in TERMINAL_JOBS and attempt["state"] in ("granted", "running"):
            yield f"attempts/{name}", f"is {attempt['state']} in a job that is {job['state']}"


def _waits(view, name, job):
    tasks = view.tasks_of(name)
    api = view.evidence["api_jobs"].get(name, {})
    if job["state"] == "paused":
        return bool(job["error_message"])
    if any(t["state"] == "needs_person" for t in tasks.values()):
        return job["error_reason"] == "NEEDS_PERSON" and bool(job["error_message"])
    if job["state"] == "awaiting_approval":
        return not enough_approvals(view, name, job, job["digest"], view.evidence["collected"], None)
    lost_memory = any(a["state"] == "unreachable" and a["error_message"]
                      for t in tasks for _, a in view.attempts_of(t))
    agents = {view.store["instances"].get(t["instance"], {}).get("agent", "")
              for t in tasks.values()}
    return lost_memory or (any(view.takes_no_work(a) for a in agents) and
                           bool(AGENT_RULES & set(api.get("blockers", []))))


@invariant
def terminal_final(view):
    """Terminal states never change: not between two looks of a user, not in the trail, not until the
    end of the run."""
    seen = {}
    for entry in view.workload:
        if entry["op"] == "restore":
            seen = {j: s for j, s in seen.items() if s[1] < entry.get("as_of", 0.0)}
        if entry["op"] != "observe":
            continue
        job, state = entry["job"], short(entry["state"])
        if job in seen and seen[job][0] != state:
            yield f"jobs/{job}", f"was seen as {seen[job][0]}, and later as {state}"
        elif state in TERMINAL_JOBS:
            seen[job] = (state, entry["t"])
    for job, (state, _) in seen.items():
        if job in view.jobs and view.jobs[job]["state"] != state:
            yield f"jobs/{job}", f"was seen as {state}, and is {view.jobs[job]['state']} in the end"
    for resource, records in view.of_resource.items():
        if not resource.startswith("jobs/"):
            continue
        end = None
        for record in records:
            if end is not None and record["action"] in WORK | {"job.end"}:
                yield resource, f"{record['action']} (record {record['seq']}) after its end ({end})"
            if record["action"] == "job.end":
                end = record["details"]["state"]
        row = view.jobs.get(resource.removeprefix("jobs/"))
        if end is not None and row is not None and row["state"] != end:
            yield resource, f"ended as {end} in the trail, and is {row['state']}"
    ends = defaultdict(list)
    for record in view.actions["attempt.end"]:
        ends[record["details"]["attempt"]].append(record["details"]["state"])
    for attempt, states in ends.items():
        row = view.attempts.get(attempt)
        if len(states) > 1 or (row is not None and row["state"] != states[0]):
            yield (f"attempts/{attempt}",
                   f"ended as {states}, and is {row['state'] if row else 'gone'}")


@invariant
def unknown_not_success(view):
    """An unknown outcome is never called success nor blindly tried again. Unknown is an attempt that
    was INTERRUPTED, LOST or is UNREACHABLE, where running again could do harm. Success needs the
    agent's own report at the attempt's fence, or a person's word; after an unknown end there is no
    other attempt at all."""
    for name, task in view.tasks.items():
        job = view.jobs.get(task["job"])
        if job is None or job["kind"] not in RERUN_IS_UNSAFE:
            continue
        attempts = [(i, a) for i, a in view.attempts_of(name) if a["purpose"] == "execute"]
        resolved = [r["details"].get("as") for r in view.of_job(task["job"], "job.resolve")
                    if r["details"].get("target", "").startswith(f"instances/{task['instance']}")]
        for number, (attempt, row) in enumerate(attempts):
            if row["state"] in ("interrupted", "lost", "unreachable") and number + 1 < len(attempts):
                yield (f"attempts/{attempt}",
                       f"ended {row['state']}, and {attempts[number + 1][0]} tried it again")
            yield from _believed(view, attempt, row)
        if task["state"] == "succeeded" and "applied" not in resolved and not job["plan_only"]:
            if not any(a["state"] == "succeeded" for _, a in attempts):
                yield f"jobs/{task['job']}/tasks/{name}", "succeeded without an attempt that did"
        unknown = attempts and attempts[-1][1]["state"] in ("interrupted", "lost")
        if unknown and not resolved and task["state"] not in ("needs_person", "active"):
            yield (f"jobs/{task['job']}/tasks/{name}",
                   f"is {task['state']} though nobody decided what {attempts[-1][0]} did")


def _believed(view, attempt, row):
    """A success is the agent's own word, and nothing that it said before contradicts it."""
    if row["state"] != "succeeded":
        return
    lease = view.lease_of.get(attempt)
    end = lease.end_record if lease is not None else None
    if end is None or end["actor"] != f"agents/{row['agent']}":
        yield f"attempts/{attempt}", f"success was told by {end['actor'] if end else 'nobody'}"
    elif int(end["details"].get("fence", 0)) != lease.fence:
        yield f"attempts/{attempt}", "success was told at another fence than the granted one"
    last = {}
    for record in view.of_job(row["job"], "step.report"):
        if record["details"]["attempt"] == attempt:
            last[record["details"]["step"]] = record["details"].get("state")
    for step, state in last.items():
        if state == "unknown":
            yield f"attempts/{attempt}", f"succeeded, though nobody knows about its step {step}"
    for held in view.journals.get(row["agent"], {"attempts": []})["attempts"]:
        if held["id"] == attempt and held["phase"] == 4 and held["outcome"] != 1:
            yield f"attempts/{attempt}", f"succeeded, and its agent noted outcome {held['outcome']}"


@invariant
def approved_digest(view):
    """No step ran without an unexpired approval of its exact digest where the environment demands
    it: enough people approved, in the trail before the grant, the digest that was granted, which is
    the one in the agent's journal."""
    for lease in view.leases:
        if lease.kind not in RERUN_IS_UNSAFE or lease.purpose != "execute" or lease.reclaimed:
            continue
        job = view.jobs.get(lease.job)
        if job is not None and not enough_approvals(view, lease.job, job, lease.digest, lease.t,
                                                    lease.granted):
            yield (f"jobs/{lease.job}", f"{lease.attempt} was granted (record {lease.granted}) "
                   f"without enough unexpired approvals of {lease.digest or 'its digest'}")
        for held in view.journals.get(lease.agent, {"attempts": []})["attempts"]:
            if held["id"] == lease.attempt and held["grant"] is not None and (
                    held["grant"]["digest"] != lease.digest):
                yield (f"jobs/{lease.job}", f"the trail says that {lease.digest} was granted, the "
                       f"agent was given {held['grant']['digest'] or 'none'}")


def enough_approvals(view, name, job, digest, t, before):
    """Whether the trail holds, before the record `before`, all approvals that the job needs at `t`."""
    environment = view.store["environments"].get(job["environment"], {"approvals": 0})
    planned = [r["details"].get("safety") for r in view.of_job(name, "job.planned")
               if r["details"].get("digest") == digest]
    safety = planned[-1] if planned else job["safety"]
    if safety == "safe" or environment["approvals"] == 0:
        return True
    ttl = environment["approval_ttl"]
    people = {r["actor"] for r in view.of_job(name, "change.approve")
              if r["details"].get("digest") == digest and (before is None or r["seq"] < before) and
              r["actor"].startswith("users/") and r["actor"] != job["requester"] and
              (ttl is None or r["t"] + ttl > t)}
    return len(people) >= environment["approvals"]


@invariant
def requester_not_approver(view):
    """Who asked for a job is not among those who approved it."""
    for name, job in view.jobs.items():
        askers = {job["requester"]} | {r["actor"] for r in view.of_job(name)
                                       if r["action"] in SUBMISSIONS}
        approvers = {r["actor"] for r in view.of_job(name, "change.approve")}
        approvers |= {a["principal"] for a in job["approvals"] if a["approved"]}
        for person in askers & approvers:
            yield f"jobs/{name}", f"{person} asked for it and approved it"
