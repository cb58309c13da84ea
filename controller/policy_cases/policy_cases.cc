#include "controller/policy_cases/policy_cases.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/problems.h"
#include "common/config/values.h"
#include "common/config/yaml.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/resources/apply.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/kinds.h"
#include "controller/resources/plain_environments.h"
#include "controller/windows/book.h"

namespace dbfleet::controller {
namespace {

using resource::v1::PolicyCase;

constexpr char kDigest[] = "the plan";
constexpr char kTarget[] = "the target";
constexpr char kAllowed[] = "allowed";
constexpr char kWaits[] = "waits";
constexpr char kRefused[] = "refused";

template <typename T>
struct Word {
  absl::string_view word;
  T value;
};

Gravity GravityOf(absl::string_view word) {
  if (word == "info") return Gravity::kInfo;
  if (word == "warning") return Gravity::kWarning;
  return word == "error" ? Gravity::kError : Gravity::kNone;
}

constexpr Word<QueueEntry::State> kQueueStates[] = {{"", QueueEntry::State::kReady},
                                                    {"ready", QueueEntry::State::kReady},
                                                    {"runs", QueueEntry::State::kRuns},
                                                    {"waits", QueueEntry::State::kWaits}};

std::optional<QueueEntry::State> QueueStateOf(absl::string_view word) {
  for (const auto& known : kQueueStates) {
    if (known.word == word) return known.value;
  }
  return std::nullopt;
}

void CheckPlace(bool has_priority, int priority, absl::Duration estimate, const std::string& field,
                config::Problems* problems) {
  if (has_priority && (priority < kLowestPriority || priority > kHighestPriority)) {
    problems->Add(field + ".priority", "is from 1 to 100");
  }
  if (estimate < absl::ZeroDuration()) problems->Add(field + ".estimate", "is not negative");
}

void CheckQueue(const resource::v1::QueueCase& queue, const std::string& field, bool given,
                config::Problems* problems) {
  if (!given) return;
  if (queue.window().empty()) problems->Add(field + ".window", "is needed");
  CheckPlace(queue.has_priority(), queue.priority(), FromProto(queue.estimate()), field, problems);
  for (int i = 0; i < queue.others_size(); ++i) {
    const resource::v1::QueuedCase& other = queue.others(i);
    const std::string which = absl::StrCat(field, ".others[", i, "]");
    CheckPlace(other.has_priority(), other.priority(), FromProto(other.estimate()), which,
               problems);
    if (QueueStateOf(other.state()).has_value()) continue;
    problems->Add(which + ".state", absl::StrCat("ready, runs or waits is wanted, not ",
                                                 config::ShownValue(other.state())));
  }
}

void CheckCase(const PolicyCase& one, const std::string& field, config::Problems* problems) {
  if (one.environment().empty()) problems->Add(field, "environment is missing");
  if (!one.now().empty() && !config::ParseMoment(one.now()).has_value()) {
    problems->Add(field + ".now",
                  "a moment with its offset is wanted, as in "
                  "2026-12-24T18:00:00+01:00");
  }
  const std::string& safety = one.change().safety();
  if (!safety.empty() && safety != "safe" && safety != "destructive") {
    problems->Add(field + ".change.safety",
                  absl::StrCat("safe or destructive is wanted, not ", config::ShownValue(safety)));
  }
  const std::string& gate = one.change().backup_gate();
  if (!gate.empty() && !FromName<BackupGate>(gate).has_value()) {
    problems->Add(
        field + ".change.backup_gate",
        absl::StrCat("auto, fresh or existing is wanted, not ", config::ShownValue(gate)));
  }
  if (!one.change().findings().empty() && GravityOf(one.change().findings()) == Gravity::kNone) {
    problems->Add(field + ".change.findings",
                  absl::StrCat("info, warning or error is wanted, not ",
                               config::ShownValue(one.change().findings())));
  }
  for (int i = 0; i < one.approvals_size(); ++i) {
    const std::string approval = absl::StrCat(field, ".approvals[", i, "]");
    if (one.approvals(i).by().empty()) problems->Add(approval, "by is missing: the user's name");
    for (const std::string& role : one.approvals(i).roles()) {
      if (FromName<Role>(role).has_value()) continue;
      problems->Add(approval + ".roles",
                    absl::StrCat("there is no role ", config::ShownValue(role)));
    }
  }
  CheckQueue(one.queue(), field + ".queue", one.has_queue(), problems);
  const std::string& expect = one.expect();
  if (expect != kAllowed && expect != kWaits && expect != kRefused) {
    problems->Add(field + ".expect", absl::StrCat("allowed, waits or refused is wanted, not ",
                                                  config::ShownValue(expect)));
  } else if (expect == kAllowed && one.blockers_size() > 0) {
    problems->Add(field + ".blockers", "nothing blocks what is allowed");
  }
  static const auto* const kRules =
      new std::set<std::string>(PolicyRules().begin(), PolicyRules().end());
  for (const std::string& rule : one.blockers()) {
    if (kRules->count(rule) != 0) continue;
    problems->Add(field + ".blockers", absl::StrCat("there is no rule ", config::ShownValue(rule),
                                                    "; known: ", absl::StrJoin(*kRules, ", ")));
  }
}

// What the manifests declare.
struct Fleet {
  std::map<std::string, EnvironmentPolicy> policies;
  std::unique_ptr<WindowBook> windows;
  std::shared_ptr<const ApprovalBook> approvals;
};

absl::StatusOr<Fleet> FleetOf(absl::Span<const ManifestText> texts, absl::Time now) {
  Fleet fleet;
  std::vector<DeclaredWindow> windows;
  ApprovalBook approvals;
  std::vector<Manifest> manifests;
  if (!texts.empty()) {
    ASSIGN_OR_RETURN(manifests, ParseManifests(texts));
  }
  RETURN_IF_ERROR(CheckTimes(manifests, now));
  for (const Manifest& manifest : manifests) {
    if (manifest.kind->kind == kEnvironmentKind) {
      fleet.policies[manifest.name] =
          EnvironmentOf(static_cast<const resource::v1::Environment&>(*manifest.message)).policy;
    } else if (manifest.kind->kind == kWindowKind) {
      windows.push_back(WindowOf(manifest));
    } else if (manifest.kind->kind == kApprovalPolicyKind) {
      approvals.policies.push_back(ApprovalPolicyOf(manifest));
    }
  }
  fleet.approvals = std::make_shared<const ApprovalBook>(std::move(approvals));
  fleet.windows = std::make_unique<WindowBook>(std::move(windows));
  return fleet;
}

std::string Principal(absl::string_view user) { return absl::StrCat("users/", user); }

Job JobOf(const PolicyCase& one, absl::Time now) {
  const resource::v1::ChangeCase& change = one.change();
  Job job;
  job.id = "the change";
  job.kind = JobKind::kMigrate;
  job.state = JobState::kPlanning;  // The moment at which a change is refused, or waits.
  job.environment = one.environment();
  job.requester = Principal(one.requester().empty() ? "requester" : one.requester());
  job.digest = kDigest;
  job.content_digest = kDigest;
  job.create_time = now;
  job.safety = change.safety() == "safe" ? SafetyClass::kSafe : SafetyClass::kDestructive;
  job.schema_change = !change.has_schema_change() || change.schema_change();
  job.approve_destructive = !change.has_approve_destructive() || change.approve_destructive();
  job.has_rollback = !change.has_has_rollback() || change.has_rollback();
  job.backup_gate = FromName<BackupGate>(change.backup_gate()).value_or(BackupGate::kAuto);
  if (change.mends_failure() || change.rollback()) job.rollback_of = "another change";
  return job;
}

void AddApprovals(const PolicyCase& one, PolicyInput* input) {
  constexpr int64_t kRows = 100;
  input->targets.front().estimated_rows = kRows;
  const absl::Duration ttl = Evaluate(*input).approval_ttl;
  for (const resource::v1::ApprovalCase& given : one.approvals()) {
    Approval approval;
    approval.principal = Principal(given.by());
    approval.approved = !given.rejects();
    approval.digest = kDigest;
    approval.decide_time = input->now - FromProto(given.age());
    approval.expire_time = approval.decide_time + ttl;
    approval.rows = {{kTarget, given.outgrown() ? kRows / 10 : kRows}};
    if (given.former_approver()) input->former_approvers.push_back(approval.principal);
    if (given.depends_on_requester()) input->dependent_approvers.push_back(approval.principal);
    std::set<Role>& roles = input->approver_roles[approval.principal];
    for (const std::string& role : given.roles()) {
      roles.insert(FromName<Role>(role).value_or(Role::kApprover));
    }
    input->job.approvals.push_back(std::move(approval));
  }
}

QueueEntry EntryOf(const resource::v1::QueuedCase& other, int index, absl::Time now) {
  QueueEntry entry;
  entry.job = absl::StrCat("other ", index + 1);
  entry.priority = other.has_priority() ? other.priority() : kDefaultPriority;
  entry.create_time = now + (other.newer() ? 1 : -1) * absl::Minutes(1);
  entry.needs = other.has_estimate() ? FromProto(other.estimate()) : kAssumedWork;
  entry.state = QueueStateOf(other.state()).value_or(QueueEntry::State::kReady);
  return entry;
}

void AddQueue(const PolicyCase& one, const Fleet& fleet,
              const std::map<std::string, std::string>& labels, PolicyInput* input) {
  QueuePlace& place = input->job.queue;
  place.window = one.queue().window();
  if (one.queue().has_priority()) place.priority = one.queue().priority();
  place.estimate = one.queue().has_estimate() ? FromProto(one.queue().estimate()) : kAssumedWork;
  if (one.queue().has_estimate()) place.source = EstimateSource::kDeclared;
  input->queue.needs = place.estimate;
  if (const DeclaredWindow* const window = fleet.windows->Find(place.window); window != nullptr) {
    input->queue.window = *window;
    if (!window->Selects(one.environment(), labels)) input->queue.uncovered = {kTarget};
  }
  for (int i = 0; i < one.queue().others_size(); ++i) {
    input->queue.others.push_back(EntryOf(one.queue().others(i), i, input->now));
  }
}

PolicyInput InputOf(const PolicyCase& one, const Fleet& fleet, absl::Time now) {
  PolicyInput input;
  input.now = one.now().empty() ? now : config::ParseMoment(one.now()).value_or(now);
  input.job = JobOf(one, input.now);
  const auto declared = fleet.policies.find(one.environment());
  input.policy =
      declared == fleet.policies.end() ? DefaultPolicy(one.environment()) : declared->second;
  input.mends_failure = one.change().mends_failure();
  const std::map<std::string, std::string> labels(one.labels().begin(), one.labels().end());
  PolicyInput::Target target{kTarget,      "i", "d",
                             std::nullopt, -1,  fleet.windows->For(one.environment(), labels)};
  if (one.has_backup()) {
    Backup backup;
    backup.id = "the backup";
    backup.state = Backup::State::kComplete;
    backup.instance_id = "i";
    backup.databases = {"d"};
    backup.snapshot_time = input.now - FromProto(one.backup().age());
    backup.verified_level = one.backup().has_verified_level() ? one.backup().verified_level() : 1;
    target.verified_backup = std::move(backup);
  }
  input.targets.push_back(std::move(target));
  input.approval_book = fleet.approvals;
  input.traits = {{labels, GravityOf(one.change().findings())}};
  if (one.has_queue()) AddQueue(one, fleet, labels, &input);
  AddApprovals(one, &input);
  if (one.has_promotion()) {
    input.versions = {"1"};
    input.promotion = {"the earlier change",
                       input.now - FromProto(one.promotion().age()),
                       !one.promotion().taken_back(),
                       {}};
    if (one.promotion().rehearsed()) input.promotion.rehearsed = input.versions;
    input.promotion.newest = {{"1", {input.promotion.job, input.promotion.applied}}};
  }
  return input;
}

PolicyCaseResult Judge(const PolicyCase& one, PolicyDecision decision) {
  PolicyCaseResult result;
  result.name = one.name();
  result.verdict = decision.allowed() ? kAllowed : decision.refused() ? kRefused : kWaits;
  std::set<std::string> blockers;
  for (const PolicyBlocker& blocker : decision.blockers) blockers.insert(blocker.rule);
  const std::set<std::string> expected(one.blockers().begin(), one.blockers().end());
  const bool same = expected.empty() || expected == blockers;
  result.passed = result.verdict == one.expect() && same;
  if (!result.passed) {
    result.difference = absl::StrCat("expected: ", one.expect(), expected.empty() ? "" : " by ",
                                     absl::StrJoin(expected, ", "), "; is: ", result.verdict,
                                     blockers.empty() ? "" : " by ", absl::StrJoin(blockers, ", "));
  }
  result.decision = std::move(decision);
  return result;
}

// A name with a slip in it would be held against the defaults.
absl::Status CheckEnvironments(const resource::v1::PolicyCases& cases, const ManifestText& source,
                               const Fleet& fleet) {
  const config::Problems places(source.path, source.text);
  std::vector<std::string> unknown;
  for (int i = 0; i < cases.cases_size(); ++i) {
    const std::string& name = cases.cases(i).environment();
    const bool exists = name == "development" || name == "qa" || name == "production";
    if (exists || fleet.policies.count(name) != 0) continue;
    const std::string field = absl::StrCat("cases[", i, "].environment");
    unknown.push_back(absl::StrCat(places.PlaceOf(field), field, ": there is no environment ",
                                   config::ShownValue(name),
                                   " in the manifests that the file names"));
  }
  if (unknown.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_ENVIRONMENT",
               absl::StrJoin(unknown, "\n"));
}

}  // namespace

absl::StatusOr<resource::v1::PolicyCases> ParsePolicyCases(const std::string& path,
                                                           const std::string& text) {
  resource::v1::PolicyCases cases;
  bool rest_is_good = false;
  const absl::Status parsed = config::ParseYaml(path, text, &cases, &rest_is_good);
  if (!rest_is_good) return parsed;
  NameEnvironmentsPlainly(&cases);
  config::Problems problems(path, text);
  if (cases.apiversion() != kApiVersion) {
    problems.Add("apiVersion", absl::StrCat(kApiVersion, " is wanted"));
  }
  if (cases.kind() != "PolicyCases") problems.Add("kind", "PolicyCases is wanted");
  if (cases.cases().empty()) problems.Add("cases", "there is no case");
  std::set<std::string> names;
  for (int i = 0; i < cases.cases_size(); ++i) {
    const std::string field = absl::StrCat("cases[", i, "]");
    if (!names.insert(cases.cases(i).name()).second) {
      problems.Add(field + ".name", "another case has this name");
    }
    if (cases.cases(i).name().empty()) problems.Add(field, "name is missing: what the case shows");
    CheckCase(cases.cases(i), field, &problems);
  }
  RETURN_IF_ERROR(problems.Together(parsed));
  return cases;
}

absl::StatusOr<std::vector<PolicyCaseResult>> RunPolicyCases(
    const resource::v1::PolicyCases& cases, const ManifestText& source,
    absl::Span<const ManifestText> manifests, absl::Time now) {
  ASSIGN_OR_RETURN(const Fleet fleet, FleetOf(manifests, now));
  RETURN_IF_ERROR(CheckEnvironments(cases, source, fleet));
  std::vector<PolicyCaseResult> results;
  for (const PolicyCase& one : cases.cases()) {
    results.push_back(Judge(one, Evaluate(InputOf(one, fleet, now))));
  }
  return results;
}

}  // namespace dbfleet::controller
