#include "controller/resources/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/status.h"
#include "controller/resources/resource_manager.h"
#include "dbfleet/resource/v1/event_rule.pb.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_store.h"

// What applying tells although it is done: what will not work as things are now.
namespace dbfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class AdviceTest : public ::testing::Test {
 protected:
  AdviceTest() {
    for (const char* name : {"qa", "production"}) {
      Environment environment;
      environment.name = name;
      Mutate([&](WriteTx& tx) { return tx.InsertEnvironment(&environment); });
    }
    AddInstance("shop", "qa", "postgresql");
    AddInstance("pay", "production", "postgresql");
    AddInstance("gone", "qa", "postgresql", true);
  }
  void Mutate(const Store::Mutation& mutation) { EXPECT_TRUE(store_.MutateAndWait(mutation).ok()); }
  void AddInstance(const std::string& id, const std::string& environment, const std::string& engine,
                   bool removed = false) {
    Instance instance;
    instance.id = id;
    instance.environment = environment;
    instance.engine = engine;
    instance.removed = removed;
    Mutate([&](WriteTx& tx) { return tx.InsertInstance(&instance); });
  }
  void AddUser(const std::string& id, bool disabled = false, bool service = false) {
    User user;
    user.id = id;
    user.disabled = disabled;
    user.service = service;
    Mutate([&](WriteTx& tx) { return tx.InsertUser(&user); });
  }
  static std::string Schedule(const std::string& job, const std::string& more = "") {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {name: s}\nspec:\n"
        "  environment: qa\n  cron: \"0 3 * * *\"\n  job: {",
        job, "}\n", more);
  }
  static std::string Rule(const std::string& spec) {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {name: r}\nspec:\n"
        "  on: {triggers: [failed]}\n",
        spec);
  }
  static Rights WithoutReading() {
    TokenScope scope;
    scope.verbs = {Verb::kDeclare, Verb::kOperate};
    return Rights::All().NarrowedBy(scope);
  }
  absl::StatusOr<std::vector<ResourceChange>> Apply(const std::string& yaml, bool dry_run = false,
                                                    const Rights& rights = Rights::All()) {
    return manager_.Apply({"users/polly", ""}, {{{"f.yaml", yaml}}}, dry_run, "", rights);
  }
  // Of all manifests; a dry run tells the same, and that it would be applied.
  std::vector<std::string> Warnings(const std::string& yaml, const Rights& rights = Rights::All()) {
    std::vector<std::vector<std::string>> told;
    for (const bool dry_run : {true, false}) {
      const auto changes = Apply(yaml, dry_run, rights);
      EXPECT_TRUE(changes.ok()) << changes.status() << "\n" << yaml;
      if (!changes.ok()) return {};
      told.emplace_back();
      for (const ResourceChange& change : *changes) {
        told.back().insert(told.back().end(), change.warnings.begin(), change.warnings.end());
      }
    }
    EXPECT_EQ(told[0], told[1]);
    return told[1];
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
  absl::Status route_status_;
  ResourceManager manager_{store_, clock_, nullptr, [this](const Route&) { return route_status_; }};
};

TEST_F(AdviceTest, WhatWorksIsToldNothingOf) {
  EXPECT_THAT(Warnings(Schedule("check: {}", "  targets: {instances: [shop]}\n")), IsEmpty());
  EXPECT_THAT(Warnings(Schedule("inspect: {statement: \"SELECT 1\"}")), IsEmpty());
  EXPECT_THAT(Warnings(Schedule("backup: {databases: [shop]}")), IsEmpty());
  EXPECT_THAT(Warnings(Rule("  propose: {job: {check: {}}}\n")), IsEmpty());
}

