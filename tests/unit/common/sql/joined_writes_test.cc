#include "tests/unit/common/sql/lint_cases.h"

// UPDATE and DELETE of joined tables without a WHERE.
namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::Not;

bool ChangesEveryRow(const std::string& sql) {
  for (const char* dialect : {"mysql-8.0", "mariadb-10.11"}) {
    const auto found = Found(*ParseTarget(dialect), sql);
    if (std::find(found.begin(), found.end(), "dbf-no-where 1") != found.end()) return true;
  }
  return false;
}

TEST(JoinedWritesTest, AnInnerJoinWithAConditionRestrictsWhatItWrites) {
  for (const char* sql :
       {"UPDATE a JOIN b USING (id) SET a.x = b.x", "UPDATE a JOIN b USING (id) SET x = 1",
        "UPDATE a INNER JOIN b ON a.id = b.id SET a.x = 1",
        "UPDATE shop.a AS o JOIN shop.b p ON o.id = p.id AND p.n > 5 SET o.x = p.x, o.y = 2",
        "UPDATE a JOIN b ON b.id = a.id JOIN c ON c.id = b.id SET a.x = c.x",
        "UPDATE a JOIN b ON b.id = a.id LEFT JOIN c ON c.id = a.id SET a.x = c.x",
        "UPDATE a LEFT JOIN b ON b.id = a.id SET b.x = 1",
        "UPDATE a JOIN (SELECT id FROM c WHERE n = 1) q ON q.id = a.id SET a.x = 1",
        "DELETE o FROM orders o JOIN c ON c.id = o.cid", "DELETE a, b FROM a JOIN b ON a.id = b.id",
        "DELETE FROM a USING a JOIN b ON a.id = b.id",
        "DELETE FROM shop.a, b.* USING shop.a JOIN b ON a.id = b.id"}) {
    EXPECT_FALSE(ChangesEveryRow(sql)) << sql;
  }
}

TEST(JoinedWritesTest, WhatLeavesEveryRowInChangesEveryRow) {
  for (const char* sql : {"UPDATE a SET x = 1",
                          "UPDATE a LEFT JOIN b ON b.id = a.id SET a.x = b.x",
                          "UPDATE a LEFT JOIN b ON b.id = a.id SET x = 1",
                          "UPDATE a LEFT JOIN b ON b.id = a.id SET b.x = 1, a.x = 2",
                          "UPDATE a RIGHT JOIN b ON b.id = a.id SET b.x = 1",
                          "UPDATE a, b SET a.x = b.x",
                          "UPDATE a JOIN b SET a.x = 1",
                          "UPDATE a CROSS JOIN b SET a.x = 1",
                          "UPDATE a NATURAL JOIN b SET a.x = 1",
                          "UPDATE a JOIN b ON 1 = 1 SET a.x = 1",
                          "UPDATE a JOIN b ON TRUE SET a.x = 1",
                          "UPDATE a JOIN b ON b.n = 1 SET a.x = 1",
                          "UPDATE a JOIN b ON a.id = b.id OR 1 = 1 SET a.x = 1",
                          "UPDATE a JOIN b ON NOT (a.id = b.id) SET a.x = 1",
                          "UPDATE a JOIN a b ON a.id = b.id SET a.x = 1",
                          "UPDATE a JOIN (SELECT id FROM a) q ON q.id = a.id SET a.x = 1",
                          "UPDATE a JOIN b ON a.id = b.id JOIN c SET c.x = 1",
                          "UPDATE a LEFT JOIN b ON b.id = a.id JOIN c ON c.id = b.id SET a.x = 1",
                          "UPDATE a JOIN b USING (id) SET a.x = 1 WHERE 1 = 1",
                          "DELETE a FROM a LEFT JOIN b ON a.id = b.id",
                          "DELETE a FROM a, b",
                          "DELETE FROM a USING a LEFT JOIN b ON a.id = b.id",
                          "DELETE FROM a USING a, b",
                          "DELETE a, c FROM a JOIN b ON a.id = b.id LEFT JOIN c ON c.n = 1",
                          "DELETE FROM a"}) {
    EXPECT_TRUE(ChangesEveryRow(sql)) << sql;
  }
}

// It stays what it is: a change of data.
TEST(JoinedWritesTest, TheClassIsTheSame) {
  const Target target = *ParseTarget("mysql-8.0");
  const Statement statement = (*Split(target, "UPDATE a JOIN b USING (id) SET a.x = b.x"))[0];
  EXPECT_EQ(Read(target, statement).verdict.safety, Safety::kDestructive);
}

}  // namespace
}  // namespace dbfleet::sql
