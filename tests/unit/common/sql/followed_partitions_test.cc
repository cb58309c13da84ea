#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// What a series of migrations leaves of partitioned tables to its later files. As tried on
// PostgreSQL 15.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

LiveTable Table(const std::string& name, bool partitioned) {
  LiveTable table;
  table.name = {"app", name};
  table.rows = 50'000;
  table.partitioned = partitioned;
  table.columns = {{"id", "bigint", false}, {"at", "date", false}, {"kind", "text"}};
  table.indexes = {{name + "_pkey", {"id", "at"}, true, true}};
  return table;
}

const SchemaSnapshot& Live() {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->complete = true;
    made->Add(Table("events", true));
    made->Add(Table("plain", false));
    return made;
  }();
  return snapshot;
}

// All that is said of the last one of the files, which are run one after the other.
std::string OfLast(const std::vector<std::string>& files) {
  const LintConfig config;
  std::optional<FollowedSchema> left;
  std::string said;
  for (const std::string& file : files) {
    Linter::Options options;
    options.before = left;
    Linter linter(Postgres(), config, &Live(), options);
    ScriptReader reader(Postgres());
    const auto statements = Split(Postgres(), file);
    for (const Statement& statement : *statements) linter.Add(statement, reader.Read(statement));
    said.clear();
    for (const Finding& finding : linter.Finish()) {
      absl::StrAppend(&said, finding.rule_id, ": ", finding.message, ": ", finding.advice, "\n");
    }
    left = linter.TakeLeft(true);
  }
  return said;
}

constexpr char kLog[] =
    "CREATE TABLE app.log (id bigint NOT NULL, at date NOT NULL, kind text, PRIMARY KEY (id, at)) "
    "PARTITION BY RANGE (at)";

TEST(FollowedPartitionsTest, ALaterFileKnowsWhatAnEarlierOnePartitioned) {
  EXPECT_THAT(OfLast({kLog, "CREATE INDEX idx_log_at ON app.log (at)"}),
              AllOf(HasSubstr("CREATE INDEX idx_log_at ON ONLY app.log (at); then on each"),
                    Not(HasSubstr("write CREATE INDEX CONCURRENTLY"))));
  for (const char* refused :
       {"CREATE INDEX CONCURRENTLY idx_log_at ON app.log (at)",
        "ALTER TABLE app.log ADD FOREIGN KEY (id) REFERENCES app.plain (id) NOT VALID"}) {
    EXPECT_THAT(OfLast({kLog, refused}), HasSubstr("dbf-partitioned-refusal")) << refused;
    EXPECT_THAT(OfLast({kLog, "SELECT 1", refused}), HasSubstr("dbf-partitioned-refusal"))
        << refused;
  }
  EXPECT_THAT(OfLast({kLog, "ALTER TABLE app.log ADD FOREIGN KEY (kind) REFERENCES app.k (id)"}),
              HasSubstr("write of each partition first ADD CONSTRAINT"));
  EXPECT_THAT(
      OfLast({kLog, "CREATE INDEX i ON ONLY app.log (kind)", "DROP INDEX CONCURRENTLY app.i"}),
      HasSubstr("dbf-partitioned-refusal"));
}

TEST(FollowedPartitionsTest, ATableIsPartitionedUnderItsNewNameToo) {
  const std::string index = "CREATE INDEX CONCURRENTLY i ON app.e (kind)";
  const std::string rename = "ALTER TABLE app.events RENAME TO e";
  EXPECT_THAT(OfLast({rename, index}), HasSubstr("dbf-partitioned-refusal"));
  EXPECT_THAT(OfLast({rename + ";" + index}), HasSubstr("dbf-partitioned-refusal"));
  EXPECT_THAT(OfLast({kLog, "ALTER TABLE app.log RENAME TO e", index}),
              HasSubstr("dbf-partitioned-refusal"));
  EXPECT_THAT(OfLast({"ALTER TABLE app.plain RENAME TO e", index}),
              Not(HasSubstr("dbf-partitioned-refusal")));
  // What bears the old name then is another one.
  EXPECT_THAT(OfLast({rename, "CREATE TABLE app.events (id bigint PRIMARY KEY, kind text)",
                      "CREATE INDEX CONCURRENTLY i ON app.events (kind)"}),
              Not(HasSubstr("dbf-partitioned-refusal")));
}

