#include "controller/notify/health_watch.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/jobs/check_outcome.h"

namespace dbfleet::controller {
namespace {

constexpr int kReportsToAgree = 2;

// The change and its record, if the store does not know it yet.
absl::Status Tell(WriteTx& tx, const std::string& agent_id, const std::string& instance_id,
                  bool bad, const std::string& reasons, const std::string& observations) {
  const absl::StatusOr<Instance> instance = tx.GetInstance(instance_id);
  if (absl::IsNotFound(instance.status())) return absl::OkStatus();
  if (!instance.ok()) return instance.status();
  // An agent speaks for its own instances only.
  if (instance->agent_id != agent_id || instance->removed) return absl::OkStatus();
  const std::string key = absl::StrCat("health.", instance_id);
  ASSIGN_OR_RETURN(const std::string known, tx.GetSetting(key));
  if ((known == "bad") == bad) return absl::OkStatus();
  RETURN_IF_ERROR(tx.PutSetting(key, bad ? "bad" : "ok"));
  return tx.AppendAudit({absl::StrCat("agents/", agent_id),
                         "instance.health",
                         absl::StrCat("instances/", instance_id),
                         instance->environment,
                         {{"status", bad ? "critical" : "ok"},
                          {"reasons", reasons},
                          {"observations", observations}}});
}

}  // namespace

void HealthWatch::Report(const std::string& agent_id, const work::v1::InstanceHealth& health) {
  const bool known = health.status() != work::v1::HEALTH_STATUS_UNSPECIFIED &&
                     health.status() != work::v1::HEALTH_STATUS_UNKNOWN;
  if (!known) return;
  const bool bad = health.status() == work::v1::HEALTH_STATUS_CRITICAL;
  const absl::Duration now = clock_.Monotonic();
  {
    MutexLock lock(&mutex_);
    Seen& seen = seen_[health.instance()];
    seen.agreeing = seen.bad == bad ? seen.agreeing + 1 : 1;
    seen.bad = bad;
    if (seen.told == static_cast<int>(bad) || seen.agreeing < kReportsToAgree ||
        now < seen.tell_not_before) {
      return;
    }
    seen.told = static_cast<int>(bad);
    seen.tell_not_before = now + kQuiet;
  }
  const std::string reasons = HealthReasons(health);
  const std::string observations = CriticalObservations(health);
  store_.Mutate([agent_id, id = health.instance(), bad, reasons, observations](
                    WriteTx& tx) { return Tell(tx, agent_id, id, bad, reasons, observations); },
                [this, id = health.instance()](absl::Status status) {
                  if (status.ok()) return;
                  log::Error("an instance's health could not be recorded",
                             {{"instance", id}, {"error", std::string(status.message())}});
                  MutexLock lock(&mutex_);
                  seen_[id].told = -1;  // With one of the next reports.
                });
}

}  // namespace dbfleet::controller
