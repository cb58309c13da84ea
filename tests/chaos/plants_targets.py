"""Planted bugs of databases, backups, leftovers and metrics (plants.py)."""
from plants import plant


@plant("step_once_per_grant")
def a_step_took_effect_twice(p):
    effects = p.records_of(p.job("succeeded"))["effects"]
    effects.append(dict(effects[0], id=effects[-1]["id"] + 1))


@plant("step_once_per_grant")
def a_rollback_step_took_effect_twice(p):
    effects = p.records_of(p.job("succeeded"))["effects"]
    effects.append(dict(next(e for e in effects if e["direction"] == "down")))


@plant("step_once_per_grant")
def a_step_ran_again_after_a_restore(p):
    """The trail that granted it the first time is lost, so nobody counts grants."""
    p.log("restore", as_of=p.evidence["collected"] - 10)
    effects = p.records_of(p.job("succeeded"))["effects"]
    undone = {e["change"] for e in effects if e["direction"] == "down"}
    first = next(e for e in effects if e["change"] not in undone)
    effects.append(dict(first, id=max(e["id"] for e in effects) + 1))


@plant("step_once_per_grant")
def a_step_of_nobodys_change(p):
    effects = p.records_of(p.job("succeeded"))["effects"]
    effects.append(dict(effects[0], change="change_9999"))


@plant("step_once_per_grant")
def a_step_succeeded_twice(p):
    report = p.record("step.report", p.job("succeeded"), state="succeeded")
    p.insert(report, report["actor"], "step.report", report["resource"], **report["details"])


def history_row(p, job):
    attempt = p.attempt_of(job)
    return next(r for r in p.records_of(job)["history"] if r["attempt"] == attempt)


@plant("history_equals_outcomes")
def a_success_that_is_not_applied(p):
    history_row(p, p.job("succeeded"))["state"] = "rolled_back"


@plant("history_equals_outcomes")
def a_success_without_history(p):
    job = p.job("succeeded", environment="qa")
    p.records_of(job)["history"] = []


@plant("history_equals_outcomes")
def a_change_rolled_back_is_applied(p):
    job = p.job("rolled_back")
    version = p.tasks[p.task_of(job)]["plan"]["versions"][0]
    attempt = p.attempt_of(job)
    records = p.records_of(job)
    records["history"] = [r for r in records["history"] if r["version"] != version] + [
        {"version": version, "name": "x", "state": "applied", "job": job, "attempt": attempt,
         "fence": p.attempts[attempt]["fence"], "changed": p.evidence["collected"]}]


@plant("history_equals_outcomes")
def a_change_taken_back_is_still_applied(p):
    history_row(p, p.job("succeeded", "down"))["state"] = "applied"


@plant("history_equals_outcomes")
def a_version_written_without_a_grant(p):
    history_row(p, p.job("succeeded"))["attempt"] = "01M0000000000000000000000Z"


@plant("history_equals_outcomes")
def a_version_under_another_fence(p):
    history_row(p, p.job("succeeded"))["fence"] += 1


@plant("history_equals_outcomes")
def an_effect_stayed_after_a_rollback(p):
    name = next(e["change"] for e in p.records_of(p.job("rolled_back"))["effects"]
                if e["direction"] == "down")
    effects = p.records_of(p.job("rolled_back"))["effects"]
    effects.remove(next(e for e in effects if (e["change"], e["direction"]) == (name, "down")))


@plant("history_equals_outcomes")
def an_effect_of_a_success_is_gone(p):
    p.records_of(p.job("succeeded"))["effects"].pop(0)


@plant("backups_verify")
def a_file_is_not_what_its_manifest_says(p):
    p.folder()["files"]["common.sql.zst"]["sha256"] = "3" * 64


@plant("backups_verify")
def a_file_is_cut_off(p):
    p.folder()["files"]["common.sql.zst"]["size"] -= 1


@plant("backups_verify")
def a_file_is_missing(p):
    del p.folder()["files"]["common.sql.zst"]


@plant("backups_verify")
def a_file_without_its_end_stands_in_a_manifest(p):
    p.folder()["manifest"]["files"]["common.sql.zst"]["trailer_ok"] = False


@plant("backups_verify")
def a_file_that_no_manifest_names(p):
    p.folder()["files"]["more.sql.zst"] = {"size": 1, "sha256": "4" * 64}


