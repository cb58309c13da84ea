"""Invariants about handing work out: leases, fences, agents, and their credentials."""
from collections import defaultdict

from registry import invariant
from view import SLACK, TERMINAL_ATTEMPTS

REVOCATION_BOUND = 10.0  # Seconds until a revoked credential is of no use any more.
# What an agent's name stands at although it asked for nothing: the refusal of what it sent.
REFUSALS = {"attempt.foreign_event"}
ATTEMPT_WORDS = {"attempt.accept", "attempt.start", "attempt.end", "attempt.late_result",
                 "attempt.late_step", "step.report"}


@invariant
def trail_verifies(view):
    """The trail stands up to its own verification, and its numbers have no gap."""
    verified = view.evidence["audit_verified"]
    if not verified["ok"]:
        yield "audit", f"does not verify: {verified['text']}"
    for i, record in enumerate(view.audit, 1):
        if record["seq"] != i:
            yield "audit", f"record {i} has the number {record['seq']}"
            return


@invariant
def one_live_lease(view):
    """At most one live lease per target: exclusive work is granted on an instance only after what
    was granted there before has ended, or was declared lost; and no attempt is granted twice. When
    what was reclaimed had been granted, the lost trail knew."""
    granted = set()
    for lease in view.leases:
        if lease.attempt in granted:
            yield f"attempts/{lease.attempt}", f"granted a second time by record {lease.granted}"
        granted.add(lease.attempt)
    for instance, leases in view.exclusive_by_instance().items():
        last = None
        for lease in leases:
            if last is not None and lease.granted < last.end and not lease.reclaimed:
                yield (f"instances/{instance}",
                       f"attempt {lease.attempt} was granted (record {lease.granted}) while "
                       f"{last.attempt} held it (from {last.granted} until {last.end})")
            if last is None or lease.end > last.end:
                last = lease


@invariant
def fences_increase(view):
    """Fences strictly increase per instance: as offered, as granted for exclusive work, as each
    agent accepted them, and as they stand in the target's own records."""
    offered = defaultdict(list)
    for record in view.actions["attempt.offer"]:
        attempt = view.attempts.get(record["details"]["attempt"])
        if attempt is not None:
            offered[attempt["instance"]].append((record["details"]["attempt"],
                                                 int(record["details"]["fence"])))
    for instance, rows in offered.items():
        yield from _falling(f"instances/{instance}", "offered", rows)
    for instance, leases in view.exclusive_by_instance().items():
        yield from _falling(f"instances/{instance}", "granted",
                            [(lease.attempt, lease.fence) for lease in leases])
    for agent, journal in view.journals.items():
        accepted = defaultdict(list)
        for attempt in journal["attempts"]:
            accepted[attempt["instance"]].append((attempt["id"], attempt["fence"]))
        for instance, rows in accepted.items():
            yield from _falling(f"agents/{agent}", f"accepted for {instance}", rows)
            if journal["fences"].get(instance, 0) < max(fence for _, fence in rows):
                yield f"agents/{agent}", f"does not remember the highest fence of {instance}"
    if not view.times_hold:
        return
    for instance, database, records in view.databases():
        began = {}
        for row in records["steps"]:
            began.setdefault(row["attempt"], (row["started"], row["fence"]))
        rows = [(a, fence) for a, (_, fence) in sorted(began.items(), key=lambda item: item[1][0])]
        yield from _falling(f"instances/{instance}/databases/{database}", "recorded", rows)


def _falling(subject, word, rows):
    for (former, low), (attempt, fence) in zip(rows, rows[1:]):
        if fence <= low:
            yield subject, f"{attempt} was {word} with fence {fence} after {former} with {low}"


@invariant
def own_instances(view):
    """Agents acted only on their own instances: what was granted to an agent, what it reported, what
    its journal holds, what the targets and the repository name are of the same agent or instance."""
    owner = {}
    for record in view.audit:
        action, details, actor = record["action"], record["details"], record["actor"]
        if action in ("instance.register", "instance.update") and actor.startswith("agents/"):
            owner[record["resource"].removeprefix("instances/")] = actor.removeprefix("agents/")
        elif action == "instance.move":
            owner[record["resource"].removeprefix("instances/")] = details["to"]
        elif action == "attempt.grant":
            lease = view.lease_of[details["attempt"]]
            if owner.get(lease.instance, lease.agent) != lease.agent:
                yield (f"agents/{lease.agent}", f"was granted {lease.attempt} on {lease.instance}, "
                       f"which belongs to {owner[lease.instance]}")
        elif action in ATTEMPT_WORDS and actor.startswith("agents/"):
            attempt = view.attempts.get(details.get("attempt", ""))
            if attempt is not None and actor != f"agents/{attempt['agent']}":
                yield actor, f"{action} of {details['attempt']}, an attempt of {attempt['agent']}"
    for agent, journal in view.journals.items():
        for held in journal["attempts"]:
            attempt = view.attempts.get(held["id"])
            if attempt is not None and (attempt["agent"], attempt["instance"]) != (
                    agent, held["instance"]):
                yield f"agents/{agent}", f"holds {held['id']} of {attempt['agent']}"
    for instance, database, records in view.databases():
        for row in records["steps"]:
            task = view.tasks.get(view.attempts.get(row["attempt"], {}).get("task", ""))
            if task is not None and (task["instance"], task["database"]) != (instance, database):
                yield (f"instances/{instance}/databases/{database}",
                       f"has a step of {row['attempt']}, which was for {task['instance']}/"
                       f"{task['database']}")
    for folder in view.evidence["repository"]:
        backup = view.backups.get(folder["id"])
        if backup is not None and backup["instance"] != folder["instance"]:
            yield f"backups/{folder['id']}", f"lies with {folder['instance']}"


