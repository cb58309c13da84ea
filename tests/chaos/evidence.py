"""Gathers what everybody wrote down about a run, after the fleet has healed and come to rest.

collect() returns plain dicts, so that the evidence of a failed run is one JSON file, which
checker.py re-checks without any fleet. Nothing is judged here: what cannot be had is an error, since
an invariant that sees nothing would hold. Times are unix seconds.
"""
import contextlib
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import sources  # noqa: E402
from fleet import children_of, run, wait_until  # noqa: E402

FORMAT = 1
SNAPSHOT_PATIENCE = 30  # Seconds until the fleet's page has seen the last record.
RECONNECT_PATIENCE = 3  # Seconds for an agent to be connected.


def collect(fleet, workload_log):
    """`fleet`: a Fleet whose daemons live and whose work is done; `workload_log`: list of dicts."""
    state = fleet.state
    instances, agents = names_of(fleet), agents_of(fleet)
    audit = export_audit(fleet)
    evidence = {"format": FORMAT, "collected": time.time(), "workload": list(workload_log),
                "audit": audit["records"], "audit_verified": audit["verified"]}
    evidence["metrics"] = metrics_of(fleet, agents, evidence["audit"][-1]["seq"])
    evidence["store"] = sources.read_store(state / "controller/store.db")
    evidence["lost_attempts"] = lost_attempts(fleet)
    evidence["api_jobs"] = {
        job["name"].rsplit("/", 1)[-1]: {
            "state": job["state"], "error": job.get("errorMessage", ""),
            "blockers": [b.get("rule", "") for b in job.get("blockers", [])]}
        for job in api_jobs(fleet, evidence["store"])}
    evidence["journals"] = {
        name: sources.read_journal(state / f"agent-{name}/journal/journal.db") for name in agents}
    evidence["targets"] = {name: sources.read_target(fleet, name) for name in instances
                           if name in sources.SQL_INSTANCES and fleet.pid(name) is not None}
    evidence["repository"] = sources.read_repository(state / "backups")
    evidence["leftovers"] = {
        "scratch": sources.scratch_files(state, agents),
        "temporary": lasting(lambda: sources.temporary_files(state)),
        "processes": sources.strip([line for _, line in lasting(lambda: strays(fleet).items())],
                                   str(state))}
    return json.loads(json.dumps(evidence).replace(str(state), "/fleet"))


def lasting(look):
    """What is there at two looks. At rest, too, agents renew certificates, and a server makes a
    process for each session in which they look at it: that lasts for a moment."""
    first = list(look())
    if not first:
        return []
    time.sleep(0.3)
    second = list(look())
    return [thing for thing in first if thing in second]


def names_of(fleet):
    """The database servers of this fleet, which are its instances, too."""
    return [name for name in fleet.SERVERS if (fleet.state / "run" / f"{name}.pid").exists()]


def agents_of(fleet):
    """Each server has one agent of the same name, if it ever ran."""
    return [name for name in fleet.SERVERS
            if (fleet.state / f"agent-{name}/journal/journal.db").exists()]


# --- What the product says -----------------------------------------------------------------------

def export_audit(fleet):
    """The trail, exported and verified through the command line."""
    path = fleet.state / "audit-evidence.jsonl"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    kept = witnessed(fleet)  # Before the export, which has to reach at least as far.
    fleet.cli("eve", "audit", "export", "--out", path, expect=0)
    verified = verify_audit(fleet, path, kept)
    records = []
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record.get("type", "record") != "record":
            continue  # A checkpoint between the records.
        records.append({"seq": int(record["seq"]), "t": sources.unix_time(record["time"]),
                        **{k: record[k] for k in ("actor", "action", "resource", "environment")},
                        "details": record["details"]})
    path.unlink()
    return {"records": records,
            "verified": {"ok": verified.code == 0, "text": verified.text.strip()[-500:]}}


