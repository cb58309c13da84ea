// How many decisions a second the policy's pure function makes (docs/benchmarks.md).
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

WindowBook::Windows ThreeWindows() {
  auto windows = std::make_shared<std::vector<Window>>();
  for (const char* cron : {"0 2 * * sat", "0 3 * * *"}) {
    Window window;
    window.name = absl::StrCat("w", windows->size());
    auto parsed = CronExpression::Parse(cron);
    if (!parsed.ok()) std::abort();
    window.times.recurring = *parsed;
    if (!absl::LoadTimeZone("Europe/Berlin", &window.times.zone)) std::abort();
    window.times.duration = absl::Hours(4);
    windows->push_back(window);
  }
  Window freeze;
  freeze.name = "freeze";
  freeze.effect = WindowEffect::kDeny;
  freeze.times.once = Span{kNow + absl::Hours(24 * 20), kNow + absl::Hours(24 * 30)};
  windows->push_back(freeze);
  return windows;
}

// A schema change under production's default policy and one approval policy, of so many targets.
PolicyInput Input(int targets, bool missing) {
  PolicyInput input;
  input.policy = DefaultPolicy("production");
  input.now = kNow;
  input.job.kind = JobKind::kMigrate;
  input.job.environment = "production";
  input.job.requester = "users/ada";
  input.job.safety = SafetyClass::kDestructive;
  input.job.digest = "D1";
  input.job.content_digest = "C1";
  input.job.approve_destructive = true;
  input.job.schema_change = true;
  input.job.create_time = kNow - absl::Hours(3);
  input.promotion = {"01J", kNow - absl::Hours(20), true, {"0001"}};
  input.versions = {"0001"};
  const WindowBook::Windows windows = ThreeWindows();
  for (int i = 0; i < targets; ++i) {
    const std::string instance = absl::StrCat("db", i);
    const std::string name = absl::StrCat("instances/", instance, "/databases/shop");
    Backup backup;
    backup.id = absl::StrCat("B", i);
    backup.state = Backup::State::kComplete;
    backup.instance_id = instance;
    backup.databases = {"shop"};
    backup.verified_level = 1;
    backup.snapshot_time = kNow - absl::Hours(2);
    PolicyInput::Target target;
    target.name = name;
    target.instance_id = instance;
    target.database = "shop";
    if (!missing) target.verified_backup = backup;
    target.estimated_rows = 1000;
    target.windows = windows;
    input.targets.push_back(target);
  }
  auto book = std::make_shared<ApprovalBook>();
  ApprovalPolicy policy;
  policy.name = "tier-1";
  policy.environments = {"production"};
  policy.requirements.resize(2);
  policy.requirements[0].name = "dba";
  policy.requirements[0].count = 1;
  policy.requirements[0].users = {"users/bob", "users/cy"};
  policy.requirements[1].name = "second";
  policy.requirements[1].count = 1;
  book->policies.push_back(policy);
  input.approval_book = book;
  input.traits.push_back({});
  for (const char* approver : {"users/bob", "users/cy"}) {
    Approval approval;
    approval.principal = approver;
    approval.approved = true;
    approval.digest = "D1";
    approval.decide_time = kNow - absl::Hours(1);
    approval.expire_time = kNow + absl::Hours(23);
    for (const PolicyInput::Target& target : input.targets) approval.rows[target.name] = 1000;
    if (!missing) input.job.approvals.push_back(approval);
    input.approver_roles[approver] = {Role::kApprover};
  }
  return input;
}

// Everything is there but the window, as for a change that waits for it.
void BM_WaitsForItsWindow(benchmark::State& state) {
  const PolicyInput input = Input(static_cast<int>(state.range(0)), false);
  const PolicyDecision first = Evaluate(input);
  if (first.blockers.size() != 1 || !first.BlockedBy("window")) {
    state.SkipWithError(first.Words().c_str());
  }
  for (auto _ : state) benchmark::DoNotOptimize(Evaluate(input));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_WaitsForItsWindow)->Arg(1)->Arg(10)->Arg(100);

void BM_EverythingIsMissing(benchmark::State& state) {
  const PolicyInput input = Input(static_cast<int>(state.range(0)), true);
  const PolicyDecision first = Evaluate(input);
  if (first.blockers.size() < 3) state.SkipWithError(first.Words().c_str());
  for (auto _ : state) benchmark::DoNotOptimize(Evaluate(input));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EverythingIsMissing)->Arg(1)->Arg(10)->Arg(100);

// A grant inside of the window: allowed.
void BM_Allowed(benchmark::State& state) {
  PolicyInput input = Input(static_cast<int>(state.range(0)), false);
  input.policy.window_for = WindowFor::kNone;
  const PolicyDecision first = Evaluate(input);
  if (!first.allowed()) state.SkipWithError(first.Words().c_str());
  for (auto _ : state) benchmark::DoNotOptimize(Evaluate(input));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Allowed)->Arg(1)->Arg(10)->Arg(100);

}  // namespace
}  // namespace dbfleet::controller
