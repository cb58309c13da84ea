#include "controller/resources/resource_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/policy/policy.h"
#include "controller/resources/window_source.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"
#include "tests/unit/controller/policy/plain_policy.h"

namespace dbfleet::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using Action = ResourceChange::Action;

std::string WindowYaml(const std::string& name, const std::string& spec) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name,
                      "}\nspec: {", spec, "}\n---\n");
}
std::string Recurring(const std::string& name, const std::string& more = "") {
  return WindowYaml(name, absl::StrCat("recurring: {cron: \"0 2 * * *\", duration: 1h}", more));
}
std::string EnvironmentYaml(const std::string& name, const std::string& policy) {
  return absl::StrCat("apiVersion: dbfleet/v1\nkind: Environment\nmetadata: {name: ", name,
                      "}\nspec: {policy: {", policy, "}}\n---\n");
}

class ResourceManagerTest : public ::testing::Test {
 protected:
  ResourceManagerTest() {
    for (const char* name : {"development", "qa", "production"}) {
      Environment environment;
      environment.name = name;
      environment.policy = PlainPolicy(name);
      EXPECT_TRUE(
          store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); })
              .ok());
    }
  }

  absl::StatusOr<std::vector<ResourceChange>> Apply(const std::string& yaml, bool dry_run = false,
                                                    const std::string& reason = "") {
    return manager_.Apply({"users/polly", ""}, {{{"f.yaml", yaml}}}, dry_run, reason);
  }
  std::vector<ResourceChange> Applied(const std::string& yaml, bool dry_run = false) {
    const auto changes = Apply(yaml, dry_run);
    EXPECT_TRUE(changes.ok()) << changes.status();
    return changes.ok() ? *changes : std::vector<ResourceChange>();
  }
  // The actions of the audit trail.
  std::vector<std::string> Audited() {
    std::vector<std::string> actions;
    for (const AuditRow& row : store_.Audit()) {
      actions.push_back(absl::StrCat(row.entry.action, " ", row.entry.resource));
    }
    return actions;
  }
  Environment EnvironmentOf(const std::string& name) {
    return ReadFrom(store_, [&](ReadTx& tx) { return tx.GetEnvironment(name); }).value();
  }
  std::vector<std::string> WindowsOf(WindowSource& source) {
    std::vector<std::string> names;
    const auto book = ReadFrom(store_, [&](ReadTx& tx) { return source.Read(tx); });
    EXPECT_TRUE(book.ok()) << book.status();
    for (const DeclaredWindow& declared : (*book)->windows()) {
      names.push_back(declared.window.name);
    }
    return names;
  }

  FakeClock clock_;
  MemoryStore store_{&clock_, 1'800'000'000};
  ResourceManager manager_{store_, clock_};
};

TEST_F(ResourceManagerTest, WhatIsDeclaredIsThereWithItsMaker) {
  const auto changes = Applied(Recurring("night"));
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].action, Action::kCreated);
  const auto view = manager_.Get("maintenancewindow/night");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->creator, "users/polly");
  EXPECT_EQ(view->editor, "users/polly");
  EXPECT_EQ(view->create_time, clock_.Now());
  EXPECT_THAT(view->yaml, HasSubstr("time_zone: UTC"));
  EXPECT_THAT(Audited(), ElementsAre("resource.create maintenancewindows/night"));
}

TEST_F(ResourceManagerTest, ApplyingTheSameAgainChangesNothing) {
  Applied(Recurring("night"));
  const ResourceView before = manager_.Get("maintenancewindow/night").value();
  clock_.Advance(absl::Hours(1));
  const auto again = Applied(Recurring("night"));
  EXPECT_EQ(again.at(0).action, Action::kUnchanged);
  EXPECT_THAT(again[0].diff, IsEmpty());
  EXPECT_EQ(manager_.Get("maintenancewindow/night")->version, before.version);
  // Its own text says nothing new either.
  EXPECT_EQ(Applied(before.yaml).at(0).action, Action::kUnchanged);
  EXPECT_THAT(Audited(), SizeIs(1));
}

TEST_F(ResourceManagerTest, AnEnvironmentAppliedTwiceIsUnchanged) {
  for (const char* name : {"development", "preprod", "qa", "production"}) {
    for (const char* policy :
         {"", "promotion: {from: none}", "promotion: {from: other, rehearsal: true}"}) {
      const std::string yaml = EnvironmentYaml("other", "") + EnvironmentYaml(name, policy);
      Applied(yaml);
      for (const ResourceChange& again : Applied(yaml)) {
        EXPECT_EQ(again.action, Action::kUnchanged) << name << ": " << policy;
      }
    }
  }
}

