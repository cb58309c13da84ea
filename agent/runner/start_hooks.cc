#include "agent/runner/start_hooks.h"

#include <string>

#include "absl/strings/str_cat.h"

#include "agent/runner/work_kind.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

absl::Status CheckNotCancelled(StartContext& context) {
  if (!context.attempt.cancelled()) return absl::OkStatus();
  return Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled before it started");
}

absl::Status CheckLocalPolicy(StartContext& context) {
  const std::string action(context.attempt.action().name());
  const std::string& instance = context.attempt.offer().instance();
  if (!context.options.forbidden || !context.options.forbidden(action, instance)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kPermissionDenied, "ACTION_FORBIDDEN",
               absl::StrCat("the agent's local policy file forbids ", action, " on ", instance));
}

absl::Status CheckCapability(StartContext& context) {
  return context.attempt.action().Supports(context.attempt.engine());
}

absl::Status CheckFence(StartContext& context) {
  if (!IsExclusive(context.attempt.offer())) return absl::OkStatus();
  if (context.attempt.fence() >= context.highest_granted_fence) return absl::OkStatus();
  return Error(
      absl::StatusCode::kAborted, "STALE_FENCE",
      absl::StrCat("fence ", context.attempt.fence(), " is below ", context.highest_granted_fence,
                   ", which was granted on this instance meanwhile"));
}

absl::Status CheckSameBoot(StartContext& context) {
  const JournaledAttempt& journaled = context.attempt.journaled();
  if (!journaled.offer.has_start_within() || journaled.boot_id == context.options.boot_id) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE",
               "the host was restarted after the attempt was accepted, so nobody can say how "
               "long ago that was");
}

absl::Status CheckTakenUpInTime(StartContext& context) {
  return context.attempt.CheckTakenUpInTime();
}

absl::Status CheckMayBegin(StartContext& context) { return context.attempt.MayBegin(); }

}  // namespace

const std::vector<StartHook>& StartHooks() {
  static const auto* const kHooks = new std::vector<StartHook>{
      {"cancelled", CheckNotCancelled}, {"local-policy", CheckLocalPolicy},
      {"capability", CheckCapability},  {"fence", CheckFence},
      {"same-boot", CheckSameBoot},     {"taken-up-in-time", CheckTakenUpInTime},
      {"may-begin", CheckMayBegin},     {"digest", CheckDigest},
  };
  return *kHooks;
}

absl::Status CheckStart(StartContext& context) {
  for (const StartHook& hook : StartHooks()) RETURN_IF_ERROR(hook.check(context));
  return context.attempt.MayBegin();
}

}  // namespace dbfleet::agent
