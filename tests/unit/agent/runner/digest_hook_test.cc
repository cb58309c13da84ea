#include <functional>

#include "agent/runner/work_kind.h"
#include "common/plan/digest.h"
#include "common/plan/digest_tree.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

constexpr char kTarget[] = "instances/orders/databases/shop";

class DigestHookTest : public RunnerFixture {
 protected:
  DigestHookTest() {
    MakeRunner();
    plan_.add_forward()->set_sql("ALTER TABLE t ADD c INT");
    plan_.set_schema_fingerprint("f1");
    migrate_.plan = plan_;
  }
  // An offer and its grant as the controller makes them after the approval.
  std::pair<v1::Offer, v1::Grant> Approved(const std::string& id, uint64_t fence) {
    v1::Offer offer = Offer(id, fence, "migrate");
    v1::DigestInputs& inputs = *offer.mutable_digest_inputs();
    inputs.set_job_kind("migrate");
    inputs.set_params_sha256(ParamsDigest(offer.spec()));
    inputs.set_policy_digest("p1");
    auto* target = inputs.add_targets();
    target->set_target(kTarget);
    target->set_digest(PlanDigest(kTarget, plan_));
    v1::Grant grant = MakeGrant(offer);
    grant.set_digest(DigestOf(inputs));
    return {offer, grant};
  }
  static std::string DigestOf(const v1::DigestInputs& inputs) {
    JobDigestInput input{
        inputs.job_kind(), inputs.params_sha256(), inputs.policy_digest(), inputs.rollout(), {}};
    for (const auto& target : inputs.targets()) {
      input.targets.push_back({target.target(), target.digest()});
    }
    return JobDigest(input);
  }
  void ExpectRefused(const std::string& id) {
    const v1::Finished outcome = OutcomeOf(id);
    EXPECT_EQ(outcome.outcome(), v1::OUTCOME_FAILED);
    EXPECT_EQ(outcome.error_reason(), "DIGEST_MISMATCH") << outcome.error_message();
    EXPECT_EQ(migrate_.runs, 0);
    EXPECT_EQ(CountEvents(id, v1::Event::kStarted), 0);
  }

  work::v1::Plan plan_;
};

TEST_F(DigestHookTest, TheApprovedPlanRuns) {
  const auto [offer, grant] = Approved("a1", 1);
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(migrate_.runs, 1);
  EXPECT_EQ(migrate_.plans, 1);
}