def verify_audit(fleet, path, kept):
    """Offline, with all that vouches for the trail: the keys (a restore that was adopted is believed
    to nobody else), the agents' receipts, and what each agent's witness kept."""
    keys, agent_ca = fleet.state / "audit-keys", fleet.state / "audit-agent-ca.pem"
    keys.write_text(fleet.cli("eve", "audit", "keys", expect=0).out)
    agent_ca.write_text(fleet.cli("eve", "audit", "keys", "--agent-ca", expect=0).out)
    apart = [word for checkpoint in kept for word in ("--checkpoint", checkpoint)]
    return fleet.cli(None, "audit", "verify", path, "--trusted-keys", keys, "--agent-ca", agent_ca,
                     *apart)


def witnessed(fleet):
    """Files with the highest checkpoint that each agent's witness accepted."""
    files = []
    for name in agents_of(fleet):
        shown = run([fleet.bin / "dbfleet-agent", "witness", "show", "--config",
                     fleet.state / f"etc/agent-{name}.yaml"])
        if shown.code == 0 and shown.out:  # An older agent is no witness.
            files.append(fleet.state / f"witnessed-{name}")
            files[-1].write_text(shown.out)
    return files


def lost_attempts(fleet):
    """What the stores say that a restore of the controller took away: who worked for which job."""
    found = {}
    for path in sorted(fleet.state.glob("controller-lost-*/store.db")):
        for name, attempt in sources.read_store(path)["attempts"].items():
            found[name] = {k: attempt[k] for k in ("job", "instance", "fence", "purpose", "state")}
    return found


def api_jobs(fleet, store):
    """Every job as the API lists it. What holds up a job that has not ended only its own view says."""
    jobs = fleet.cli("admin", "job", "list", "--limit", "0", "-o", "json", expect=0).json()
    for i, job in enumerate(jobs):
        stored = store["jobs"].get(job["name"].rsplit("/", 1)[-1])
        if stored is not None and stored["end"] is None:
            jobs[i] = fleet.cli("admin", "job", "get", job["name"], "-o", "json", expect=0).json()
    return jobs


def metrics_of(fleet, agents, last_seq):
    """The controller's page, once its snapshot of the store is younger than the exported trail, and
    those of the agents."""
    def caught_up():
        status, page = fleet.http("/metrics")
        series = sources.parse_metrics(page) if status == 200 else {}
        return series if series.get("dbfleet_audit_records_total", 0) >= last_seq else None

    metrics = {"controller": wait_until("the fleet's page has seen the trail's end", caught_up,
                                        SNAPSHOT_PATIENCE),
               "controller_start": sources.process_start(fleet.pid("controller")), "agents": {}}
    for name in agents:
        metrics["agents"][name] = agent_metrics(fleet, name)
    return metrics


def agent_metrics(fleet, name):
    """An agent that renews its certificate is away for a moment."""
    deadline = time.monotonic() + RECONNECT_PATIENCE
    while True:
        status, page = fleet.http("/metrics", fleet.port(f"metrics-{name}"))
        series = sources.parse_metrics(page) if status == 200 else None
        if (series or {}).get("dbfleet_agent_connected") == 1 or time.monotonic() > deadline:
            return series
        time.sleep(0.1)


# --- Processes -----------------------------------------------------------------------------------

def strays(fleet):
    """Processes in the fleet's folder that belong to no living daemon, by pid. A tool whose agent died
    is nobody's child any more; one that runs under its agent while nothing is to be done is as bad."""
    daemons = set(fleet.pids().values())
    kin = set(daemons)
    for name, pid in fleet.pids().items():
        if not name.startswith("agent-"):
            kin.update(children_of(pid))
    for pid in daemons:
        kin.update(ancestors(pid))
    # The test's own clients; its daemons' children were left out above on purpose.
    own = set(children_of(os.getpid()))
    for pid in daemons:
        own -= set(children_of(pid))
    return {pid: line for pid, line in fleet.processes().items() if pid not in kin | own}


def ancestors(pid):
    """runuser and the like stand between a daemon and whoever started it."""
    found = []
    while pid > 1:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            break
        pid = int(text[text.rindex(")") + 2:].split()[1])
        found.append(pid)
    return found
