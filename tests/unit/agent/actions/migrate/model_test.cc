#include "agent/actions/migrate/model.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/actions/migrate/select.h"
#include "tests/unit/agent/actions/migrate/migrate_test_util.h"

namespace dbfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

work::v1::Migration Simple(const std::string& version) {
  return MakeMigration(version, "m" + version, {"CREATE TABLE t" + version + " (id INT)"},
                       {"DROP TABLE t" + version});
}

HistoryRow Applied(const work::v1::Migration& migration) {
  return {migration.version(), migration.name(), migration.up().sha256(), "applied", "old", 0};
}

absl::StatusOr<MigrationModel> Build(const work::v1::JobSpec& spec,
                                     std::vector<HistoryRow> history = {},
                                     sql::Dialect dialect = sql::Dialect::kMariaDb,
                                     const std::string& server_version = "") {
  RETURN_IF_ERROR(ValidateSpec(spec.migrate()));
  ModelInput input;
  input.spec = &spec.migrate();
  input.database = "app";
  input.dialect = dialect;
  input.server_version = server_version;
  input.transactional_ddl = dialect == sql::Dialect::kPostgres;
  input.atomic_data = true;
  input.history = std::move(history);
  input.content = [](const work::v1::ContentRef& ref) -> absl::StatusOr<std::string> {
    return ref.inline_();
  };
  return BuildModel(input);
}

std::vector<std::string> Versions(const MigrationModel& model) {
  std::vector<std::string> versions;
  for (const VersionUnit& unit : model.units) versions.push_back(unit.version());
  return versions;
}

TEST(CompareVersionsTest, LeadingZerosDoNotCountAndLengthWins) {
  EXPECT_EQ(CompareVersions("7", "007"), 0);
  EXPECT_LT(CompareVersions("9", "10"), 0);
  EXPECT_GT(CompareVersions("20260102030405", "0999"), 0);
  EXPECT_LT(CompareVersions("18446744073709551615", "99999999999999999999"), 0);
  EXPECT_EQ(CompareVersions("0", "000"), 0);
}

TEST(BuildModelTest, UpTakesWhatIsPendingInOrderAndRollsBackNewestFirst) {
  const auto model = Build(Up({Simple("1"), Simple("2"), Simple("3")}), {Applied(Simple("1"))});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Versions(*model), ElementsAre("2", "3"));
  EXPECT_EQ(model->units[0].forward[0].index, 0);
  EXPECT_EQ(model->units[1].forward[0].index, 1);
  EXPECT_EQ(model->units[1].backward[0].index, 0);
  EXPECT_EQ(model->units[0].backward[0].index, 1);
}

// VALUES is a statement since MariaDB 10.3; an unknown version is the worst.
TEST(BuildModelTest, StatementsAreReadForTheServersVersion) {
  const auto spec = Up({MakeMigration("1", "m1", {"VALUES (1)"}, {"VALUES (2)"})});
  const auto understood = [&](const std::string& version) {
    const auto model = Build(spec, {}, sql::Dialect::kMariaDb, version);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() && model->units[0].forward[0].verdict.understood;
  };
  EXPECT_TRUE(understood("10.11.6-MariaDB-0+deb12u1"));
  EXPECT_FALSE(understood(""));
  EXPECT_FALSE(understood("no version"));
  EXPECT_FALSE(understood("99.1.2-MariaDB")) << "there are no rules for it";
}

TEST(BuildModelTest, ARolledBackVersionIsPendingAgain) {
  HistoryRow row = Applied(Simple("1"));
  row.state = "rolled_back";
  row.checksum = "of an older file";
  const auto model = Build(Up({Simple("1")}), {row});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Versions(*model), ElementsAre("1"));
}

TEST(BuildModelTest, AChangedFileOfAnAppliedVersionIsRefusedByVersionAndFile) {
  HistoryRow row = Applied(Simple("1"));
  row.checksum = std::string(64, '0');
  for (const auto& spec : {Up({Simple("1"), Simple("2")}), Down({Simple("1")}, {"1"})}) {
    const auto model = Build(spec, {row});
    EXPECT_EQ(ReasonOf(model.status()), "CHECKSUM_MISMATCH");
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("version 1 (1_m1.up.sql)"));
  }
}