TEST_F(ResourceManagerTest, AChangeIsShownAndAuditedByItsLines) {
  Applied(Recurring("night"));
  const auto changes = Apply(Recurring("night", ", overrun: cancel"), false, "ticket 7");
  ASSERT_TRUE(changes.ok()) << changes.status();
  EXPECT_EQ(changes->at(0).action, Action::kUpdated);
  EXPECT_THAT(changes->at(0).diff, Contains("+  overrun: cancel"));
  EXPECT_THAT(changes->at(0).diff, Contains("-  overrun: finish"));
  const AuditRow last = store_.Audit().back();
  EXPECT_EQ(last.entry.action, "resource.update");
  EXPECT_EQ(last.entry.actor, "users/polly");
  EXPECT_THAT(last.entry.details, Contains(Pair("reason", "ticket 7")));
  EXPECT_THAT(last.entry.details.at("diff"), HasSubstr("+  overrun: cancel"));
}

TEST_F(ResourceManagerTest, ADryRunTellsTheSameAndChangesNothing) {
  Applied(Recurring("night"));
  const std::string yaml = absl::StrCat(Recurring("night", ", overrun: pause"), Recurring("noon"),
                                        EnvironmentYaml("qa", "window_for: all"));
  const auto dry = Applied(yaml, true);
  EXPECT_THAT(Audited(), SizeIs(1));
  EXPECT_EQ(EnvironmentOf("qa").policy.window_for, WindowFor::kNone);
  EXPECT_FALSE(manager_.Get("maintenancewindow/noon").ok());
  const auto wet = Applied(yaml);
  ASSERT_EQ(dry.size(), wet.size());
  for (size_t i = 0; i < dry.size(); ++i) {
    EXPECT_EQ(dry[i].action, wet[i].action);
    EXPECT_EQ(dry[i].diff, wet[i].diff);
    EXPECT_EQ(dry[i].resource.yaml, wet[i].resource.yaml);
  }
}

TEST_F(ResourceManagerTest, AnEtagIsForTheResourceAsItWas) {
  Applied(Recurring("night"));
  const uint64_t version = manager_.Get("maintenancewindow/night")->version;
  const auto apply = [&](const std::string& yaml) {
    return manager_.Apply({"users/polly", ""}, {{{"f.yaml", yaml, version}}}, false, "");
  };
  const std::string paused = Recurring("night", ", overrun: pause");
  EXPECT_EQ(apply(paused)->at(0).action, Action::kUpdated);
  EXPECT_EQ(apply(paused)->at(0).action, Action::kUnchanged) << "a retry";
  EXPECT_EQ(ReasonOf(apply(Recurring("night")).status()), "STALE");
  EXPECT_EQ(ReasonOf(apply(Recurring("noon")).status()), "STALE") << "deleted meanwhile";
  EXPECT_EQ(ReasonOf(apply(Recurring("night") + Recurring("noon")).status()), "BAD_MANIFEST");
  EXPECT_THAT(manager_.Get("maintenancewindow/night")->yaml, HasSubstr("pause"));
}

TEST_F(ResourceManagerTest, AllOfThemOrNone) {
  const auto changes = Apply(absl::StrCat(
      Recurring("night"), Recurring("noon", ", selector: {environments: [qa, prodution]}")));
  EXPECT_EQ(ReasonOf(changes.status()), "UNKNOWN_ENVIRONMENT");
  EXPECT_THAT(std::string(changes.status().message()), HasSubstr("prodution"));
  EXPECT_FALSE(manager_.Get("maintenancewindow/night").ok());
  EXPECT_THAT(Audited(), IsEmpty());
}

TEST_F(ResourceManagerTest, AWindowMayNameAnEnvironmentOfTheSameApply) {
  Applied(absl::StrCat(Recurring("noon", ", selector: {environments: [preprod]}"),
                       EnvironmentYaml("preprod", "")));
  EXPECT_TRUE(EnvironmentOf("preprod").declared);
}

std::string PromotesFrom(const std::string& name, const std::string& from) {
  return EnvironmentYaml(name, absl::StrCat("promotion: {from: ", from, "}"));
}

