// Random approvals, withdrawals, policies, windows, waivers and cancellations around one change:
// whatever the order, nothing destructive begins in production without what a simple reference,
// which shares nothing with the policy's code, asks for.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLife = absl::Hours(2);  // Of an approval.
constexpr absl::Duration kBackupAge = absl::Hours(4);

class RandomApprovalsTest : public WindowFixture, public ::testing::WithParamInterface<int> {
 protected:
  // What the reference knows.
  struct Vote {
    std::string digest;
    absl::Time time;
  };
  struct Model {
    int approvals = 1;              // That the environment asks for.
    bool two_requirements = false;  // An auditor, and somebody else.
    std::map<std::string, Vote> votes;
    std::optional<std::pair<absl::Time, absl::Time>> window, freeze;
    absl::Time backup = absl::InfinitePast();
    std::set<std::string> waived;
    std::string waived_digest;
    absl::Time waived_until;

    std::pair<int, bool> Policy() const { return {approvals, two_requirements}; }
  };

  RandomApprovalsTest() {
    User dora;
    dora.id = "dora";
    dora.roles = {Role::kApprover, Role::kAuditor};
    EXPECT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&dora); }).ok());
    AddApprover("dep");
    dependents_ = {"users/dep"};
    SetPolicy();
  }

  static void TearDownTestSuite() {
    EXPECT_GT(begun_, 0) << "the test has to reach what it is about";
  }

  int Roll(int n) { return static_cast<int>(random_() % n); }

  void SetPolicy() {
    ChangePolicy([&](EnvironmentPolicy* policy) {
      policy->destructive_approvals = model_.approvals;
      policy->approval_ttl = kLife;
      policy->verified_backup_max_age = kBackupAge;
      policy->window_for = WindowFor::kAll;
    });
    ApprovalBook book;
    if (model_.two_requirements) {
      ApprovalPolicy policy;
      policy.name = "two";
      policy.requirements = {{"anybody", 1, {}, {}}, {"auditor", 1, {Role::kAuditor}, {}}};
      book.policies.push_back(policy);
    }
    approvals_ = std::make_shared<const ApprovalBook>(std::move(book));
  }

  // Why the attempt must not have begun then; "" if it might.
  std::string WhyNot(const std::string& digest, absl::Time now) {
    if (planned_under_.at(digest) != model_.Policy()) return "planned under another policy";
    const bool waiver = model_.waived_digest == digest && now < model_.waived_until;
    const auto waives = [&](const char* rule) { return waiver && model_.waived.count(rule) != 0; };
    std::set<std::string> people;
    for (const auto& [person, vote] : model_.votes) {
      const bool eligible = person == "bob" || person == "cy" || person == "dora";
      if (eligible && vote.digest == digest && now < vote.time + kLife) people.insert(person);
    }
    const bool enough = static_cast<int>(people.size()) >= model_.approvals &&
                        (!model_.two_requirements || (people.size() >= 2 && people.count("dora")));
    if (!enough && !waives("approvals")) return "no quorum";
    const auto open = [&](const auto& span) {
      return span.has_value() && span->first <= now && now < span->second;
    };
    if (!open(model_.window) && !waives("window")) return "no window";
    if (open(model_.freeze) && !waives("freeze")) return "a freeze";
    if (now - model_.backup >= kBackupAge) return "no backup";
    return "";
  }

  AuditRow GrantOf(const std::string& attempt_id) {
    const std::vector<AuditRow> rows = store_.Audit();
    const auto row = std::find_if(rows.rbegin(), rows.rend(), [&](const AuditRow& one) {
      return one.entry.action == "attempt.grant" && one.entry.details.at("attempt") == attempt_id;
    });
    EXPECT_TRUE(row != rows.rend()) << "a grant is recorded before it is sent";
    return *row;
  }

  // Looks at each grant since the last time; the agent does the work at once.
  void Work() {
    for (bool more = true; more;) {
      more = false;
      while (IsOffered()) {
        const agent::v1::Offer offer = Unanswered();
        offers_[offer.attempt_id()] = offer;
        agent_.Accept(offer);
        more = true;
      }
      const auto grants = agent_.Sent(agent::v1::ControllerMsg::kGrant);
      for (; seen_grants_ < grants.size(); ++seen_grants_) {
        const std::string id = grants[seen_grants_].grant().attempt_id();
        const Attempt attempt =
            ReadFrom(store_, [&](ReadTx& tx) { return tx.GetAttempt(id); }).value();
        const agent::v1::Offer& offer = offers_.at(id);
        if (attempt.purpose == Purpose::kExecute) {
          ++begun_;
          const AuditRow grant = GrantOf(id);
          EXPECT_EQ(WhyNot(attempt.digest, grant.record_time), "")
              << "sequence " << sequence_ << ": " << grant.record_time << ", "
              << absl::StrJoin(grant.entry.details, ", ", absl::PairFormatter("="));
        }
        agent_.Start(offer);
        agent_.Finish(offer, agent::v1::OUTCOME_SUCCEEDED,
                      attempt.purpose == Purpose::kPlan ? MakePlan() : MakeMigrated());
        more = true;
      }
      const Job job = JobOf(job_id_);
      if (!job.digest.empty()) planned_under_.emplace(job.digest, model_.Policy());
    }
  }

  void Decide() {
    static const char* const kPeople[] = {"ada", "bob", "cy", "dora", "dep"};
    const std::string person = kPeople[Roll(5)];
    const RequestMeta meta{"users/" + person, ""};
    const Job job = JobOf(job_id_);
    if (Roll(4) == 0) {
      if (jobs_.WithdrawApproval(meta, job_id_, "").ok()) model_.votes.erase(person);
    } else if (jobs_.Approve(meta, job_id_, job.digest, "ok").ok()) {
      // One that still counts stays as it is.
      Vote& vote = model_.votes[person];
      const bool counts = vote.digest == job.digest && clock_.Now() < vote.time + kLife;
      if (!counts) vote = {job.digest, clock_.Now()};
    }
    executor_.RunAll();
  }

  void Windows() {
    const auto some = [&](std::optional<std::pair<absl::Time, absl::Time>>* span, int chance) {
      span->reset();
      if (Roll(chance) != 0) return;
      const absl::Time begin = clock_.Now() + absl::Minutes(Roll(60) - 30);
      *span = {begin, begin + absl::Minutes(10 + Roll(120))};
    };
    some(&model_.window, 1 + Roll(2));
    some(&model_.freeze, 4);
    std::vector<DeclaredWindow> windows;
    if (model_.window.has_value()) {
      windows.push_back(Once("w", model_.window->first - clock_.Now(),
                             model_.window->second - model_.window->first));
    }
    if (model_.freeze.has_value()) {
      windows.push_back(Freeze("f", model_.freeze->first - clock_.Now(),
                               model_.freeze->second - model_.freeze->first));
    }
    Declare(std::move(windows));
  }

  void Waive() {
    const Job job = JobOf(job_id_);
    model_.waived.clear();
    for (const char* rule : {"approvals", "window", "freeze"}) {
      if (Roll(2) == 0) model_.waived.insert(rule);
    }
    model_.waived_digest = job.digest;
    model_.waived_until = clock_.Now() + absl::Minutes(Roll(60));
    waiver_ = Waiver{{model_.waived.begin(), model_.waived.end()},
                     job.digest,
                     "users/ada",
                     clock_.Now(),
                     model_.waived_until};
  }

  void Step() {
    if (job_id_.empty() || IsTerminal(JobOf(job_id_).state)) {
      ChangeRequest request = MakeChange();
      request.backup_gate = BackupGate::kExisting;
      job_id_ = Must(jobs_.SubmitChange({"users/ada", ""}, request)).id;
      model_.votes.clear();
      return;
    }
    const int what = Roll(20);
    if (what < 7) {
      Work();
    } else if (what < 14) {
      Decide();
    } else if (what < 15) {
      clock_.Advance(absl::Minutes(1 + Roll(80)));
      executor_.RunAll();
    } else if (what < 16) {
      model_.approvals = Roll(3);
      model_.two_requirements = Roll(2) == 0;
      SetPolicy();
    } else if (what < 17) {
      Windows();
    } else if (what < 18) {
      AddVerifiedBackup();
      model_.backup = clock_.Now();
    } else if (what < 19) {
      if (Roll(3) == 0) Waive();
    } else if (Roll(6) == 0) {
      (void)jobs_.Cancel({"users/ada", ""}, job_id_, "changed my mind");
      executor_.RunAll();
    }
    Pass(absl::Seconds(1));
  }

  // A grant that came of the step, as the model is right now.
  void Look() {
    const size_t grants = agent_.Sent(agent::v1::ControllerMsg::kGrant).size();
    if (grants > seen_grants_) Work();
  }

  std::mt19937 random_;
  Model model_;
  std::string job_id_;
  std::map<std::string, agent::v1::Offer> offers_;
  std::map<std::string, std::pair<int, bool>> planned_under_;  // By digest.
  size_t seen_grants_ = 0;
  inline static int begun_ = 0;  // Of all seeds together.
  int sequence_ = 0;
};

TEST_P(RandomApprovalsTest, NothingBeginsWithoutItsQuorumWindowAndBackup) {
  constexpr int kSequences = 15, kSteps = 50;
  for (sequence_ = 0; sequence_ < kSequences; ++sequence_) {
    random_.seed(GetParam() * 1000 + sequence_);
    for (int step = 0; step < kSteps; ++step) {
      Step();
      Look();
    }
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomApprovalsTest, ::testing::Range(0, 150));

}  // namespace
}  // namespace dbfleet::controller