TEST(BuildModelTest, AVersionBelowTheHighestAppliedOneIsRefusedUnlessAllowed) {
  auto spec = Up({Simple("1"), Simple("2")});
  EXPECT_EQ(ReasonOf(Build(spec, {Applied(Simple("2"))}).status()), "OUT_OF_ORDER");
  spec.mutable_migrate()->set_allow_out_of_order(true);
  const auto model = Build(spec, {Applied(Simple("2"))});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Versions(*model), ElementsAre("1"));
}

TEST(BuildModelTest, DownTakesTheNamedVersionsOutNewestFirst) {
  const std::vector<HistoryRow> history = {Applied(Simple("1")), Applied(Simple("2")),
                                           Applied(Simple("3"))};
  const auto files = std::vector{Simple("1"), Simple("2"), Simple("3")};
  const auto model = Build(Down(files, {"2", "3"}), history);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(Versions(*model), ElementsAre("3", "2"));
  EXPECT_EQ(model->units[0].forward[0].text, "DROP TABLE t3");
  EXPECT_EQ(model->units[0].backward[0].text, "CREATE TABLE t3 (id INT)");
  EXPECT_EQ(model->units[0].after.state, "rolled_back");
  EXPECT_EQ(model->units[0].before.state, "applied");
}

// Of the change that is taken back a target has a part, which no history tells.
TEST(BuildModelTest, WhatWasLeftHalfWayIsNothingThatIsDone) {
  const auto files = std::vector{Simple("1")};
  auto down = Down(files, {"1"});
  EXPECT_TRUE(Build(down, {})->unsettled.empty());
  down.mutable_migrate()->add_unsettled_versions("1");
  const auto half = Build(down, {});
  ASSERT_TRUE(half.ok()) << half.status();
  EXPECT_THAT(half->unsettled, ElementsAre("1"));
  EXPECT_THAT(half->warnings, ElementsAre(HasSubstr("left version 1 half-way")));
  const auto whole = Build(down, {Applied(Simple("1"))});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_THAT(whole->unsettled, ElementsAre()) << "here it is whole, and can be taken out";
  // A change that takes versions out may be left half-way as well.
  auto up = Up(files);
  up.mutable_migrate()->add_unsettled_versions("1");
  EXPECT_THAT(Build(up, {Applied(Simple("1"))})->unsettled, ElementsAre("1"));
  EXPECT_THAT(Build(up, {})->unsettled, ElementsAre());
}

TEST(BuildModelTest, DownRefusesWhatItCannotTakeOut) {
  const auto files = std::vector{Simple("1"), Simple("2")};
  const std::vector<HistoryRow> both = {Applied(Simple("1")), Applied(Simple("2"))};
  EXPECT_EQ(ReasonOf(Build(Down(files, {"1"}), both).status()), "OUT_OF_ORDER");
  EXPECT_EQ(ReasonOf(Build(Down(files, {"1", "2"}), {both[0]}).status()), "VERSION_NOT_APPLIED");
  EXPECT_EQ(ReasonOf(Build(Down(files, {"9"}), both).status()), "VERSION_UNKNOWN");
  const auto final = MakeMigration("3", "final", {"DROP TABLE t1"}, {});
  EXPECT_EQ(ReasonOf(Build(Down({final}, {"3"}), {Applied(final)}).status()), "IRREVERSIBLE");
}

