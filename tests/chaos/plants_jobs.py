"""Planted bugs of what people asked for (plants.py)."""
from plants import plant

UNKNOWN = "01M0000000000000000000000Z"


@plant("acknowledged_survives")
def an_acknowledged_submission_is_gone(p):
    p.log("submit", by="ada", job=UNKNOWN, acked=True)


@plant("acknowledged_survives")
def a_submission_without_its_record(p):
    p.drop(p.record("change.submit"))


@plant("acknowledged_survives")
def a_submission_that_the_api_does_not_list(p):
    del p.evidence["api_jobs"][p.job("succeeded")]


@plant("acknowledged_survives")
def an_acknowledged_approval_is_not_in_the_trail(p):
    p.drop(p.record("change.approve"))


@plant("acknowledged_survives")
def an_acknowledged_approval_is_not_with_the_job(p):
    p.jobs[p.job("succeeded")]["approvals"] = []


@plant("acknowledged_survives")
def an_acknowledged_approval_was_of_another_digest(p):
    entry = next(e for e in p.evidence["workload"] if e["op"] == "approve")
    entry["digest"] = "0" * 64


@plant("acknowledged_survives")
def an_acknowledged_cancel_is_not_in_the_trail(p):
    p.drop(p.record("job.cancel"))


@plant("acknowledged_survives")
def an_acknowledged_cancel_has_no_consequence(p):
    p.jobs[p.job("cancelled")]["cancel_requested"] = False


@plant("acknowledged_survives")
def an_acknowledged_revocation_is_gone(p):
    p.drop(p.record("agent.revoke"))


@plant("jobs_end")
def a_job_hangs(p):
    p.reopen(p.job("succeeded"), "rolling")


@plant("jobs_end")
def a_job_is_ready_for_ever(p):
    p.reopen(p.job("succeeded"), "ready")


@plant("jobs_end")
def a_pause_says_nothing(p):
    p.reopen(p.job("succeeded"), "paused")


@plant("jobs_end")
def an_approved_job_goes_on_waiting(p):
    p.reopen(p.job("succeeded"), "awaiting_approval")


@plant("jobs_end")
def a_task_needs_a_person_and_nobody_is_told(p):
    job = p.job("succeeded")
    p.reopen(job, "cancelling")
    p.tasks[p.task_of(job)]["state"] = "needs_person"


@plant("jobs_end")
def api_and_store_differ(p):
    p.evidence["api_jobs"][p.job("succeeded")]["state"] = "STATE_FAILED"


@plant("jobs_end")
def an_attempt_runs_on_in_a_job_that_is_over(p):
    p.attempts[p.attempt_of(p.job("succeeded"))]["state"] = "running"


@plant("terminal_final")
def an_end_was_seen_to_change(p):
    job = p.job("succeeded")
    p.log("observe", job=job, state="STATE_SUCCEEDED")
    p.log("observe", job=job, state="STATE_ROLLING")
    p.log("observe", job=job, state="STATE_SUCCEEDED")


@plant("terminal_final")
def the_end_is_another_than_was_seen(p):
    p.log("observe", job=p.job("rolled_back"), state="STATE_SUCCEEDED")


@plant("terminal_final")
def the_store_has_another_end_than_was_seen(p):
    p.jobs[p.job("succeeded")]["state"] = "failed"


@plant("terminal_final")
def work_after_the_end(p):
    job = p.job("succeeded")
    p.insert(p.record("job.end", job), "system/dispatch", "attempt.queue", f"jobs/{job}",
             attempt=UNKNOWN, kind="migrate", purpose="execute")


@plant("terminal_final")
def two_ends(p):
    end = p.record("job.end", p.job("succeeded"))
    p.insert(end, end["actor"], "job.end", end["resource"], state="failed", kind="migrate")


@plant("terminal_final")
def store_and_trail_differ(p):
    p.record("job.end", p.job("rolled_back"))["details"]["state"] = "failed"


@plant("terminal_final")
def an_attempt_ends_twice(p):
    end = p.record("attempt.end", p.job("succeeded"))
    p.insert(end, end["actor"], "attempt.end", end["resource"], **end["details"])


@plant("unknown_not_success")
def an_interrupted_attempt_made_a_success(p):
    attempt = p.attempt_of(p.job("succeeded"))
    p.attempts[attempt]["state"] = "interrupted"
    p.record("attempt.end", attempt=attempt)["details"]["state"] = "interrupted"


@plant("unknown_not_success")
def an_interrupted_attempt_made_a_plain_failure(p):
    attempt = p.attempt_of(p.job("failed"))
    p.attempts[attempt]["state"] = "interrupted"
    p.record("attempt.end", attempt=attempt)["details"]["state"] = "interrupted"


@plant("unknown_not_success")
def a_lost_attempt_is_tried_again(p):
    attempt = p.attempt_of(p.job("succeeded"))
    former = dict(p.attempts[attempt], state="lost", number=0)
    p.attempts[UNKNOWN] = former


@plant("unknown_not_success")
def the_controller_says_success_by_itself(p):
    p.record("attempt.end", attempt=p.attempt_of(p.job("succeeded")))["actor"] = "system/dispatch"


@plant("unknown_not_success")
def success_is_told_at_another_fence(p):
    p.record("attempt.end", attempt=p.attempt_of(p.job("succeeded")))["details"]["fence"] = "1"


@plant("unknown_not_success")
def an_unknown_step_in_a_success(p):
    reports = [r for r in p.audit if r["action"] == "step.report" and
               r["details"]["attempt"] == p.attempt_of(p.job("succeeded"))]
    reports[-1]["details"]["state"] = "unknown"


@plant("unknown_not_success")
def the_agent_noted_that_nobody_can_say(p):
    p.held(p.attempt_of(p.job("succeeded")))["outcome"] = 5


@plant("approved_digest")
def granted_without_an_approval(p):
    p.drop(p.record("change.approve"))


@plant("approved_digest")
def approved_after_the_grant(p):
    job = p.job("succeeded")
    p.move_behind(p.record("change.approve", job),
                  p.record("attempt.grant", job, purpose="execute"))


@plant("approved_digest")
def another_digest_was_approved(p):
    p.record("change.approve", p.job("failed"))["details"]["digest"] = "1" * 64


@plant("approved_digest")
def the_approval_had_expired(p):
    p.record("change.approve")["t"] -= p.store["environments"]["production"]["approval_ttl"] + 1


@plant("approved_digest")
def too_few_approved(p):
    p.store["environments"]["production"]["approvals"] = 2


@plant("approved_digest")
def one_person_approved_twice(p):
    p.store["environments"]["production"]["approvals"] = 2
    for record in [r for r in p.audit if r["action"] == "change.approve"]:
        p.insert(record, record["actor"], "change.approve", record["resource"], **record["details"])


@plant("approved_digest")
def the_agent_was_given_another_digest(p):
    p.held(p.attempt_of(p.job("succeeded")))["grant"]["digest"] = "2" * 64


@plant("requester_not_approver")
def the_requester_approved(p):
    p.record("change.approve")["actor"] = "users/ada"


@plant("requester_not_approver")
def the_requester_approved_in_the_store_alone(p):
    p.jobs[p.job("succeeded")]["approvals"][0]["principal"] = "users/ada"
