#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"

#include "tests/unit/common/sql/lint_cases.h"

// Which alterations of one table are advised to stand in one statement: those that the servers take
// so, and that come to the same. Tried on PostgreSQL 15 and MariaDB 10.11.
namespace dbfleet::sql {
namespace {

std::vector<std::string> Merged(const Target& target, absl::string_view script) {
  std::vector<std::string> merged;
  for (std::string& found : Found(target, script)) {
    if (absl::StartsWith(found, "dbf-merge-alters")) merged.push_back(std::move(found));
  }
  return merged;
}

TEST(MergeAltersTest, WhatPostgresTakesInNoListStaysApart) {
  for (const char* script : {
           "ALTER TABLE t RENAME COLUMN a TO b; ALTER TABLE t ADD COLUMN c int",
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t RENAME COLUMN a TO b",
           "ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME c TO d",
           "ALTER TABLE t RENAME CONSTRAINT a TO b; ALTER TABLE t ADD COLUMN c int",
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t SET SCHEMA s",
           "ALTER TABLE t ATTACH PARTITION a DEFAULT; ALTER TABLE t ADD UNIQUE (id)",
           "ALTER TABLE t DETACH PARTITION a; ALTER TABLE t DETACH PARTITION b",
           "ALTER TABLE t DISABLE TRIGGER ALL; ALTER TABLE t ADD COLUMN c int",
           "ALTER TABLE ONLY t ADD CHECK (a > 0); ALTER TABLE t ADD COLUMN c int",
       }) {
    EXPECT_THAT(Merged(Postgres(), script), testing::IsEmpty()) << script;
  }
}

TEST(MergeAltersTest, WhatMariaDbTakesInNoListStaysApart) {
  for (const char* script : {
           "ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (1));"
           "ALTER TABLE t ADD PARTITION (PARTITION q VALUES LESS THAN (2))",
           "ALTER TABLE t ADD COLUMN c INT; ALTER TABLE t DROP PARTITION p",
           "ALTER TABLE t DISCARD TABLESPACE; ALTER TABLE t IMPORT TABLESPACE",
           "ALTER TABLE t ALTER INDEX i IGNORED; ALTER TABLE t DROP INDEX i",
           "ALTER TABLE t DISABLE KEYS; ALTER TABLE t ENABLE KEYS",
           "ALTER TABLE t DISABLE KEYS; INSERT INTO t VALUES (1); ALTER TABLE t ENABLE KEYS",
           "ALTER TABLE t ORDER BY a; ALTER TABLE t ADD COLUMN c INT",
           "ALTER TABLE t ADD COLUMN c INT; ALTER TABLE t ADD COLUMN c INT",
           "ALTER TABLE t DROP FOREIGN KEY f;"
           "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (id)",
           "ALTER TABLE t RENAME TO u; ALTER TABLE u ADD COLUMN c INT",
           "ALTER TABLE t ADD COLUMN c INT; RENAME TABLE t TO u; ALTER TABLE u ADD COLUMN d INT",
       }) {
    EXPECT_THAT(Merged(Maria(), script), testing::IsEmpty()) << script;
  }
}

TEST(MergeAltersTest, StepsThatNeedEachOtherStayApart) {
  for (const char* script : {
           // The rows are filled between.
           "ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1 WHERE id < 5;"
           "ALTER TABLE t ALTER c SET NOT NULL",
           "ALTER TABLE t ADD COLUMN c int; UPDATE t SET c = 1 WHERE id < 5;"
           "ALTER TABLE t DROP COLUMN d",
           "ALTER TABLE t ADD COLUMN c int;"
           "WITH x AS (UPDATE t SET c = 1 WHERE id < 5 RETURNING id) SELECT * FROM x;"
           "ALTER TABLE t DROP COLUMN d",
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t DROP COLUMN c",
           "ALTER TABLE t ADD COLUMN c int DEFAULT 0; ALTER TABLE t ALTER c DROP DEFAULT",
           "ALTER TABLE t ADD COLUMN c int; CREATE UNIQUE INDEX CONCURRENTLY i ON t (c);"
           "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i",
       }) {
    EXPECT_THAT(Merged(Postgres(), script), testing::IsEmpty()) << script;
  }
}

TEST(MergeAltersTest, WhatMayStandTogetherIsAdvised) {
  using testing::ElementsAre;
  for (const char* script : {
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t ADD COLUMN d int",
           "ALTER TABLE t ADD COLUMN c int; UPDATE u SET c = 1 WHERE id < 5;"
           "ALTER TABLE t ADD COLUMN d int",
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t ADD CHECK (c > 0) NOT VALID",
           "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t DROP COLUMN d",
       }) {
    const size_t last = static_cast<size_t>(std::count(script, script + strlen(script), ';')) + 1;
    EXPECT_THAT(Merged(Postgres(), script), ElementsAre("dbf-merge-alters " + std::to_string(last)))
        << script;
  }
  // Behind what stands alone another row of them begins.
  EXPECT_THAT(Said(Postgres(),
                   "ALTER TABLE t ADD COLUMN c int; ALTER TABLE t RENAME c TO e;"
                   "ALTER TABLE t ADD COLUMN f int; ALTER TABLE t ADD COLUMN g int"),
              testing::HasSubstr("t was altered by statement 3 already"));
  EXPECT_THAT(
      Merged(Maria(), "ALTER TABLE t ADD COLUMN c INT; ALTER TABLE t ADD COLUMN d INT AFTER c"),
      ElementsAre("dbf-merge-alters 2"));
}

}  // namespace
}  // namespace dbfleet::sql