TEST(BuildModelTest, DownOfVersionsThatAreAllAbsentIsNothingToDo) {
  const auto model = Build(Down({Simple("1")}, {"1"}), {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->units.empty());
}

TEST(BuildModelTest, ErrorsNameFileAndLine) {
  auto bad = MakeMigration("1", "x", {"CREATE TABLE a (id INT)", "COMMIT"}, {"DROP TABLE a"});
  auto model = Build(Up({bad}));
  EXPECT_EQ(ReasonOf(model.status()), "FORBIDDEN_STATEMENT");
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("1_x.up.sql:2"));

  bad = MakeMigration("1", "x", {"CREATE TABLE a (id INT)"}, {"DROP TABLE a", "USE b"});
  EXPECT_THAT(std::string(Build(Up({bad})).status().message()), HasSubstr("1_x.down.sql:2"));

  bad = MakeMigration("1", "x", {"SELECT 'open"}, {"DROP TABLE a"});
  model = Build(Up({bad}));
  EXPECT_EQ(ReasonOf(model.status()), "BAD_SQL");
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("1_x.up.sql"));

  bad = MakeMigration("1", "x", {"-- only a remark"}, {"DROP TABLE a"});
  EXPECT_EQ(ReasonOf(Build(Up({bad})).status()), "EMPTY_MIGRATION");
}

TEST(BuildModelTest, PostgresVersionsAreOneTransactionUnlessAStatementForbidsIt) {
  const auto plain = MakeMigration(
      "1", "a", {"CREATE TABLE a (id int)", "INSERT INTO a VALUES (1)"}, {"DROP TABLE a"});
  const auto index = MakeMigration("2", "b", {"CREATE INDEX CONCURRENTLY i ON a (id)"},
                                   {"DROP INDEX CONCURRENTLY i"});
  const auto model = Build(Up({plain, index}), {}, sql::Dialect::kPostgres);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->units[0].forward_atomic);
  EXPECT_TRUE(model->units[0].backward_atomic);
  EXPECT_FALSE(model->units[1].forward_atomic);
  EXPECT_FALSE(model->units[1].backward_atomic);
  EXPECT_FALSE(Build(Up({plain}))->units[0].forward_atomic) << "MariaDB has no transactional DDL";
}

bool Mirrored(const std::vector<std::string>& up, const std::vector<std::string>& down,
              sql::Dialect dialect = sql::Dialect::kMariaDb) {
  const auto model = Build(Up({MakeMigration("1", "a", up, down)}), {}, dialect);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() && model->units[0].mirrored;
}

TEST(BuildModelTest, AMirrorIsToldByVerbAndObjectWhateverTheOrder) {
  EXPECT_TRUE(Mirrored({"CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)"},
                       {"DROP TABLE `b`", "DROP TABLE IF EXISTS app.a"}));
  EXPECT_TRUE(Mirrored({"CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)"},
                       {"DROP TABLE a", "DROP TABLE b"}));
  EXPECT_TRUE(Mirrored({"ALTER TABLE t ADD COLUMN a INT, ADD INDEX i (a)",
                        "CREATE UNIQUE INDEX u ON t (b)", "RENAME TABLE x TO y"},
                       {"ALTER TABLE y RENAME TO x", "ALTER TABLE t DROP KEY u",
                        "ALTER TABLE t DROP INDEX i, DROP a"}));
  EXPECT_TRUE(Mirrored(
      {"CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY k ON t (b)"},
      {"DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY k"}, sql::Dialect::kPostgres));
}

TEST(BuildModelTest, EqualCountsAreNoMirror) {
  EXPECT_FALSE(Mirrored({"ALTER TABLE t ADD a INT"}, {"ALTER TABLE t DROP b"}));
  EXPECT_FALSE(
      Mirrored({"CREATE TABLE a (id INT)"}, {"DROP TABLE other.a"}, sql::Dialect::kPostgres));
  EXPECT_FALSE(Mirrored({"CREATE TABLE a (id INT)"}, {"DROP VIEW a"}));
  EXPECT_FALSE(Mirrored({"ALTER TABLE t ADD INDEX (a)"}, {"ALTER TABLE t DROP INDEX a"}));
  EXPECT_FALSE(Mirrored({"CREATE OR REPLACE VIEW v AS SELECT 1"}, {"DROP VIEW v"}));
  // Which DELETE belongs to which INSERT is not told.
  EXPECT_FALSE(Mirrored({"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"},
                        {"DELETE FROM t WHERE id = 1", "DELETE FROM t WHERE id = 2"}));
  EXPECT_FALSE(Mirrored({"CREATE INDEX CONCURRENTLY i ON t (a)"}, {"DROP INDEX CONCURRENTLY k"},
                        sql::Dialect::kPostgres));
  EXPECT_FALSE(
      Mirrored({"CREATE TABLE a (i int)"}, {"DROP TABLE a CASCADE"}, sql::Dialect::kPostgres));
}

