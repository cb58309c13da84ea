// Every point at which the connection or the agent can die, for every kind of death: whatever
// happens, no statement takes effect twice, only what the history records is a success, and what is
// called taken back is taken back.
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/unit/agent/actions/migrate/migrate_test_util.h"

namespace dbfleet::agent {
namespace {

using Fault = FakeSqlMigrations::Fault;
using v1::OUTCOME_INTERRUPTED;
using v1::OUTCOME_SUCCEEDED;

constexpr int kMaxOps = 400;

struct Scenario {
  std::string name;
  sql::Dialect dialect;
  std::vector<work::v1::Migration> before;  // Applied before the attempt.
  work::v1::JobSpec spec;
  bool fails = false;           // By itself, without any fault.
  bool may_be_unknown = false;  // Holds an opaque statement.
  bool cancel = false;          // After the second step began.
};

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

work::v1::Migration Notes() {
  return MakeMigration(
      "1", "notes",
      {"CREATE TABLE notes (id INT, body TEXT)", "INSERT INTO notes VALUES (1, 'a')",
       "ALTER TABLE orders ADD COLUMN note TEXT"},
      {"ALTER TABLE orders DROP COLUMN note", "DELETE FROM notes WHERE id = 1",
       "DROP TABLE notes"});
}

work::v1::Migration Totals() {
  return MakeMigration("2", "totals",
                       {"UPDATE orders SET total = total + 1",
                        "INSERT INTO orders VALUES (3, 30, 'x')", "CREATE TABLE tags (id INT)"},
                       {"DROP TABLE tags", "DELETE FROM orders WHERE id = 3",
                        "UPDATE orders SET total = total - 1"});
}

work::v1::Migration Index() {
  return MakeMigration(
      "3", "index",
      {"CREATE INDEX CONCURRENTLY idx_total ON orders (total)",
       "UPDATE orders SET total = total + 10"},
      {"UPDATE orders SET total = total - 10", "DROP INDEX CONCURRENTLY idx_total"});
}

work::v1::Migration Failing() {
  return MakeMigration("4", "failing",
                       {"SET FOREIGN_KEY_CHECKS = 0", "ALTER TABLE orders ADD COLUMN extra INT",
                        "INSERT INTO missing VALUES (1)"},
                       {"DELETE FROM missing WHERE id = 1", "ALTER TABLE orders DROP COLUMN extra",
                        "SET FOREIGN_KEY_CHECKS = 1"});
}

work::v1::Migration Found() {
  return MakeMigration("1", "found",
                       {"CREATE TABLE IF NOT EXISTS orders (id INT)", "CREATE TABLE c (id INT)"},
                       {"DROP TABLE c", "DROP TABLE orders"});
}

std::vector<Scenario> Scenarios() {
  const auto maria = sql::Dialect::kMariaDb;
  const auto postgres = sql::Dialect::kPostgres;
  const auto unmirrored = MakeMigration(
      "5", "unmirrored",
      {"CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)", "INSERT INTO missing VALUES (1)"},
      {"DROP TABLE b", "DROP TABLE a"});
  // `orders` was there before, and the down part is written in the up part's order.
  const auto found =
      MakeMigration("6", "found",
                    {"CREATE TABLE IF NOT EXISTS orders (id INT)",
                     "CREATE TABLE IF NOT EXISTS c (id INT)", "INSERT INTO missing VALUES (1)"},
                    {"DROP TABLE orders", "DROP TABLE c", "DELETE FROM missing"});
  const auto opaque = MakeMigration(
      "5", "opaque", {"CREATE TABLE a (id INT)", "CALL fill", "CREATE TABLE b (id INT)"},
      {"DROP TABLE b", "DELETE FROM a", "DROP TABLE a"});
  return {
      {"maria_up", maria, {}, Up({Notes(), Totals()})},
      {"maria_down", maria, {Notes(), Totals()}, Down({Notes(), Totals()}, {"1", "2"})},
      {"maria_fails", maria, {}, Up({Notes(), Totals(), Failing()}), true},
      {"maria_unmirrored_fails", maria, {}, Up({unmirrored}), true},
      {"maria_found_fails", maria, {}, Up({found}), true},
      {"maria_found_then_fails", maria, {}, Up({Found(), Failing()}), true},
      {"postgres_found_then_fails", postgres, {}, Up({Found(), Failing()}), true},
      {"maria_opaque", maria, {}, Up({opaque}), false, true},
      {"maria_cancelled", maria, {}, Up({Notes(), Totals()}), true, false, true},
      {"postgres_up", postgres, {}, Up({Notes(), Totals(), Index()})},
      {"postgres_down",
       postgres,
       {Notes(), Totals(), Index()},
       Down({Notes(), Totals(), Index()}, {"1", "2", "3"})},
      {"postgres_fails", postgres, {}, Up({Notes(), Totals(), Index(), Failing()}), true},
      {"postgres_cancelled", postgres, {}, Up({Notes(), Index()}), true, false, true},
  };
}

// One server and one attempt, with deaths at given operations.
class Story {
 public:
  explicit Story(const Scenario& scenario) : scenario_(scenario), world_(scenario.dialect) {
    world_.server.procedures["CALL fill"] = {"INSERT INTO a VALUES (1)",
                                             "INSERT INTO a VALUES (2)"};
    if (!scenario.before.empty()) {
      EXPECT_EQ(world_.Run(Up(scenario.before), 1).outcome, OUTCOME_SUCCEEDED);
    }
    initial_ = world_.server.Dump();
    effects_before_ = world_.server.effects();
    world_.server.ops = 0;
  }