@invariant
def revoked_powerless(view):
    """Nothing succeeded with a revoked credential later than 10 s after the revocation: an agent's
    until it enrolled again, a disabled user's, a revoked token's."""
    revoked, tokens = {}, {}
    for record in view.audit:
        action, resource, actor = record["action"], record["resource"], record["actor"]
        if action == "agent.enroll":  # A new identity under the old name.
            revoked.pop(resource, None)
            continue
        since = record["t"] - revoked.get(actor, record["t"])
        if view.times_hold and since > REVOCATION_BOUND and action not in REFUSALS:
            yield actor, f"{action} (record {record['seq']}) {since:.1f} s after its revocation"
        token = record["details"].get("token", "")
        since = record["t"] - tokens.get(token, record["t"])
        if view.times_hold and since > REVOCATION_BOUND:
            yield f"tokens/{token}", f"{action} (record {record['seq']}) after its revocation"
        if action == "attempt.grant" and f"agents/{record['details'].get('agent')}" in revoked:
            yield (f"agents/{record['details']['agent']}",
                   f"was granted {record['details']['attempt']} after its revocation")
        if action in ("agent.revoke", "user.disable"):
            revoked[resource] = record["t"]
        elif action == "token.revoke":
            tokens[resource.rsplit("/", 1)[-1]] = record["t"]


@invariant
def exclusive_never_overlapped(view):
    """Exclusive jobs never overlapped on an instance, by the target's own times: the spans of two
    attempts in its step logs are apart, and no backup's moment lies within one. After a person gave an
    attempt up, its span counts no more."""
    if not view.times_hold:
        return
    spans = defaultdict(dict)
    for instance, _, records in view.databases():
        for row in records["steps"]:
            times = [t for t in (row["started"], row["ended"]) if t is not None]
            low, high = spans[instance].get(row["attempt"], (min(times), max(times)))
            spans[instance][row["attempt"]] = (min(low, *times), max(high, *times))
    for instance, rows in spans.items():
        rows = sorted((low, high, attempt) for attempt, (low, high) in rows.items())
        for (low, high, attempt), (begin, _, other) in zip(rows, rows[1:]):
            lease = view.lease_of.get(attempt)
            if begin < high and not (lease is not None and lease.state == "lost"):
                yield (f"instances/{instance}",
                       f"{other} began {high - begin:.3f} s before {attempt} had ended")
        for folder in view.evidence["repository"]:
            moment = (folder["manifest"] or {}).get("snapshot")
            if moment is None or folder["instance"] != instance:
                continue
            for low, high, attempt in rows:
                if low < moment < high:
                    yield (f"instances/{instance}",
                           f"backups/{folder['id']} was taken while {attempt} worked")


@invariant
def effect_recorded(view):
    """Effect implies an earlier record of the intent and a later one of the outcome: every step in a
    target has a grant before it, with the same fence, and its attempt's end (or the wait for a person)
    after it; every counted effect belongs to a recorded step, and every step done has the
    effect that was recorded with it."""
    for action in ("attempt.start", "step.report"):
        for record in view.actions[action]:
            lease = view.lease_of.get(record["details"]["attempt"])
            if lease is None or lease.granted > record["seq"]:
                yield f"attempts/{record['details']['attempt']}", f"{action} without a grant before"
    for instance, database, records in view.databases():
        subject = f"instances/{instance}/databases/{database}"
        low, high = defaultdict(int), defaultdict(int)
        forgotten = view.forgotten_changes(records)
        for row in records["steps"]:
            lease = view.lease_of.get(row["attempt"])
            if lease is None:
                if row["attempt"] not in view.lost_attempts:
                    yield subject, f"a step of {row['attempt']}, which was never granted"
                continue
            yield from _judge_step(view, subject, row, lease)
            effect = view.effects_of(lease.task).get((row["rollback"], row["index"]))
            if effect is not None:
                known = row["state"] == "done" and row["rows"] >= 0
                low[effect] += row["rows"] if known else 0
                high[effect] += row["rows"] if known else row["state"] in ("done", "intent", "unsure")
        for (where, db, *effect), count in view.effect_counts().items():
            effect = tuple(effect)
            if (where, db) == (instance, database) and count > high[effect] and (
                    effect[0] not in forgotten):
                yield subject, f"{effect} is there {count} times, recorded {high[effect]} times"
        for effect, count in low.items():
            rows = view.effect_counts().get((instance, database, *effect), 0)
            if rows < count and effect[0] not in forgotten:
                yield subject, f"{effect} is recorded {count} times, and there {rows} times"


def _judge_step(view, subject, row, lease):
    name = f"step {'rollback ' if row['rollback'] else ''}{row['index']} of {row['attempt']}"
    if row["fence"] != lease.fence:
        yield subject, f"{name} has fence {row['fence']}, granted was {lease.fence}"
    if view.times_hold and not lease.reclaimed and row["started"] < lease.t - SLACK:
        yield subject, f"{name} began {lease.t - row['started']:.1f} s before its grant"
    attempt = view.attempts.get(row["attempt"])
    if lease.ended is None and attempt is not None and attempt["state"] in TERMINAL_ATTEMPTS:
        yield subject, f"{name}: its attempt is over, but the trail has no end of it"
    # What an attempt that was given up did afterwards is told by its late result.
    if lease.ended is not None and row["ended"] is not None and view.times_hold and (
            row["ended"] > lease.end_t + SLACK):
        late = [r for r in view.of_job(lease.job, "attempt.late_result", "attempt.late_step")
                if r["details"]["attempt"] == row["attempt"]]
        if not late:
            yield subject, f"{name} ended {row['ended'] - lease.end_t:.1f} s after the record of the end"