TEST(BuildModelTest, ThePlanWarnsOfWhatWillNotBeTakenBackByItself) {
  const auto shorter = MakeMigration(
      "1", "a", {"CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)"}, {"DROP TABLE a, b"});
  EXPECT_THAT(Build(Up({shorter}))->warnings, ElementsAre(HasSubstr("do not mirror")));
  const auto twice =
      MakeMigration("1", "a", {"ALTER TABLE t ADD IF NOT EXISTS a INT, ADD IF NOT EXISTS b INT"},
                    {"ALTER TABLE t DROP a, DROP b"});
  EXPECT_THAT(Build(Up({twice}))->warnings, ElementsAre(HasSubstr("not taken back automatically")));
  const auto once =
      MakeMigration("1", "a", {"ALTER TABLE t ADD IF NOT EXISTS a INT"}, {"ALTER TABLE t DROP a"});
  EXPECT_TRUE(Build(Up({once}))->warnings.empty());
}

TEST(BuildModelTest, IrreversibleVersionsAndMissingFilesAreSaid) {
  const auto final = MakeMigration("2", "final", {"DROP TABLE t1"}, {});
  const auto model = Build(Up({final}), {Applied(Simple("1"))});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(model->irreversible, ElementsAre("version 2 (final): rows are gone"));
  EXPECT_THAT(model->warnings, ElementsAre(HasSubstr("without a file in this set: version 1")));
}

TEST(ValidateSpecTest, BrokenSpecificationsAreRefused) {
  const auto refused = [](const work::v1::JobSpec& spec) {
    return ReasonOf(ValidateSpec(spec.migrate())) == "BAD_MIGRATION";
  };
  EXPECT_TRUE(refused(work::v1::JobSpec()));
  EXPECT_TRUE(refused(Up({Simple("2"), Simple("1")})));
  EXPECT_TRUE(refused(Up({Simple("7"), Simple("007")})));
  EXPECT_TRUE(refused(Up({Simple("1a")})));
  EXPECT_TRUE(refused(Down({Simple("1")}, {})));
  EXPECT_TRUE(refused(Down({Simple("1")}, {"1", "01"})));
  auto client = Up({Simple("1")});
  client.mutable_migrate()->set_database_kind(work::v1::DATABASE_KIND_CLIENT);
  EXPECT_TRUE(refused(client));
  client.mutable_migrate()->set_account_id("a1");
  EXPECT_FALSE(refused(client));
  auto no_down = Simple("1");
  no_down.clear_down();
  EXPECT_TRUE(refused(Up({no_down})));
}

TEST(HistoryBeforeTest, RowsOfTheAttemptGoBackToTheirFormerState) {
  const std::vector<HistoryRow> rows = {{"1", "", "", "applied", "old", 0},
                                        {"2", "", "", "applied", "me", 0},
                                        {"3", "", "", "rolled_back", "me", 0}};
  const auto up = HistoryBefore(rows, "me", work::v1::MIGRATE_DIRECTION_UP);
  EXPECT_EQ(up[0].state, "applied");
  EXPECT_EQ(up[1].state, "rolled_back");
  EXPECT_EQ(up[2].state, "rolled_back");
  const auto down = HistoryBefore(rows, "me", work::v1::MIGRATE_DIRECTION_DOWN);
  EXPECT_EQ(down[1].state, "applied");
  EXPECT_EQ(down[2].state, "applied");
}

}  // namespace
}  // namespace dbfleet::agent
