#include "controller/audit/recovery_report.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr int kPageSize = 1000;

// ("ATTEMPT_PHASE_RUNNING", "ATTEMPT_PHASE_") -> "running".
std::string Word(absl::string_view text, absl::string_view prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(text, prefix));
}

// The clock may have been set back since a restore; the records that were restored are counted.
bool IsBefore(const AuditRow& row, const RecoveryDemand& demand) {
  const bool added = demand.by_restore && row.seq > demand.shared_size.value_or(row.seq);
  return row.record_time < demand.since && !added;
}

}  // namespace

absl::StatusOr<Reporting> ReportingAgents(ReadTx& tx, const RecoveryDemand& demand) {
  Reporting found;
  PageRequest request;
  request.size = kPageSize;
  do {
    ASSIGN_OR_RETURN(const Page<Agent> page, tx.ListAgents("", request));
    for (const Agent& agent : page.items) {
      if (agent.revoked || agent.quarantined) continue;
      // Each Hello notes the time, also one that is told to come again.
      (agent.last_seen_time >= demand.since ? found.heard : found.unheard).push_back(agent.id);
    }
    request.token = page.next_token;
  } while (!request.token.empty());
  return found;
}

absl::StatusOr<std::vector<LostWork>> ReadLostWork(ReadTx& tx, const RecoveryDemand& demand) {
  std::vector<LostWork> found;
  PageRequest request;
  request.size = kPageSize;
  bool before = false;
  do {
    ASSIGN_OR_RETURN(const Page<AuditRow> page, tx.ListAudit({}, request));  // Newest first.
    for (const AuditRow& row : page.items) {
      before = IsBefore(row, demand);
      if (before || found.size() == kMaxLostWork) break;
      const AuditEntry& entry = row.entry;
      if (entry.action != "attempt.unknown" && entry.action != "attempt.reclaim") continue;
      found.push_back({row.seq, entry.action, entry.resource, entry.details});
    }
    request.token = page.next_token;
  } while (!before && !request.token.empty() && found.size() < kMaxLostWork);
  std::reverse(found.begin(), found.end());
  return found;
}

std::string Describe(const LostWork& work) {
  const auto detail = [&](const char* name) {
    const auto it = work.details.find(name);
    return it == work.details.end() ? std::string() : it->second;
  };
  const bool known = work.action == "attempt.reclaim";
  const std::string agent = known ? absl::StrCat("agents/", detail("agent")) : work.resource;
  const std::string job = known ? work.resource : detail("job");
  const std::string target = detail("target");
  const std::string phase = Word(detail("phase"), "ATTEMPT_PHASE_");
  const std::string outcome = Word(detail("outcome"), "OUTCOME_");
  return absl::StrCat(target.empty() ? "an unknown target" : target, ": ",
                      detail("action").empty() ? "work" : detail("action"), " of ",
                      job.empty() ? "an unknown job" : job,
                      known ? "" : ", which this store does not have", ", by ", agent, ", ",
                      phase == "finished" && !outcome.empty() ? outcome : phase, " (attempt ",
                      detail("attempt"), ", record ", work.seq, ")");
}

}  // namespace dbfleet::controller