TEST(FollowedPartitionsTest, APartitionShowsThatTheWholeIsPartitioned) {
  SchemaSnapshot old;  // It does not know of partitions.
  old.complete = true;
  LiveTable table = Table("events", true);
  table.partitioned = std::nullopt;
  old.Add(table);
  const LintConfig config;
  for (const char* shown : {"CREATE TABLE app.p1 PARTITION OF app.events FOR VALUES IN (1)",
                            "ALTER TABLE app.events ATTACH PARTITION app.p2 DEFAULT"}) {
    Linter first(Postgres(), config, &old);
    ScriptReader reader(Postgres());
    const auto shows = Split(Postgres(), shown);
    first.Add((*shows)[0], reader.Read((*shows)[0]));
    first.Finish();
    Linter::Options options;
    options.before = first.TakeLeft(true);
    Linter second(Postgres(), config, &old, options);
    const auto indexes = Split(Postgres(), "CREATE INDEX CONCURRENTLY i ON app.events (kind)");
    second.Add((*indexes)[0], reader.Read((*indexes)[0]));
    const std::vector<Finding> findings = second.Finish();
    EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
      return finding.rule_id == "dbf-partitioned-refusal";
    })) << shown;
  }
}

TEST(FollowedPartitionsTest, AnIndexThatTheScriptMadeOfALivePartitionedTableIsOneToo) {
  EXPECT_THAT(OfLast({"CREATE INDEX i1 ON app.events (kind); DROP INDEX CONCURRENTLY app.i1"}),
              HasSubstr("refuses to drop app.i1 CONCURRENTLY"));
  EXPECT_THAT(OfLast({"CREATE INDEX i1 ON app.plain (kind); DROP INDEX CONCURRENTLY app.i1"}),
              Not(HasSubstr("dbf-partitioned-refusal")));
}

TEST(FollowedPartitionsTest, AUniqueKeyHoldsWhatItIsPartitionedBy) {
  const std::string log = absl::StrCat(kLog, ";");
  for (const char* refused : {"ALTER TABLE app.log ADD CONSTRAINT uq UNIQUE (kind)",
                              "CREATE UNIQUE INDEX uq ON app.log (kind)",
                              "CREATE UNIQUE INDEX uq ON ONLY app.log (kind)"}) {
    const std::string said = OfLast({log + refused});
    EXPECT_THAT(said, HasSubstr("refuses a unique key of app.log without at")) << refused;
    EXPECT_THAT(said, Not(HasSubstr("dbf-unique-constraint"))) << refused;
  }
  for (const char* taken :
       {"ALTER TABLE app.log ADD CONSTRAINT uq UNIQUE (kind, at)",
        "CREATE INDEX i ON app.log (kind)",
        "ALTER TABLE app.log RENAME COLUMN at TO day; CREATE UNIQUE INDEX uq ON app.log (day)",
        // By what it is partitioned nobody knows.
        "ALTER TABLE app.events ADD CONSTRAINT uq UNIQUE (kind)"}) {
    EXPECT_THAT(OfLast({log + taken}), Not(HasSubstr("dbf-partitioned-refusal"))) << taken;
  }
}

TEST(FollowedPartitionsTest, NoAdviceSaysOnlyWhereTheServerRefusesIt) {
  const std::string not_null =
      OfLast({"ALTER TABLE ONLY app.events ALTER COLUMN kind SET NOT NULL"});
  EXPECT_THAT(not_null, AllOf(HasSubstr("write ALTER TABLE app.events ADD CONSTRAINT"),
                              Not(HasSubstr("ALTER TABLE ONLY"))));
  EXPECT_THAT(OfLast({"ALTER TABLE ONLY app.plain ALTER COLUMN kind SET NOT NULL"}),
              HasSubstr("write ALTER TABLE ONLY app.plain ADD CONSTRAINT"));
  EXPECT_THAT(OfLast({"ALTER TABLE ONLY app.events ADD CONSTRAINT k CHECK (kind > '')"}),
              HasSubstr("write ALTER TABLE app.events ADD CONSTRAINT k"));
  const std::string index =
      OfLast({"CREATE INDEX CONCURRENTLY IF NOT EXISTS ie ON ONLY app.events (kind)"});
  EXPECT_THAT(index, AllOf(HasSubstr("write CREATE INDEX IF NOT EXISTS ie ON ONLY app.events"),
                           Not(HasSubstr("ONLY ONLY"))));
}

}  // namespace
}  // namespace dbfleet::sql