TEST_F(AdviceTest, InstancesThatAreNotThereAreToldByName) {
  EXPECT_THAT(
      Warnings(Schedule("check: {}",
                        "  targets:\n    instances:\n      - shop\n      - shpo\n      - pay\n"
                        "      - gone\n")),
      ElementsAre("f.yaml:11:9: schedules/s: spec.targets.instances[1]: there is no instance "
                  "\"shpo\" (yet)",
                  AllOf(StartsWith("f.yaml:12:9: "), HasSubstr("\"pay\" belongs to production")),
                  AllOf(StartsWith("f.yaml:13:9: "), HasSubstr("\"gone\" was removed"))));
  const auto told =
      Warnings(Rule("  selector: {environments: [qa], instances: [pay]}\n"
                    "  propose: {job: {check: {}}, targets: {instances: [nowhere]}}\n"));
  EXPECT_THAT(told, ElementsAre(HasSubstr("spec.selector.instances[0]: "),
                                HasSubstr("spec.propose.targets.instances[0]: ")));
}

// As whoever deletes a window is told.
TEST_F(AdviceTest, WhatIsQueuedForAWindowThatBecomesAFreezeIsTold) {
  const auto window = [](const std::string& effect) {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: night}\nspec:\n"
        "  effect: ",
        effect,
        "\n  recurring: {cron: \"0 2 * * *\", time_zone: UTC, duration: 3h}\n"
        "  selector: {environments: [qa]}\n");
  };
  const auto queue = [&](int from, int to, const std::string& name) {
    for (int i = from; i <= to; ++i) {
      Job job;
      job.id = absl::StrCat("J", i);
      job.environment = "qa";
      job.queue.window = name;
      job.state = JobState::kReady;
      ASSERT_TRUE(store_.MutateAndWait([&](WriteTx& tx) { return tx.InsertJob(&job); }).ok());
    }
  };
  queue(0, 0, "noon");
  EXPECT_THAT(Warnings(window("allow")), IsEmpty());
  EXPECT_THAT(Warnings(window("deny")), IsEmpty()) << "nothing waits";
  EXPECT_THAT(Warnings(window("allow")), IsEmpty());
  queue(1, 1, "night");
  EXPECT_THAT(Warnings(window("allow")), IsEmpty());
  EXPECT_THAT(Warnings(window("deny")),
              ElementsAre(AllOf(StartsWith("f.yaml:5:"), HasSubstr("spec.effect: "),
                                HasSubstr("is a freeze: jobs/J1; dbfleet window queue"))));
  queue(2, 7, "night");
  EXPECT_THAT(Warnings(window("deny")), ElementsAre(HasSubstr("jobs/J5, 2 more jobs; ")));
  EXPECT_THAT(Warnings(window("deny"), WithoutReading()), ElementsAre(HasSubstr(": 7 jobs; ")));
}

TEST_F(AdviceTest, ATokenInAWebhooksUrlIsSeenByEverybody) {
  const auto route = [](const std::string& url) {
    return absl::StrCat(
        "apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {name: r}\nspec:\n"
        "  triggers: [failed]\n  webhook:\n    url: ",
        url, "\n    signing_secret: key\n");
  };
  EXPECT_THAT(Warnings(route("https://h.example/x?team=dba")), IsEmpty());
  EXPECT_THAT(Warnings(route("https://h.example/x?token=s3cr3t")),
              ElementsAre(AllOf(StartsWith("f.yaml:7:5: "), HasSubstr("url_secret"),
                                ::testing::Not(HasSubstr("s3cr3t")))));
}