TEST_F(DigestHookTest, AnythingOtherThanApprovedIsRefused) {
  using Change = std::function<void(v1::Offer*, v1::Grant*)>;
  const std::vector<Change> changes = {
      [](v1::Offer*, v1::Grant* grant) { grant->clear_digest(); },
      [](v1::Offer*, v1::Grant* grant) { grant->set_digest(std::string(64, '0')); },
      [](v1::Offer* offer, v1::Grant*) { offer->clear_digest_inputs(); },
      [](v1::Offer* offer, v1::Grant*) {
        offer->mutable_spec()->mutable_migrate()->set_allow_out_of_order(true);
      },
      [](v1::Offer* offer, v1::Grant* grant) {
        offer->mutable_digest_inputs()->set_job_kind("backup");
        grant->set_digest(DigestOf(offer->digest_inputs()));
      },
      [](v1::Offer* offer, v1::Grant*) { offer->mutable_digest_inputs()->set_policy_digest("p2"); },
      [](v1::Offer* offer, v1::Grant* grant) {
        offer->mutable_digest_inputs()->mutable_targets(0)->set_target("instances/orders");
        grant->set_digest(DigestOf(offer->digest_inputs()));
      },
      [](v1::Offer* offer, v1::Grant* grant) {
        offer->mutable_digest_inputs()->clear_targets();
        grant->set_digest(DigestOf(offer->digest_inputs()));
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string id = absl::StrCat("a", i);
    auto [offer, grant] = Approved(id, i + 1);
    changes[i](&offer, &grant);
    OfferAndGrant(offer, grant);
    ExpectRefused(id);
  }
}

// Of a job over a hundred targets the agent is told its own and where it stands among them.
TEST_F(DigestHookTest, ATargetOfALargeJobRunsByItsPlaceAndNotByAnother) {
  const auto approved = [this](const std::string& id, uint64_t fence) {
    auto [offer, grant] = Approved(id, fence);
    v1::DigestInputs& inputs = *offer.mutable_digest_inputs();
    JobDigestInput input{
        inputs.job_kind(), inputs.params_sha256(), inputs.policy_digest(), inputs.rollout(), {}};
    input.targets.push_back({kTarget, PlanDigest(kTarget, plan_)});
    for (int i = 0; i < 99; ++i) input.targets.push_back({absl::StrCat("instances/", i), "d"});
    const JobDigestTree tree(input);
    const TargetPlace place = *tree.Find(kTarget, PlanDigest(kTarget, plan_));
    inputs.set_target_count(place.count);
    inputs.set_targets_root(place.root);
    inputs.set_target_index(place.index);
    for (const std::string& hash : place.path) inputs.add_target_path(hash);
    grant.set_digest(tree.digest());
    return std::make_pair(offer, grant);
  };
  const std::function<void(v1::DigestInputs*)> changes[] = {
      [](v1::DigestInputs* inputs) { inputs->set_target_index(inputs->target_index() ^ 1); },
      [](v1::DigestInputs* inputs) { inputs->set_target_count(101); },
      [](v1::DigestInputs* inputs) { inputs->set_target_count(0); },
      [](v1::DigestInputs* inputs) { inputs->clear_target_path(); },
      [](v1::DigestInputs* inputs) { inputs->set_targets_root(std::string(32, 'x')); },
      [](v1::DigestInputs* inputs) { inputs->set_policy_digest("p2"); },
      [](v1::DigestInputs* inputs) { inputs->mutable_targets(0)->set_digest("d"); },
      [](v1::DigestInputs* inputs) { *inputs->add_targets() = inputs->targets(0); },
  };
  int fence = 0;
  for (const auto& change : changes) {
    const std::string id = absl::StrCat("a", ++fence);
    auto [offer, grant] = approved(id, fence);
    change(offer.mutable_digest_inputs());
    OfferAndGrant(offer, grant);
    ExpectRefused(id);
  }
  const auto [offer, grant] = approved("right", ++fence);
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("right").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(migrate_.runs, 1);
}

TEST_F(DigestHookTest, AChangedTargetIsRefused) {
  const auto [offer, grant] = Approved("a1", 1);
  plan_.set_schema_fingerprint("somebody altered it");
  migrate_.plan = plan_;
  OfferAndGrant(offer, grant);
  ExpectRefused("a1");
}

TEST_F(DigestHookTest, AnEstimateBeyondTwiceTheApprovedOneIsRefused) {
  plan_.set_estimated_rows(21);
  migrate_.plan = plan_;
  auto [offer, grant] = Approved("a1", 1);
  offer.set_approved_rows(10);
  OfferAndGrant(offer, grant);
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(outcome.error_reason(), "ESTIMATE_GROWN") << outcome.error_message();
  EXPECT_EQ(migrate_.runs, 0);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);
}

TEST_F(DigestHookTest, AnEstimateWithinTwiceTheApprovedOneOrWithoutOneStarts) {
  int fence = 0;
  for (const int64_t approved : {int64_t{10}, int64_t{15}, int64_t{1000}, int64_t{-1}}) {
    const std::string id = absl::StrCat("a", ++fence);
    plan_.set_estimated_rows(20);
    migrate_.plan = plan_;
    auto [offer, grant] = Approved(id, fence);
    if (approved >= 0) offer.set_approved_rows(approved);
    OfferAndGrant(offer, grant);
    EXPECT_EQ(OutcomeOf(id).outcome(), v1::OUTCOME_SUCCEEDED) << approved;
  }
  EXPECT_EQ(migrate_.runs, 4);
}

// What the action compares with its own plan once it holds the target's lock.
TEST_F(DigestHookTest, TheActionIsToldTheApprovedDigestOfItsOwnTarget) {
  std::string told = "never asked";
  migrate_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    told = context.approved_plan_digest();
    return ScriptedAction::Done();
  };
  auto [offer, grant] = Approved("a1", 1);
  auto* other = offer.mutable_digest_inputs()->add_targets();
  other->set_target("instances/payments/databases/shop");
  other->set_digest(std::string(64, 'f'));
  grant.set_digest(DigestOf(offer.digest_inputs()));
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(told, PlanDigest(kTarget, plan_));
}

