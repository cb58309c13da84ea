#include "tests/bench/growth/history.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"

namespace dbfleet::bench {

using namespace controller;  // NOLINT: the nouns of this file.

namespace {

constexpr uint64_t kEpoch = 1'795'194'165;

std::string AgentId(int64_t number) { return absl::StrFormat("sim-%05d", number % kAgents); }

std::string Id(absl::Time time, absl::string_view noun, int64_t number) {
  return MakeUlid(time, Sha256(absl::StrCat(noun, number)).substr(0, 10));
}

}  // namespace

Agent MakeAgent(int number, absl::Time now) {
  Agent agent;
  agent.id = AgentId(number);
  agent.environment = "development";
  agent.creator = "users/bench";
  agent.enroll_time = agent.last_seen_time = now;
  agent.agent_version = "0.1.0";
  agent.capabilities = {"check.mysql", "inspect.mysql", "migrate.mysql"};
  agent.journal_id = Id(now, "journal", number);
  agent.current_serial = Sha256Hex(agent.id).substr(0, 32);
  agent.current_not_after = now + absl::Hours(24);
  agent.next_not_after = absl::InfinitePast();
  agent.public_key_sha256 = Sha256Hex(absl::StrCat("key ", agent.id));
  return agent;
}

Instance MakeInstance(int number, absl::Time now) {
  Instance instance;
  instance.id = instance.agent_id = AgentId(number);
  instance.environment = "development";
  instance.engine = "mysql";
  instance.endpoint = "/run/mysqld/mysqld.sock";
  instance.create_time = now;
  return instance;
}

Check MakeCheck(int64_t number, absl::Time time) {
  Check check;
  Job& job = check.job;
  job.id = Id(time, "job", number);
  job.state = JobState::kReady;
  job.environment = "development";
  job.requester = "users/bench";
  job.title = absl::StrCat("Check ", AgentId(number));
  job.spec_blob = std::string("\n\0", 2);
  job.safety = SafetyClass::kSafe;
  job.create_time = job.update_time = time;
  job.expire_time = time + absl::Hours(1);
  Task& task = check.task;
  task.id = Id(time, "task", number);
  task.job_id = job.id;
  task.instance_id = AgentId(number);
  task.attempts = 1;
  Attempt& attempt = check.attempt;
  attempt.id = Id(time, "attempt", number);
  attempt.task_id = task.id;
  attempt.job_id = job.id;
  attempt.instance_id = attempt.agent_id = AgentId(number);
  attempt.number = 1;
  attempt.safe_to_rerun = true;
  attempt.create_time = time;
  attempt.not_after = job.expire_time;
  return check;
}

Check MakeEndedCheck(int64_t number, absl::Time time) {
  Check check = MakeCheck(number, time);
  const absl::Time end = time + absl::Milliseconds(12);
  check.job.state = JobState::kSucceeded;
  check.job.update_time = check.job.end_time = end;
  if (number < kRareJobs) {
    if ((number & 1) != 0) check.job.kind = JobKind::kVerify;
    if ((number & 2) != 0) check.job.state = JobState::kFailed;
    if ((number & 4) != 0) check.job.environment = "production";
  }
  check.task.state = TaskState::kSucceeded;
  check.task.result_blob = "\n\x04\n\x02\x10\x01";
  check.attempt.state = AttemptState::kSucceeded;
  check.attempt.epoch = kEpoch;
  check.attempt.fence = MakeFence(kEpoch, 1 + static_cast<uint64_t>(number / kAgents));
  check.attempt.start_time = check.attempt.end_time = end;
  return check;
}

AuditEntry MakeRecord(CheckRecord record, const Check& check) {
  const std::string target = absl::StrCat("instances/", check.task.instance_id);
  const std::string fence = absl::StrCat(check.attempt.fence);
  const std::string agent = absl::StrCat("agents/", check.attempt.agent_id);
  AuditEntry entry;
  entry.actor = agent;
  entry.resource = absl::StrCat("jobs/", check.job.id);
  entry.environment = check.job.environment;
  entry.details = {{"attempt", check.attempt.id}, {"kind", std::string(NameOf(check.job.kind))}};
  const auto fill = [&entry](const char* action, std::map<std::string, std::string> more) {
    entry.action = action;
    entry.details.merge(more);
  };
  switch (record) {
    case CheckRecord::kSubmit:
      entry.actor = check.job.requester;
      entry.details.erase("attempt");
      fill("check.submit", {{"instance", check.task.instance_id}, {"title", check.job.title}});
      break;
    case CheckRecord::kQueue:
      entry.actor = check.job.requester;
      fill("attempt.queue", {{"purpose", "execute"}, {"target", target}});
      break;
    case CheckRecord::kOffer:
      entry.actor = "system/dispatch";
      fill("attempt.offer", {{"agent", check.attempt.agent_id}, {"fence", fence}});
      break;
    case CheckRecord::kAccept:
      fill("attempt.accept", {});
      break;
    case CheckRecord::kGrant:
      entry.actor = "system/dispatch";
      fill("attempt.grant", {{"agent", check.attempt.agent_id},
                             {"fence", fence},
                             {"purpose", "execute"},
                             {"target", target}});
      break;
    case CheckRecord::kStart:
      fill("attempt.start", {{"fence", fence}});
      break;
    case CheckRecord::kEnd:
      fill("attempt.end",
           {{"fence", fence}, {"purpose", "execute"}, {"state", "succeeded"}, {"target", target}});
      break;
    case CheckRecord::kJobEnd:
      entry.details.erase("attempt");
      fill("job.end", {{"state", "succeeded"}, {"tasks", "1"}});
      break;
  }
  return entry;
}

AuditEntry MakeConnectRecord(const std::string& agent_id, bool connect) {
  AuditEntry entry;
  entry.actor = "system/dispatch";
  entry.action = connect ? "agent.connect" : "agent.disconnect";
  entry.resource = absl::StrCat("agents/", agent_id);
  entry.environment = "development";
  return entry;
}

}  // namespace dbfleet::bench