// Earlier versions took it: a directory that holds one can be applied as a whole all the same.
TEST_F(AdviceTest, ARuleOfWhichNothingCouldComeIsRefusedUnlessItIsThereAlready) {
  const std::string dead =
      Rule("  selector: {job_kinds: [check]}\n  propose: {job: {check: {}}}\n");
  const std::string changed = absl::StrReplaceAll(dead, {{"[failed]", "[failed, agent-lost]"}});
  ASSERT_TRUE(Apply(dead).ok());
  const auto refused = Apply(changed + "---\n" + Schedule("check: {}"));
  EXPECT_EQ(ReasonOf(refused.status()), "BAD_CONFIG");
  EXPECT_THAT(
      std::string(refused.status().message()),
      AllOf(StartsWith("f.yaml:"), HasSubstr("spec.on.triggers[1]: agent-lost tells of no ")));
  Mutate([&](WriteTx& tx) -> absl::Status {  // As an earlier version stored it.
    ASSIGN_OR_RETURN(Resource row, tx.GetResource("eventrules/r"));
    resource::v1::EventRule rule;
    EXPECT_TRUE(rule.ParseFromString(row.blob));
    rule.mutable_spec()->mutable_on()->add_triggers("agent-lost");
    row.blob = rule.SerializeAsString();
    return tx.UpdateResource(&row);
  });
  EXPECT_THAT(Warnings(changed + "---\n" + Schedule("check: {}")),
              ElementsAre(HasSubstr("agent-lost tells of no job")));
}

TEST_F(AdviceTest, AnInstanceThatMayNotBeSeenIsAsIfItWereNotThere) {
  User polly;
  polly.id = "polly";
  const EnvironmentFilter qa("qa");
  const Rights rights = Rights::Of(
      polly, {{Role::kPolicyAdmin, qa, "rolebindings/a"}, {Role::kOperator, qa, "rolebindings/b"}});
  EXPECT_THAT(
      Warnings(Schedule("check: {}", "  targets: {instances: [pay]}\n"), rights),
      ElementsAre(AllOf(HasSubstr("there is no instance \"pay\""), Not(HasSubstr("production")))));
}

TEST_F(AdviceTest, WhoMayOnlyDeclareIsToldOfNoTargets) {
  const std::string drops = Schedule("inspect: {statement: \"SELECT 1\"}");
  EXPECT_THAT(Warnings(drops), IsEmpty());
  EXPECT_THAT(Warnings(drops, WithoutReading()), ElementsAre(HasSubstr("no instance is what it")));
}

TEST_F(AdviceTest, TargetsOfWhichThereAreNoneAreTold) {
  EXPECT_THAT(Warnings(Schedule("check: {}", "  targets: {labels: {tier: \"1\"}}\n")),
              ElementsAre("f.yaml:8:3: schedules/s: spec.targets: no instance is what it selects "
                          "(yet)"));
  EXPECT_THAT(Warnings(Rule("  selector: {engines: [redis]}\n  propose: {job: {check: {}}}\n")),
              ElementsAre(HasSubstr("spec.selector: no instance")));
}

