"""Planted bugs of the dispatch: leases, fences, agents, credentials, records (plants.py)."""
from plants import plant


@plant("trail_verifies")
def the_offline_verification_fails(p):
    p.evidence["audit_verified"] = {"ok": False, "text": "record 17: its hash does not fit"}


@plant("trail_verifies")
def a_record_is_missing(p):
    del p.audit[20]


@plant("one_live_lease")
def granted_while_the_last_one_still_ran(p):
    first, second = [r for r in p.audit if r["action"] == "attempt.grant" and r["details"]["kind"] ==
                     "migrate" and r["details"]["purpose"] == "execute" and
                     r["details"]["target"].startswith("instances/mariadb")][:2]
    p.move_behind(p.record("attempt.end", attempt=first["details"]["attempt"]), second)


@plant("one_live_lease")
def a_lease_never_ended_and_another_began(p):
    p.drop(p.record("attempt.end", attempt=p.attempt_of(p.job("succeeded"))))


@plant("one_live_lease")
def granted_twice(p):
    grant = p.record("attempt.grant")
    p.insert(grant, grant["actor"], grant["action"], grant["resource"], **grant["details"])


@plant("fences_increase")
def an_old_fence_is_offered_again(p):
    offers = [r for r in p.audit if r["action"] == "attempt.offer" and
              p.attempts[r["details"]["attempt"]]["instance"] == "mariadb"]
    offers[3]["details"]["fence"] = offers[2]["details"]["fence"]


@plant("fences_increase")
def a_lower_fence_is_granted(p):
    grants = [r for r in p.audit if r["action"] == "attempt.grant" and
              r["details"]["purpose"] == "execute" and r["details"]["kind"] == "migrate" and
              r["details"]["target"].startswith("instances/mariadb")]
    grants[1]["details"]["fence"] = str(int(grants[0]["details"]["fence"]) - 1)


@plant("fences_increase")
def an_agent_accepts_a_lower_fence(p):
    attempts = p.evidence["journals"]["mariadb"]["attempts"]
    attempts[0], attempts[1] = attempts[1], attempts[0]


@plant("fences_increase")
def an_agent_forgets_its_highest_fence(p):
    p.evidence["journals"]["mariadb"]["fences"]["mariadb"] = 1


@plant("fences_increase")
def a_target_sees_a_lower_fence(p):
    for row in p.steps_of(p.attempt_of(p.job("rolled_back"))):
        row["fence"] = 5


@plant("own_instances")
def granted_to_another_agent(p):
    p.record("attempt.grant")["details"]["agent"] = "postgresql"


@plant("own_instances")
def reported_by_another_agent(p):
    p.record("step.report", p.job("succeeded"))["actor"] = "agents/postgresql"


@plant("own_instances")
def held_by_another_agent(p):
    held = p.evidence["journals"]["mariadb"]["attempts"][-1]
    p.evidence["journals"]["postgresql"]["attempts"].append(dict(held, fence=2**62))
    p.evidence["journals"]["postgresql"]["fences"]["mariadb"] = 2**62


@plant("own_instances")
def a_step_in_another_database(p):
    steps = p.steps_of(p.attempt_of(p.job("succeeded")))
    p.evidence["targets"]["mariadb"]["databases"]["client_1002"]["steps"] += steps


@plant("own_instances")
def a_backup_with_another_instance(p):
    p.folder()["instance"] = "redis"


@plant("revoked_powerless")
def a_revoked_agent_goes_on(p):
    revoked = p.insert(p.audit[60], "users/admin", "agent.revoke", "agents/mariadb", reason="stolen")
    revoked["t"] -= 60


@plant("revoked_powerless")
def work_is_granted_to_a_revoked_agent(p):
    grant = p.record("attempt.grant", p.job("succeeded"), purpose="execute")
    p.insert(p.audit[p.audit.index(grant) - 1], "users/admin", "agent.revoke", "agents/mariadb")


@plant("revoked_powerless")
def a_disabled_user_approves(p):
    revoked = p.insert(p.audit[20], "users/admin", "user.disable", "users/bob")
    revoked["t"] -= 3600


@plant("revoked_powerless")
def a_revoked_token_approves(p):
    token = p.record("change.approve")["details"]["token"]
    revoked = p.insert(p.audit[20], "users/admin", "token.revoke", f"users/bob/tokens/{token}")
    revoked["t"] -= 3600


@plant("exclusive_never_overlapped")
def two_attempts_at_once(p):
    former = max(r["ended"] or 0 for r in p.steps_of(p.attempt_of(p.job("succeeded"))))
    for row in p.steps_of(p.attempt_of(p.job("failed"))):
        row["started"] = former - 0.01


@plant("exclusive_never_overlapped")
def a_backup_within_a_migration(p):
    steps = p.steps_of(p.attempt_of(p.job("succeeded")))
    p.folder()["manifest"]["snapshot"] = (steps[0]["started"] + steps[-1]["ended"]) / 2


@plant("effect_recorded")
def a_step_without_a_grant(p):
    p.drop(p.record("attempt.grant", attempt=p.attempt_of(p.job("succeeded"))))


@plant("effect_recorded")
def an_attempt_that_started_before_its_grant(p):
    attempt = p.attempt_of(p.job("succeeded"))
    p.move_behind(p.record("attempt.grant", attempt=attempt),
                  p.record("attempt.start", attempt=attempt))


@plant("effect_recorded")
def a_step_before_its_grant(p):
    p.steps_of(p.attempt_of(p.job("succeeded")))[0]["started"] -= 30


@plant("effect_recorded")
def an_end_without_its_record(p):
    last = [i for i, j in p.jobs.items() if (j["kind"], j["direction"]) == ("migrate", "up") and
            j["environment"] == "qa" and j["state"] == "succeeded"][-1]
    p.drop(p.record("attempt.end", attempt=p.attempt_of(last)))


@plant("effect_recorded")
def a_step_under_a_stale_fence(p):
    for row in p.steps_of(p.attempt_of(p.job("succeeded"))):
        row["fence"] += 1


@plant("effect_recorded")
def an_effect_that_nobody_recorded(p):
    records = p.records_of(p.job("succeeded"))
    records["steps"].remove(next(r for r in records["steps"] if r["index"] == 0))


@plant("effect_recorded")
def a_recorded_step_without_its_effect(p):
    p.records_of(p.job("succeeded"))["effects"].pop(0)


@plant("effect_recorded")
def an_end_recorded_long_before_the_last_step_ended(p):
    p.steps_of(p.attempt_of(p.job("rolled_back")))[-1]["ended"] += 30


@plant("effect_recorded")
def a_step_that_no_store_before_a_restore_granted(p):
    p.log("restore", as_of=p.evidence["collected"] - 10)
    p.steps_of(p.attempt_of(p.job("succeeded")))[0]["attempt"] = "01M0000000000000000000000Z"


@plant("nothing_left")
def an_attempt_of_the_lost_time_still_runs(p):
    p.log("restore", as_of=p.evidence["collected"] - 10)
    held = p.held(p.attempt_of(p.job("succeeded")))
    lost = dict(held, id="01M0000000000000000000000Z", phase=3, fence=held["fence"] + 1)
    p.evidence["lost_attempts"] = {lost["id"]: {}}
    for journal in p.evidence["journals"].values():
        if held in journal["attempts"]:
            journal["attempts"].append(lost)