TEST_F(ResourceManagerTest, EnvironmentsFollowOthersThatAreThereAndNeverThemselves) {
  EXPECT_EQ(ReasonOf(Apply(PromotesFrom("production", "preprod")).status()), "UNKNOWN_ENVIRONMENT");
  Applied(PromotesFrom("production", "preprod") + EnvironmentYaml("preprod", ""));
  Applied(PromotesFrom("preprod", "qa"));
  const auto circle = Apply(PromotesFrom("qa", "production"));
  EXPECT_EQ(ReasonOf(circle.status()), "PROMOTION_CIRCLE");
  EXPECT_THAT(std::string(circle.status().message()),
              HasSubstr("qa from production from preprod from qa"));
  // What would be a circle with what is there now is none with what comes along.
  Applied(PromotesFrom("qa", "production") + EnvironmentYaml("preprod", ""));
}

TEST_F(ResourceManagerTest, WindowsThatNeverBeginOrNeverEndAreRefused) {
  for (const char* spec : {"once: {begin: \"2026-01-02T00:00:00Z\", end: \"2026-01-01T00:00:00Z\"}",
                           "recurring: {cron: \"* * * * *\", duration: 1h}",
                           "recurring: {cron: \"*/2 0-23 1-28 * *\", duration: 3m}",
                           "recurring: {cron: \"0 0 * * *\", duration: 30s}"}) {
    EXPECT_EQ(ReasonOf(Apply(WindowYaml("w", spec)).status()), "BAD_WINDOW") << spec;
  }
}

TEST_F(ResourceManagerTest, AnEnvironmentOfTheConfigurationBecomesADeclaredOne) {
  EXPECT_FALSE(EnvironmentOf("production").declared);
  const std::string same = manager_.Get("environment/production")->yaml;
  EXPECT_TRUE(Applied(same, true).at(0).takes_over) << "a dry run tells it";
  EXPECT_FALSE(EnvironmentOf("production").declared);
  EXPECT_TRUE(Applied(same).at(0).takes_over);
  EXPECT_TRUE(EnvironmentOf("production").declared);
  EXPECT_THAT(store_.Audit().back().entry.details, Contains(Pair("takes_over", ::testing::_)));
  Applied(same);
  EXPECT_THAT(Audited(), SizeIs(1));
}

TEST_F(ResourceManagerTest, APolicyIsReplacedWhole) {
  Applied(EnvironmentYaml("production", "destructive_approvals: 3, window_for: destructive"));
  EXPECT_EQ(EnvironmentOf("production").policy.destructive_approvals, 3);
  EXPECT_EQ(EnvironmentOf("production").policy.window_for, WindowFor::kDestructive);
  Applied(EnvironmentYaml("production", "window_for: all"));
  EXPECT_EQ(EnvironmentOf("production").policy.destructive_approvals,
            DefaultPolicy("production").destructive_approvals);
  const AuditRow last = store_.Audit().back();
  EXPECT_EQ(last.entry.environment, "production");
  EXPECT_EQ(last.entry.details.at("policy_digest"),
            PolicyDigest("production", EnvironmentOf("production").policy));
}

TEST_F(ResourceManagerTest, WhatIsToBeNewIsRefusedWhereItIsThereAlready) {
  const auto add = [&](const std::string& who, const std::string& yaml) {
    return manager_.Apply({who, ""}, {{{"f.yaml", yaml, 0, true}}}, false, "").status();
  };
  EXPECT_TRUE(add("users/polly", Recurring("night")).ok());
  EXPECT_TRUE(add("users/polly", Recurring("night")).ok()) << "a retry";
  EXPECT_EQ(ReasonOf(add("users/paul", Recurring("night"))), "RESOURCE_EXISTS");
  EXPECT_EQ(ReasonOf(add("users/polly", Recurring("night", ", overrun: pause"))),
            "RESOURCE_EXISTS");
  EXPECT_THAT(Audited(), SizeIs(1));
  EXPECT_TRUE(manager_.Delete({"users/polly", ""}, "maintenancewindow/night", 0, "").ok());
  EXPECT_TRUE(add("users/paul", Recurring("night", ", overrun: pause")).ok());
  EXPECT_EQ(ReasonOf(add("users/polly", EnvironmentYaml("qa", "destructive_approvals: 1"))),
            "RESOURCE_EXISTS");
  EXPECT_EQ(ReasonOf(add("users/polly", Recurring("a") + Recurring("b"))), "BAD_MANIFEST");
}