// An action that plans again under the lock, as a migration does.
TEST_F(DigestHookTest, AnActionThatFindsAnotherPlanThanTheApprovedOneEndsWithoutAStep) {
  work::v1::Plan under_lock = plan_;
  migrate_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    if (PlanDigest(kTarget, under_lock) != context.approved_plan_digest()) {
      return ActionResult::FromStatus(
          Error(absl::StatusCode::kFailedPrecondition, "DIGEST_MISMATCH", "changed meanwhile"));
    }
    work::v1::StepReport report;
    report.set_state(work::v1::STEP_STATE_SUCCEEDED);
    EXPECT_TRUE(context.ReportStep(report).ok());
    return ScriptedAction::Done();
  };
  const auto [same, same_grant] = Approved("a1", 1);
  OfferAndGrant(same, same_grant);
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStep), 1);

  under_lock.set_schema_fingerprint("whoever held the lock has changed it");
  const auto [other, other_grant] = Approved("a2", 2);
  OfferAndGrant(other, other_grant);
  EXPECT_EQ(OutcomeOf("a2").error_reason(), "DIGEST_MISMATCH");
  EXPECT_EQ(CountEvents("a2", v1::Event::kStep), 0);
}

TEST_F(DigestHookTest, WorkWithoutAPlanHasNoApprovedDigest) {
  std::string told = "never asked";
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    told = context.approved_plan_digest();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(told, "");
}

TEST_F(DigestHookTest, AnUnplannableTargetIsRefusedWithItsReason) {
  const auto [offer, grant] = Approved("a1", 1);
  migrate_.plan = Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", "no route");
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "DATABASE_UNREACHABLE");
  EXPECT_EQ(migrate_.runs, 0);
}

TEST_F(DigestHookTest, APlanCarriesItsOwnDigestAndNeedsNone) {
  v1::Offer offer = Offer("a1", 1, "migrate");
  offer.set_purpose(v1::PURPOSE_PLAN);
  OfferAndGrant(offer);
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(outcome.result().plan().target_digest(), PlanDigest(kTarget, plan_));
  EXPECT_EQ(migrate_.runs, 0);
}

TEST_F(DigestHookTest, TheWindowMayCloseWhileThePlanIsMadeAgain) {
  migrate_.on_plan = [&] { clock_.Advance(absl::Seconds(10)); };
  auto [offer, grant] = Approved("a1", 1);
  grant.mutable_start_before()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 5);
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "START_TOO_LATE");
  EXPECT_EQ(migrate_.runs, 0);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);

  auto [slow, granted] = Approved("a2", 2);
  slow.mutable_start_within()->set_seconds(5);
  OfferAndGrant(slow, granted);
  EXPECT_EQ(OutcomeOf("a2").error_reason(), "START_TOO_LATE");
  EXPECT_EQ(migrate_.runs, 0);

  auto [in_time, unbounded] = Approved("a3", 3);
  unbounded.mutable_start_before()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 60);
  OfferAndGrant(in_time, unbounded);
  EXPECT_EQ(OutcomeOf("a3").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(DigestHookTest, AnAttemptWhosePlanIsCheckedAgainDoesNotStartWhileTheAgentStops) {
  Gate gate;
  migrate_.on_plan = [&] { gate.Pass(); };
  const auto [offer, grant] = Approved("a1", 1);
  OfferAndGrant(offer, grant);
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  auto helper = MakeThreadPool("drain", 1);
  std::atomic<bool> drained{false};
  ASSERT_TRUE(helper->Add([&] {
    runner_->Drain(absl::Seconds(30));
    drained = true;
  }));
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == 2; }));
  clock_.Advance(absl::Seconds(20));  // MayGoOn now says AGENT_STOPPING, which is no outcome.
  gate.Open();
  EXPECT_TRUE(Await([&] { return drained.load(); }));
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_GRANTED);
  EXPECT_EQ(migrate_.runs, 0);
}

TEST(WorkKindTest, OnlyChecksInspectionsAndPlansShareAnInstance) {
  v1::Offer offer;
  offer.set_purpose(v1::PURPOSE_EXECUTE);
  offer.mutable_spec()->mutable_check();
  EXPECT_FALSE(IsExclusive(offer));
  offer.mutable_spec()->mutable_inspect();
  EXPECT_FALSE(IsExclusive(offer));
  offer.mutable_spec()->mutable_verify();
  EXPECT_TRUE(IsExclusive(offer));
  offer.mutable_spec()->mutable_migrate();
  EXPECT_TRUE(IsExclusive(offer));
  offer.set_purpose(v1::PURPOSE_PLAN);
  EXPECT_FALSE(IsExclusive(offer));
}

}  // namespace
}  // namespace dbfleet::agent