  // Runs the attempt; each entry of `faults` strikes once, at its operation counted from there.
  // After every death of the agent it is started again and recovers.
  ActionResult Play(std::map<int, Fault> faults) {
    struck_ = 0;
    world_.server.fault = [this, faults](int op, absl::string_view) {
      const auto it = faults.find(op);
      if (it == faults.end() || !spent_.insert(op).second) return Fault::kNone;
      ++struck_;
      return it->second;
    };
    AttemptContext context(world_.engine, 2, &world_.server);
    if (scenario_.cancel) {
      context.set_may_go_on_hook([](int call) {
        return call < 3 ? absl::OkStatus() : Error(absl::StatusCode::kCancelled, "", "cancelled");
      });
    }
    ActionResult result = world_.action.Run(context, scenario_.spec);
    std::string checkpoint = context.last_checkpoint();
    while (world_.server.agent_dead) {
      world_.server.RestartAgent();
      AttemptContext next(world_.engine, 2, &world_.server);
      result = world_.action.Recover(next, scenario_.spec, checkpoint);
    }
    return result;
  }

  int ops() const { return world_.server.ops; }
  int struck() const { return struck_; }

  void Check(const ActionResult& result) {
    CheckEffects();
    if (result.outcome == OUTCOME_SUCCEEDED) {
      EXPECT_FALSE(scenario_.fails);
      EXPECT_EQ(world_.server.AppliedVersions(), ExpectedVersions());
      EXPECT_NE(world_.server.Dump(), initial_);
      return;
    }
    if (result.outcome == OUTCOME_INTERRUPTED) {
      EXPECT_TRUE(scenario_.may_be_unknown) << result.error_message;
      EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN");
      return;
    }
    EXPECT_NE(result.error_reason, "ROLLBACK_INCOMPLETE") << result.error_message;
    EXPECT_EQ(world_.server.Dump(), initial_)
        << result.error_reason << ": " << result.error_message;
    EXPECT_TRUE(result.result.migrate().remaining_versions().empty());
    EXPECT_FALSE(result.error_message.empty());
  }

 private:
  void CheckEffects() {
    for (const auto& [statement, count] : world_.server.effects()) {
      // The records' own statements and session settings may repeat.
      if (absl::StrContains(statement, "dbfleet_") || absl::StartsWith(statement, "SET ")) continue;
      const auto before = effects_before_.find(statement);
      const int earlier = before == effects_before_.end() ? 0 : before->second;
      EXPECT_LE(count - earlier, 1) << "executed twice: " << statement;
    }
  }
  std::string ExpectedVersions() const {
    if (scenario_.spec.migrate().direction() == work::v1::MIGRATE_DIRECTION_DOWN) return "";
    std::string text;
    for (const auto& migration : scenario_.spec.migrate().migrations()) {
      absl::StrAppend(&text, migration.version(), "|\n");
    }
    return text;
  }

  const Scenario scenario_;
  World world_;
  std::string initial_;
  std::map<std::string, int> effects_before_;
  std::set<int> spent_;
  int struck_ = 0;
};

class MigrateCrashTest : public testing::TestWithParam<Scenario> {};

INSTANTIATE_TEST_SUITE_P(All, MigrateCrashTest, testing::ValuesIn(Scenarios()),
                         [](const auto& info) { return info.param.name; });

TEST_P(MigrateCrashTest, WithoutFaultsItEndsAsItShould) {
  Story story(GetParam());
  const ActionResult result = story.Play({});
  story.Check(result);
  EXPECT_EQ(result.outcome == OUTCOME_SUCCEEDED, !GetParam().fails) << result.error_message;
}

TEST_P(MigrateCrashTest, OneDeathAnywhereBreaksNothing) {
  for (const Fault fault : {Fault::kCutBefore, Fault::kCutAfter, Fault::kRunsOn, Fault::kAgentDies,
                            Fault::kAgentDiesAfter, Fault::kAgentDiesRunsOn}) {
    int op = 0;
    for (; op < kMaxOps; ++op) {
      SCOPED_TRACE(absl::StrCat("fault ", static_cast<int>(fault), " at operation ", op));
      Story story(GetParam());
      story.Check(story.Play({{op, fault}}));
      if (story.struck() == 0) break;
      ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(op, 20);
    EXPECT_LT(op, kMaxOps);
  }
}

// A sample: primes, so that the two deaths meet all pairs of places over the scenarios.
TEST_P(MigrateCrashTest, ASecondDeathWhileSettlingBreaksNothing) {
  for (const Fault first : {Fault::kCutAfter, Fault::kAgentDiesRunsOn}) {
    for (const Fault second : {Fault::kCutAfter, Fault::kAgentDies, Fault::kAgentDiesAfter}) {
      int struck = 2;
      for (int op = static_cast<int>(second); struck > 0 && op < kMaxOps; op += 17) {
        for (int gap = 1 + op % 3; gap < kMaxOps; gap += 11) {
          SCOPED_TRACE(absl::StrCat("faults ", static_cast<int>(first), ", ",
                                    static_cast<int>(second), " at ", op, ", ", op + gap));
          Story story(GetParam());
          story.Check(story.Play({{op, first}, {op + gap, second}}));
          ASSERT_FALSE(HasFailure());
          struck = story.struck();
          if (struck < 2) break;
        }
      }
      EXPECT_EQ(struck, 0);
    }
  }
}

}  // namespace
}  // namespace dbfleet::agent