TEST_F(ResourceManagerTest, OfTwoWhoAddTheSameNameAtOnceOneIsRefused) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = absl::StrCat("night-", round);
    absl::Status status[2];
    const auto add = [&](int who) {
      status[who] =
          manager_
              .Apply({absl::StrCat("users/u", who), ""},
                     {{{"f.yaml", Recurring(name, who == 0 ? "" : ", overrun: pause"), 0, true}}},
                     false, "")
              .status();
    };
    std::thread other([&] { add(1); });
    add(0);
    other.join();
    ASSERT_NE(status[0].ok(), status[1].ok()) << status[0] << status[1];
    const int second = status[0].ok() ? 1 : 0;
    EXPECT_EQ(ReasonOf(status[second]), "RESOURCE_EXISTS");
    EXPECT_EQ(manager_.Get("maintenancewindow/" + name)->creator,
              absl::StrCat("users/u", 1 - second));
  }
}

TEST_F(ResourceManagerTest, DeletingNeedsTheVersionThatWasSeenAndHappensOnce) {
  Applied(Recurring("night"));
  const uint64_t version = manager_.Get("maintenancewindow/night")->version;
  Applied(Recurring("night", ", overrun: pause"));
  EXPECT_EQ(
      ReasonOf(
          manager_.Delete({"users/polly", ""}, "maintenancewindow/night", version, "").status()),
      "STALE");
  const auto deleted = manager_.Delete({"users/polly", "r1"}, "maintenancewindow/night", 0, "gone");
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(deleted->yaml, HasSubstr("overrun: pause"));
  EXPECT_FALSE(manager_.Get("maintenancewindow/night").ok());
  EXPECT_EQ(store_.Audit().back().entry.action, "resource.delete");
  EXPECT_THAT(store_.Audit().back().entry.details.at("was"), HasSubstr("overrun: pause"));
  // The answer was lost, and the request comes again after another made the same name.
  Applied(Recurring("night"));
  EXPECT_TRUE(manager_.Delete({"users/polly", "r1"}, "maintenancewindow/night", 0, "gone").ok());
  EXPECT_TRUE(manager_.Get("maintenancewindow/night").ok());
  EXPECT_EQ(manager_.Delete({"users/polly", ""}, "maintenancewindow/other", 0, "").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(manager_.Delete({"users/polly", ""}, "environment/qa", 0, "").status()),
            "ENVIRONMENT_STAYS");
}

TEST_F(ResourceManagerTest, ListsEnvironmentsAndWindowsPageByPage) {
  for (int i = 0; i < 5; ++i) Applied(Recurring(absl::StrCat("w", i)));
  std::vector<std::string> ids;
  PageRequest page{2, ""};
  do {
    const auto found = manager_.List("", page);
    ASSERT_TRUE(found.ok()) << found.status();
    for (const ResourceView& view : found->items) ids.push_back(view.id);
    page.token = found->next_token;
  } while (!page.token.empty());
  EXPECT_THAT(ids,
              ElementsAre("environments/development", "environments/production", "environments/qa",
                          "maintenancewindows/w0", "maintenancewindows/w1", "maintenancewindows/w2",
                          "maintenancewindows/w3", "maintenancewindows/w4"));
  EXPECT_THAT(manager_.List("Environment", {10, ""})->items, SizeIs(3));
  EXPECT_THAT(manager_.List("maintenancewindows", {10, ""})->items, SizeIs(5));
  EXPECT_EQ(ReasonOf(manager_.List("window", {10, ""}).status()), "UNKNOWN_KIND");
}

