#include "controller/app/environments.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/domain/names.h"
#include "controller/policy/policy.h"
#include "controller/resources/environment_resource.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/controller";

EnvironmentPolicy PolicyIn(const config::v1::EnvironmentConfig& config) {
  resource::v1::PolicySpec policy = config.policy();
  FillPolicy(config.name(), &policy);
  return PolicyOf(policy);
}

// For the audit trail, which people read.
std::string WordsOf(const EnvironmentPolicy& policy) {
  return absl::StrCat(
      "destructive_approvals=", policy.destructive_approvals,
      " verified_backup_max_age=", absl::FormatDuration(policy.verified_backup_max_age),
      " approval_ttl=", absl::FormatDuration(policy.approval_ttl),
      " destructive_consent=", policy.destructive_consent ? "true" : "false",
      " window_for=", NameOf(policy.window_for), " promotion=",
      policy.promotion.from.empty()
          ? std::string(kNoPromotion)
          : absl::StrCat(policy.promotion.from, " within ",
                         absl::FormatDuration(policy.promotion.within),
                         policy.promotion.rehearsal ? " with a rehearsal" : ""));
}

absl::Status Apply(WriteTx& tx, const config::v1::EnvironmentConfig& config) {
  const EnvironmentPolicy policy = PolicyIn(config);
  const std::string digest = PolicyDigest(config.name(), policy);
  const std::string resource = absl::StrCat("environments/", config.name());
  absl::StatusOr<Environment> found = tx.GetEnvironment(config.name());
  if (absl::IsNotFound(found.status())) {
    Environment environment;
    environment.name = config.name();
    environment.display_name = config.display_name();
    environment.policy = policy;
    RETURN_IF_ERROR(tx.InsertEnvironment(&environment));
    return tx.AppendAudit({kActor,
                           "environment.create",
                           resource,
                           config.name(),
                           {{"policy", WordsOf(policy)}, {"policy_digest", digest}}});
  }
  RETURN_IF_ERROR(found.status());
  if (found->declared) {
    log::Warn("the configuration's entry counts no more: the environment was declared by apply",
              {{"environment", config.name()}});
    return absl::OkStatus();
  }
  const std::string former_words = WordsOf(found->policy);
  const std::string former = PolicyDigest(found->name, found->policy);
  const bool renamed =
      !config.display_name().empty() && found->display_name != config.display_name();
  if (former == digest && !renamed) return absl::OkStatus();
  found->policy = policy;
  if (renamed) found->display_name = config.display_name();
  RETURN_IF_ERROR(tx.UpdateEnvironment(&*found));
  return tx.AppendAudit(
      {kActor,
       "environment.update",
       resource,
       config.name(),
       {{"former_policy", former_words}, {"policy", WordsOf(policy)}, {"policy_digest", digest}}});
}

// Otherwise every change would be refused, with nobody knowing why.
absl::Status CheckPromotionsKnown(WriteTx& tx, const config::v1::ControllerConfig& config) {
  for (const config::v1::EnvironmentConfig& environment : config.environments()) {
    const std::string& from = environment.policy().promotion().from();
    if (from.empty() || from == kNoPromotion) continue;
    const absl::Status known = tx.GetEnvironment(from).status();
    if (absl::IsNotFound(known)) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("environments: ", environment.name(), ": policy.promotion.from: ",
                                "there is no environment \"", from, "\"; add it"));
    }
    RETURN_IF_ERROR(known);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyEnvironments(const config::v1::ControllerConfig& config, Store& store) {
  const absl::Status unnamable =
      store.Read([](ReadTx& tx) { return tx.GetEnvironment("staging").status(); });
  if (unnamable.ok()) {
    log::Warn(
        "the environment \"staging\" is from before that was another name of qa and cannot be "
        "named any more; let its agents join qa or an environment of another name",
        {});
  }
  if (config.environments().empty()) return absl::OkStatus();
  return store.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    for (const config::v1::EnvironmentConfig& environment : config.environments()) {
      RETURN_IF_ERROR(Apply(tx, environment));
    }
    return CheckPromotionsKnown(tx, config);
  });
}

}  // namespace dbfleet::controller