@plant("backups_verify")
def the_manifest_is_another_one(p):
    p.folder()["files"]["manifest.json"]["sha256"] = "5" * 64


@plant("backups_verify")
def the_manifest_is_broken(p):
    p.folder()["manifest"] = {"broken": "ValueError()"}


@plant("backups_verify")
def complete_without_a_manifest(p):
    p.evidence["repository"] = p.evidence["repository"][1:]


@plant("backups_verify")
def files_of_a_failed_backup_under_final_names(p):
    folder = p.folder()
    folder["manifest"] = None
    del folder["files"]["manifest.json"]
    p.backups[folder["id"]].update(state="failed", level=0)


@plant("backups_verify")
def a_folder_is_nobodys(p):
    del p.backups[p.folder()["id"]]


@plant("backups_verify")
def a_suspect_backup_counts_as_verified(p):
    p.backups[p.folder()["id"]].update(state="suspect", level=1)


@plant("backups_verify")
def a_backup_runs_on_without_a_job(p):
    p.backups[p.folder()["id"]].update(state="running", level=0)


@plant("nothing_left")
def a_tool_without_its_agent(p):
    p.evidence["leftovers"]["processes"].append("dbfleet-exec /fleet/agent-mariadb/scratch/x")


@plant("nothing_left")
def a_partial_file(p):
    p.evidence["leftovers"]["temporary"].append("backups/mariadb/B/common.sql.zst.partial")


@plant("nothing_left")
def a_credential_in_the_scratch_folder(p):
    p.evidence["leftovers"]["scratch"].append("agent-mariadb/scratch/A/client.cnf")


@plant("nothing_left")
def a_named_lock(p):
    p.evidence["targets"]["mariadb"]["locks"].append("named lock dbfleet.migrate.client_1001")


@plant("nothing_left")
def a_session_of_the_migration_account(p):
    p.evidence["targets"]["mariadb"]["sessions"].append(
        {"user": "dbfleet_migrate", "state": "Sleep", "statement": ""})


@plant("nothing_left")
def an_inspection_without_a_living_agent(p):
    p.evidence["metrics"]["agents"]["mariadb"] = None
    p.evidence["targets"]["mariadb"]["sessions"].append(
        {"user": "dbfleet_inspect", "state": "Sleep", "statement": ""})


@plant("nothing_left")
def an_attempt_that_the_journal_never_ended(p):
    p.held(p.attempt_of(p.job("succeeded")))["phase"] = 3


@plant("nothing_left")
def an_event_that_was_never_taken(p):
    p.evidence["journals"]["mariadb"]["events"].append({"seq": 99, "kind": "finished"})


@plant("metrics_equal")
def an_end_is_not_counted(p):
    p.evidence["metrics"]["controller"]['dbfleet_jobs{state="succeeded"}'] -= 1


@plant("metrics_equal")
def a_state_is_missing(p):
    del p.evidence["metrics"]["controller"]['dbfleet_jobs{state="succeeded"}']


@plant("metrics_equal")
def a_migration_is_counted_twice(p):
    page = p.evidence["metrics"]["controller"]
    series = next(s for s in page if s.startswith('dbfleet_instance_migrations_total{outcome="rolled'))
    page[series] += 1


@plant("metrics_equal")
def a_backup_is_not_counted(p):
    page = p.evidence["metrics"]["controller"]
    series = next(s for s in page if s.startswith("dbfleet_instance_backups_total{") and page[s])
    page[series] -= 1


@plant("metrics_equal")
def an_instance_is_not_counted(p):
    page = p.evidence["metrics"]["controller"]
    for series in [s for s in page if s.startswith("dbfleet_instance_migrations_total")]:
        if 'instance="mariadb"' in series:
            del page[series]


@plant("metrics_equal")
def the_trail_is_counted_wrongly(p):
    p.evidence["metrics"]["controller"]["dbfleet_audit_records_total"] += 100


@plant("metrics_equal")
def a_grant_is_not_counted(p):
    p.evidence["metrics"]["controller"]["dbfleet_dispatch_grants_total"] -= 1


@plant("metrics_equal")
def an_agent_shows_work_at_rest(p):
    p.evidence["metrics"]["agents"]["mariadb"]["dbfleet_agent_attempts_running"] = 1


@plant("metrics_equal")
def an_agent_gives_no_metrics(p):
    p.evidence["metrics"]["agents"]["postgresql"] = None