TEST_F(ResourceManagerTest, OccurrencesComeInTheirOrderWithThoseThatAreOpenNow) {
  clock_.JumpWallClock(absl::FromCivil(absl::CivilMinute(2026, 6, 1, 2, 30), absl::UTCTimeZone()) -
                       clock_.Now());
  Applied(absl::StrCat(Recurring("night", ", selector: {environments: [qa]}"),
                       WindowYaml("freeze",
                                  "effect: deny, once: {begin: \"2026-06-01T12:00:00Z\", end: "
                                  "\"2026-06-03T12:00:00Z\"}")));
  const auto names = [&](const std::string& environment, absl::Duration length, size_t limit) {
    std::vector<std::string> out;
    const auto found =
        manager_.Occurrences(environment, clock_.Now(), clock_.Now() + length, limit);
    EXPECT_TRUE(found.ok()) << found.status();
    for (const WindowOccurrence& o : found->items) {
      out.push_back(absl::StrCat(o.declared->window.name,
                                 absl::FormatTime(" %d-%H", o.span.begin, absl::UTCTimeZone())));
    }
    if (found->more) out.push_back("more");
    return out;
  };
  EXPECT_THAT(names("qa", absl::Hours(48), 10),
              ElementsAre("night 01-02", "freeze 01-12", "night 02-02", "night 03-02"));
  EXPECT_THAT(names("production", absl::Hours(48), 10), ElementsAre("freeze 01-12"));
  EXPECT_THAT(names("", absl::Hours(48), 1), ElementsAre("night 01-02", "more"));
}

TEST_F(ResourceManagerTest, TheWindowsInForceAreThoseOfTheTransactionsStore) {
  WindowSource source;
  EXPECT_THAT(WindowsOf(source), IsEmpty());
  Applied(Recurring("night"));
  EXPECT_THAT(WindowsOf(source), ElementsAre("night"));
  Applied(Recurring("noon"));
  EXPECT_THAT(WindowsOf(source), ElementsAre("night", "noon"));
  ASSERT_TRUE(manager_.Delete({"users/polly", ""}, "maintenancewindow/night", 0, "").ok());
  EXPECT_THAT(WindowsOf(source), ElementsAre("noon"));
}

TEST_F(ResourceManagerTest, DeletingAWindowNamesWhatIsQueuedForIt) {
  Applied(Recurring("night") + "---\n" + Recurring("noon"));
  const auto add = [&](const std::string& id, const std::string& window, JobState state) {
    Job job;
    job.id = id;
    job.environment = "qa";
    job.queue.window = window;
    job.state = state;
    ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
  };
  add("J1", "night", JobState::kReady);
  add("J2", "night", JobState::kSucceeded);
  add("J3", "noon", JobState::kReady);
  const auto queued = [&](bool dry_run) {
    const auto view = manager_.Delete({"users/polly", "r-1"}, "maintenancewindow/night", 0, "",
                                      Rights::All(), nullptr, dry_run);
    EXPECT_TRUE(view.ok()) << view.status();
    return view.ok() ? view->queued_jobs : std::vector<std::string>();
  };
  EXPECT_THAT(queued(true), ElementsAre("jobs/J1"));
  EXPECT_THAT(queued(false), ElementsAre("jobs/J1"));
  EXPECT_THAT(queued(false), ElementsAre("jobs/J1")) << "the same answer to a repeated request";
}

TEST_F(ResourceManagerTest, AStoredWindowThatCannotBeReadStopsInsteadOfOpening) {
  Applied(Recurring("night"));
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource resource, tx.GetResource("maintenancewindows/night"));
                    resource.blob = "\xff\xff";
                    RETURN_IF_ERROR(tx.UpdateResource(&resource));
                    return WindowSource::CountChange(tx, clock_.Now());
                  })
                  .ok());
  WindowSource source;
  const auto book = ReadFrom(store_, [&](ReadTx& tx) { return source.Read(tx); });
  EXPECT_EQ(ReasonOf(book.status()), "STORE_CORRUPT");
  EXPECT_THAT(std::string(book.status().message()), HasSubstr("maintenancewindows/night"));
  // Applying it again mends it.
  EXPECT_EQ(Applied(Recurring("night")).at(0).action, Action::kUpdated);
  EXPECT_THAT(WindowsOf(source), ElementsAre("night"));
}

