#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// The reasons of one statement say one thing.
namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Of the last statement of a file.
Verdict LastVerdict(Dialect dialect, absl::string_view file) {
  const auto statements = Split(Target(dialect), file);
  EXPECT_TRUE(statements.ok()) << file;
  if (!statements.ok() || statements->empty()) return {};
  return Read(dialect, statements->back()).verdict;
}

TEST(HostReasonsTest, WhatAMigrationCallsIsKnown) {
  for (absl::string_view code : {"add_column :orders, :note, :string",
                                 "class AddNote < ActiveRecord::Migration[7.1]\n  def change\n"
                                 "    add_column :orders, :note, :string\n  end\nend"}) {
    const Verdict verdict = LastVerdict(kRuby, code);
    EXPECT_THAT(verdict.reasons, ElementsAre("add_column changes the schema")) << code;
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << code;
    EXPECT_TRUE(verdict.understood) << code;
  }
  EXPECT_THAT(LastVerdict(kRuby, "create_table :orders do |t|\n  t.string :note\nend").reasons,
              ElementsAre("create_table changes the schema"));
}

TEST(HostReasonsTest, InAnotherClassTheSameNameMayBeOfAnotherMethod) {
  const Verdict verdict =
      LastVerdict(kRuby, "class Importer\n  def run\n    add_column :orders, :note\n  end\nend");
  EXPECT_FALSE(verdict.understood);
  EXPECT_THAT(verdict.reasons,
              ElementsAre("add_column changes the schema",
                          "calls add_column, which is judged as ActiveRecord's: whether it is that "
                          "method is not seen"));
}

TEST(HostReasonsTest, AMethodOfTheTableIsNotCalledUnknownForItsReceiver) {
  for (absl::string_view code :
       {"User::find(1); function purge(Order $order) { $order->where('a', 1)->delete(); }",
        "class Order extends Model { public function delete() { return parent::delete(); } } "
        "function purge(Order $order) { $order->delete(); }",
        "function purge(Order $order) { $order->delete(); }"}) {
    const Verdict verdict = LastVerdict(kPhp, code);
    EXPECT_THAT(verdict.reasons, Contains("delete deletes rows")) << code;
    EXPECT_THAT(verdict.reasons, Not(Contains(HasSubstr("is not known")))) << code;
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << code;
  }
}

TEST(HostReasonsTest, ACallThatNobodyKnowsIsCalledSoOnce) {
  EXPECT_THAT(LastVerdict(kPhp, "function close(Order $order) { $order->archive(); }").reasons,
              ElementsAre("calls archive, which is not known and may write"));
}

}  // namespace
}  // namespace dbfleet::sql
