#include "tests/unit/common/sql/lint_cases.h"

// Calls inside of loops in PHP and Ruby.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The advice of dbf-n-plus-one; "" without a finding.
std::string Advice(const char* dialect, const std::string& program) {
  const Target target = *ParseTarget(dialect);
  const LintConfig config;
  Linter linter(target, config, nullptr);
  const auto statements = Split(target, program);
  for (const Statement& statement : *statements) {
    linter.Add(statement, Read(target, statement));
  }
  for (const Finding& finding : linter.Finish()) {
    if (finding.rule_id == "dbf-n-plus-one") return finding.advice;
  }
  return "";
}

TEST(LoopTest, WritesOfManyRowsAreTheBatchThatIsWanted) {
  for (const char* call : {"Order.insert_all(slice)", "Order.upsert_all(slice)"}) {
    EXPECT_THAT(Advice("activerecord-ruby",
                       "User.all.each_slice(100) do |slice|\n  " + std::string(call) + "\nend"),
                IsEmpty())
        << call;
  }
  EXPECT_THAT(Advice("activerecord-php",
                     "<?php foreach (User::all() as $u) { $em->persist(new Order($u)); }"),
              IsEmpty());
  // One row each is not.
  EXPECT_THAT(Advice("activerecord-ruby", "users.each do |u|\n  Order.create(user_id: u.id)\nend"),
              HasSubstr("insert_all"));
}

TEST(LoopTest, TheAdviceIsInTheProgramsLanguage) {
  const std::string ruby =
      Advice("activerecord-ruby", "users.each do |u|\n  Order.where(user_id: u.id).first\nend");
  EXPECT_THAT(ruby, HasSubstr("includes(...)"));
  const std::string php =
      Advice("activerecord-php",
             "<?php foreach (User::all() as $u) { Order::where('user_id', $u->id)->first(); }");
  EXPECT_THAT(php, HasSubstr("with(...)"));
  EXPECT_THAT(php, Not(HasSubstr("includes")));
  EXPECT_THAT(Advice("activerecord-php",
                     "<?php foreach (User::all() as $u) { Order::create(['user_id' => $u->id]); }"),
              HasSubstr("insert("));
}

}  // namespace
}  // namespace dbfleet::sql