// What only the store and the clock can tell is told where it is written, too.
TEST_F(ResourceManagerTest, WhatIsWrongIsToldAtTheFieldThatIsWrong) {
  const std::string kHead = "apiVersion: dbfleet/v1\n";
  const auto window = [&](const char* spec) {
    return absl::StrCat(kHead, "kind: MaintenanceWindow\nmetadata: {name: w}\nspec:\n", spec);
  };
  const std::pair<std::string, const char*> kCases[] = {
      {window("  recurring: {cron: \"0 2 * * *\", duration: 1h}\n  selector:\n    environments:\n"
              "      - qa\n      - prodution\n"),
       "f.yaml:9:9: maintenancewindows/w: spec.selector.environments[1]: there is no environment"},
      {window("  once:\n    begin: 2026-01-02T00:00:00Z\n    end: 2026-01-01T00:00:00Z\n"),
       "f.yaml:7:5: maintenancewindows/w: spec.once.end: bad window"},
      {window("  recurring:\n    cron: \"* * * * *\"\n    duration: 1h\n"),
       "f.yaml:6:5: maintenancewindows/w: spec.recurring.cron: bad window"},
      {window("  recurring:\n    cron: \"0 0 * * *\"\n    duration: 30s\n"),
       "f.yaml:7:5: maintenancewindows/w: spec.recurring.duration: bad window"},
      {kHead + "kind: Schedule\nmetadata: {name: s}\nspec:\n  cron: \"0 2 * * *\"\n"
               "  job: {check: {}}\n  environment: prodution\n",
       "f.yaml:7:3: schedules/s: spec.environment: there is no environment"},
      {kHead + "kind: Environment\nmetadata: {name: qa}\nspec:\n  policy:\n    promotion:\n"
               "      from: preprod\n",
       "f.yaml:7:7: environments/qa: spec.policy.promotion.from: there is no environment"},
      {kHead + "kind: RoleBinding\nmetadata: {name: r}\nspec:\n  role: viewer\n  subjects:\n"
               "    - nobody\n",
       "f.yaml:7:7: rolebindings/r: spec.subjects[0]: there is no user"},
  };
  for (const auto& [yaml, says] : kCases) {
    const std::string message(Apply(yaml).status().message());
    EXPECT_THAT(message, ::testing::StartsWith(says)) << yaml;
    EXPECT_EQ(std::string(Apply(yaml, true).status().message()), message) << "a dry run";
  }
}

TEST_F(ResourceManagerTest, AnEnvironmentTellsWhoChangedItLastAndWhen) {
  EXPECT_EQ(manager_.Get("environment/qa")->editor, "") << "nothing tells it";
  Applied(EnvironmentYaml("qa", "window_for: all"));
  const absl::Time then = clock_.Now();
  // What is about it, and what is about another one whose name begins alike, is no change of it.
  clock_.Advance(absl::Hours(1));
  Applied(EnvironmentYaml("qa2", ""));
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) {
                    return tx.AppendAudit(
                        {"system/controller", "quorum.formed", "environments/qa", "qa", {}});
                  })
                  .ok());
  const auto view = manager_.Get("environment/qa");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->editor, "users/polly");
  EXPECT_EQ(view->update_time, then);
  const Page<ResourceView> all = manager_.List("Environment", {10, ""}).value();
  for (const ResourceView& listed : all.items) {
    EXPECT_EQ(listed.update_time == then, listed.id == "environments/qa") << listed.id;
  }
  EXPECT_EQ(Applied(EnvironmentYaml("qa", "window_for: all"))[0].resource.update_time, then);
}

TEST_F(ResourceManagerTest, AnOpeningTellsWhichFreezesLieOverIt) {
  clock_.JumpWallClock(absl::FromCivil(absl::CivilMinute(2026, 6, 1, 1, 30), absl::UTCTimeZone()) -
                       clock_.Now());
  Applied(absl::StrCat(Recurring("night", ", selector: {environments: [qa, production]}"),
                       WindowYaml("audit",
                                  "effect: deny, selector: {environments: [production]}, once: "
                                  "{begin: \"2026-06-02T00:00:00Z\", end: "
                                  "\"2026-06-03T00:00:00Z\"}")));
  const auto told = [&](const EnvironmentFilter& where) {
    std::vector<std::string> out;
    const auto found = manager_.Occurrences(where, clock_.Now(), clock_.Now() + absl::Hours(48), 9);
    EXPECT_TRUE(found.ok()) << found.status();
    for (const WindowOccurrence& o : found->items) {
      out.push_back(absl::StrCat(o.declared->window.name, " w", o.cover.wholly.size(), " p",
                                 o.cover.partly.size()));
    }
    return out;
  };
  EXPECT_THAT(told("production"), ElementsAre("night w0 p0", "audit w0 p0", "night w1 p0"));
  EXPECT_THAT(told("qa"), ElementsAre("night w0 p0", "night w0 p0"));
  EXPECT_THAT(told({}), ElementsAre("night w0 p0", "audit w0 p0", "night w0 p1"));
}

}  // namespace
}  // namespace dbfleet::controller