TEST_F(AdviceTest, AStatementThatWouldBeRefusedEverywhereIsRefusedAtOnce) {
  const std::string spec = Schedule("inspect: {statement: \"DELETE FROM orders\"}");
  for (const bool dry_run : {true, false}) {
    const auto changes = Apply(spec, dry_run);
    EXPECT_EQ(changes.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(ReasonOf(changes.status()), "INSPECTION_NOT_SAFE");
    EXPECT_THAT(std::string(changes.status().message()),
                AllOf(StartsWith("f.yaml:7:19: schedules/s: spec.job.inspect.statement: "),
                      HasSubstr("not read-only")));
  }
  EXPECT_FALSE(manager_.Get("schedule/s").ok());
  const auto rule = Apply(Rule("  propose: {job: {inspect: {statement: \"DROP TABLE a\"}}}\n"));
  EXPECT_EQ(ReasonOf(rule.status()), "INSPECTION_NOT_SAFE");
  // Also where there is no server yet, of whatever kind it will be.
  EXPECT_EQ(ReasonOf(Apply(Schedule("inspect: {statement: \"DROP TABLE a\"}",
                                    "  targets: {labels: {tier: \"1\"}}\n"))
                         .status()),
            "INSPECTION_NOT_SAFE");
  EXPECT_EQ(
      ReasonOf(Apply(Schedule("inspect: {statement: \"GET a\"}", "  targets: {engines: [mysql]}\n"))
                   .status()),
      "INSPECTION_NOT_SAFE");
  EXPECT_THAT(
      Warnings(Schedule("inspect: {statement: \"GET a\"}", "  targets: {engines: [redis]}\n")),
      ElementsAre(HasSubstr("no instance is what it selects")));
}

TEST_F(AdviceTest, WorkThatSomeServersRefuseIsToldWithOneOfThem) {
  AddInstance("cache", "qa", "redis");
  EXPECT_THAT(Warnings(Schedule("backup: {databases: [shop]}")),
              ElementsAre(AllOf(HasSubstr("spec.job.backup.databases: it would be refused on 1 of "
                                          "the 2 instances"),
                                HasSubstr("instances/cache"))));
  EXPECT_THAT(Warnings(Schedule("inspect: {statement: \"SELECT now()\"}")), SizeIs(1));
  EXPECT_EQ(
      ReasonOf(Apply(Schedule("backup: {databases: [shop]}", "  targets: {engines: [redis]}\n"))
                   .status()),
      "NO_DATABASE_DUMP");
}

// Who applies all of a folder again is not stopped by what an earlier version took.
TEST_F(AdviceTest, WhatIsThereAsDeclaredIsToldAndStays) {
  Warnings(Schedule("inspect: {statement: \"SELECT 1\"}"));
  Mutate([](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(Resource resource, tx.GetResource("schedules/s"));
    resource::v1::Schedule schedule;
    schedule.ParseFromString(resource.blob);
    schedule.mutable_spec()->mutable_job()->mutable_inspect()->set_statement("DROP TABLE a");
    resource.blob = schedule.SerializeAsString();
    return tx.UpdateResource(&resource);
  });
  EXPECT_THAT(Warnings(Schedule("inspect: {statement: \"DROP TABLE a\"}")),
              ElementsAre(HasSubstr("it would be refused on 1 of the 1 instances")));
}

TEST_F(AdviceTest, AWindowThatIsNotThereOrCarriesNothingIsTold) {
  const auto freeze = [](const char* name) {
    return absl::StrCat(
        "---\napiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: ", name,
        "}\nspec: {effect: deny, recurring: {cron: \"0 2 * * *\", duration: 1h}}\n");
  };
  const std::string queued = Schedule("backup: {}, queue: {window: night}");
  EXPECT_THAT(Warnings(queued), ElementsAre(AllOf(HasSubstr("spec.job.queue.window: "),
                                                  HasSubstr("no maintenance window \"night\""))));
  EXPECT_THAT(Warnings(queued + freeze("night")), ElementsAre(HasSubstr("night is a freeze")));
  EXPECT_THAT(Warnings(queued), ElementsAre(HasSubstr("night is a freeze"))) << "which is there";
  EXPECT_THAT(Warnings(queued, WithoutReading()),
              ElementsAre(HasSubstr("no instance"), HasSubstr("no maintenance window \"night\"")));
}

TEST_F(AdviceTest, WorkThatIsTooLongForItsWindowIsTold) {
  const auto queued = [](const std::string& estimate) {
    return absl::StrCat(
        Schedule(absl::StrCat("backup: {}, queue: {window: night, estimate: ", estimate, "}"),
                 "  targets: {instances: [shop]}\n"),
        "---\napiVersion: dbfleet/v1\nkind: MaintenanceWindow\nmetadata: {name: night}\n"
        "spec: {effect: allow, recurring: {cron: \"0 2 * * *\", duration: 1h}}\n");
  };
  EXPECT_THAT(Warnings(queued("59m")), IsEmpty());
  EXPECT_THAT(Warnings(queued("1h")),
              ElementsAre(AllOf(HasSubstr("spec.job.queue.window: "),
                                HasSubstr("1h do not fit into a window of 1h"))));
}

// They may be made later, so it is told only; a mistyped name would wait for ever.
TEST_F(AdviceTest, UsersOfPoliciesThatThereAreNotOrThatCannotActAreTold) {
  AddUser("ada");
  AddUser("left", true);
  AddUser("ci", false, true);
  const std::string approval =
      "apiVersion: dbfleet/v1\nkind: ApprovalPolicy\nmetadata: {name: p}\nspec:\n"
      "  selector: {environments: [qa]}\n  requirements:\n    - {name: dba, roles: [operator]}\n"
      "    - {name: owner, users: [ada, nobody, left, ci]}\n";
  EXPECT_THAT(
      Warnings(approval),
      ElementsAre(
          "f.yaml:8:34: approvalpolicies/p: spec.requirements[1].users[1]: there is no user "
          "\"nobody\" (yet)",
          AllOf(HasSubstr("users[2]: "), HasSubstr("the user \"left\" is disabled")),
          AllOf(HasSubstr("users[3]: "),
                HasSubstr("\"ci\" is a service account, which never approves"))));
  const std::string glass =
      "apiVersion: dbfleet/v1\nkind: BreakGlassPolicy\nmetadata: {name: g}\nspec:\n"
      "  environments: [qa]\n  users: [ci, ada, aad]\n  waives: [window]\n";
  EXPECT_THAT(
      Warnings(glass),
      ElementsAre(HasSubstr("spec.users[0]: the user \"ci\" is a service account, which may "
                            "not break the glass"),
                  HasSubstr("spec.users[2]: there is no user \"aad\" (yet)")));
  AddUser("aad");
  EXPECT_THAT(Warnings(glass), ElementsAre(HasSubstr("\"ci\"")));
}

TEST_F(AdviceTest, WhatARouteCannotSendIsTold) {
  const std::string route =
      "apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {name: n}\nspec:\n"
      "  triggers: [failed]\n  slack: {url_secret: hook}\n";
  EXPECT_THAT(Warnings(route), IsEmpty());
  route_status_ =
      Error(absl::StatusCode::kFailedPrecondition, "SECRET_NOT_FOR_THIS", "no \"hook\"");
  EXPECT_THAT(Warnings(route), ElementsAre("f.yaml:6:3: notificationroutes/n: spec.slack: nothing "
                                           "can be sent: SECRET_NOT_FOR_THIS: no \"hook\""));
  EXPECT_THAT(Warnings(route + "  disabled: true\n"), IsEmpty());
}

// Secrets are files, whose folder may be slow.
TEST_F(AdviceTest, SecretsAreNotReadInsideOfTheStoresRead) {
  class Watched : public Store {
   public:
    explicit Watched(Store& store) : store_(store) {}
    void Mutate(Mutation mutation, Done done) override {
      store_.Mutate(std::move(mutation), std::move(done));
    }
    absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
      ++reading;
      const absl::Status status = store_.Read(fn);
      --reading;
      return status;
    }
    uint64_t epoch() const override { return store_.epoch(); }
    const std::string& life() const override { return store_.life(); }
    int reading = 0;

   private:
    Store& store_;
  } watched(store_);
  int asked = 0;
  ResourceManager manager(watched, clock_, nullptr, [&](const Route&) {
    EXPECT_EQ(watched.reading, 0);
    ++asked;
    return absl::OkStatus();
  });
  const ManifestText route{"f.yaml",
                           "apiVersion: dbfleet/v1\nkind: NotificationRoute\nmetadata: {name: n}\n"
                           "spec:\n  triggers: [failed]\n  slack: {url_secret: hook}\n"};
  EXPECT_TRUE(manager.Apply({"users/root", ""}, {route}, true, "", Rights::All()).ok());
  EXPECT_EQ(asked, 1);
}

TEST_F(AdviceTest, ALimitThatIsNeverReachedIsTold) {
  EXPECT_THAT(Warnings(Rule("  propose: {job: {check: {}}}\n"
                            "  limits: {max_per_day: 2, max_open: 5}\n")),
              ElementsAre(HasSubstr("spec.limits.max_open: is never reached")));
}

}  // namespace
}  // namespace dbfleet::controller
