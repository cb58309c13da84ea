#include "tests/unit/common/sql/lint_cases.h"

// Calls inside of loops in PHP and Ruby.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// "message; advice" of a rule; "" without a finding.
std::string SaidOf(const std::string& rule, const char* dialect, const std::string& program) {
  const Target target = *ParseTarget(dialect);
  for (const Finding& finding : Lint(target, *Split(target, program))) {
    if (finding.rule_id == rule) return finding.message + "; " + finding.advice;
  }
  return "";
}

std::string Unbounded(const char* dialect, const std::string& program) {
  return SaidOf("dbf-ar-unbounded-read", dialect, program);
}

std::string Association(const char* dialect, const std::string& program) {
  return SaidOf("dbf-association-in-loop", dialect, program);
}

constexpr char kPhp[] = "activerecord-php";
constexpr char kRuby[] = "activerecord-ruby";

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

// What stands behind the call that has loaded them makes no difference.
TEST(UnboundedReadTest, WhateverIsDoneWithTheRows) {
  for (const char* call :
       {"Order::all()", "Order::all()->count()", "Order::all()->map(function ($o) { return 1; })",
        "Order::all()->pluck('id')", "Order::all()->filter(function ($o) { return true; })",
        "Order::all()->toArray()", "Order::all()->sum('x')", "Order::all()->where('a', 1)",
        "Order::all()->take(5)", "Order::with('items')->get()->toArray()",
        "Order::orderBy('id')->get()->count()", "DB::table('orders')->get()->toArray()",
        "App\\Models\\Order::all()->count()"}) {
    EXPECT_NE(Unbounded(kPhp, std::string("<?php $x = ") + call + ";"), "") << call;
  }
  for (const char* call :
       {"Order::count()", "Order::where('a', 1)->get()->count()", "Order::find(1)",
        "Order::limit(5)->get()->toArray()", "Order::where('a', 1)->get()->map('f')",
        "Order::all(array('conditions' => array('a = ?', 1)))", "Order::paginate(20)",
        "DB::table('orders')->where('a', 1)->get()->toArray()", "Order::lazyById()"}) {
    EXPECT_EQ(Unbounded(kPhp, std::string("<?php $x = ") + call + ";"), "") << call;
  }
  for (const char* call :
       {"Order.all", "Order.all.map(&:id)", "Order.map(&:id)", "Order.all.select { |o| o.open }",
        "Order.all.sort_by(&:id)", "Order.all.group_by { |o| o.shop_id }",
        "Order.includes(:items).index_by(&:id)", "Order.all.as_json", "Order.order(:id).map(&:id)",
        "Order.all.sum { |o| o.total }", "Order.all.sum(&:total)", "Shop::Order.all.map(&:id)",
        "Order.all.each_slice(100) { |s| puts s.size }", "Order.all.map(&:id).first(5)"}) {
    EXPECT_NE(Unbounded(kRuby, std::string("x = ") + call), "") << call;
  }
  for (const char* call :
       {"Order.all.count", "Order.all.sum(:total)", "Order.where(a: 1).map(&:id)",
        "Order.limit(5).map(&:id)", "Order.first.items.map(&:id)", "Order.all.first",
        "Order.all.where(a: 1).map(&:id)", "Order.all.limit(5).to_a", "Order.recent.map(&:id)",
        "Order.find_each { |o| puts o.id }", "Order::STATES.map(&:to_s)", "Order.page(1).map(&:id)",
        "Order.group(:a).map(&:id)", "Order.find(1).items.map(&:id)", "Order.all.exists?",
        "Order.none.map(&:id)", "Order.pluck(:id)", "Order.columns.map(&:name)"}) {
    EXPECT_EQ(Unbounded(kRuby, std::string("x = ") + call), "") << call;
  }
}

TEST(UnboundedReadTest, TheAdviceIsInTheProgramsLanguage) {
  EXPECT_EQ(Unbounded(kPhp, "<?php Order::all()->count();"),
            "Order::all() loads all rows of Order; "
            "write conditions, limit($n), or in Laravel Order::lazyById()");
  EXPECT_EQ(Unbounded(kPhp, "<?php DB::table('orders')->get();"),
            "DB::table('orders')->get() loads all rows of orders; "
            "write conditions, limit($n), or in Laravel DB::table('orders')->lazyById()");
  EXPECT_EQ(Unbounded(kRuby, "Order.all.map(&:id)"),
            "Order.map loads all rows of Order; write conditions, limit(n), or Order.find_each");
  EXPECT_THAT(SaidOf("dbf-ar-without-conditions", kPhp, "<?php Order::delete_all();"),
              HasSubstr("write Order::delete_all(['conditions' => [...]])"));
  EXPECT_THAT(SaidOf("dbf-ar-without-conditions", kRuby, "Order.delete_all"),
              HasSubstr("write Order.where(...).delete_all(...)"));
  EXPECT_THAT(SaidOf("dbf-ar-no-placeholders", kPhp,
                     "<?php DB::select('SELECT id FROM orders WHERE id = 5');"),
              HasSubstr("DB::select('... WHERE id = ?', [$id])"));
}

TEST(AssociationTest, OfEachRecordOfALoop) {
  for (const char* program :
       {"foreach (Order::all() as $o) { echo $o->customer->name; }",
        "foreach (Order::where('a', 1)->get() as $o) { echo \"{$o->customer->name}\"; }",
        "foreach (Order::all() as $i => $o): echo $o->customer->email; endforeach;",
        "Order::all()->each(function ($o) { echo $o->customer->name; });",
        "$x = Order::all()->map(function ($o) use ($y) { return $o->customer->name; });"}) {
    EXPECT_THAT(Association(kPhp, std::string("<?php ") + program),
                HasSubstr("load it with the records: Order::with('customer')"))
        << program;
  }
  for (const char* program :
       {"Order.all.each { |o| puts o.customer.name }",
        "Order.where(a: 1).find_each do |order|\n  puts \"#{order.customer.name}\"\nend",
        "x = Order.all.map { |o| o.customer&.name }",
        "Order.all.each_with_index { |o, i| puts o.customer.name }"}) {
    EXPECT_THAT(Association(kRuby, program),
                HasSubstr("load it with the records: Order.includes(:customer)"))
        << program;
  }
}

TEST(AssociationTest, ValuesAndWhatIsLoadedAheadAreNone) {
  for (const char* program :
       {"foreach (Order::with('customer')->get() as $o) { echo $o->customer->name; }",
        "foreach (Order::all()->load('customer') as $o) { echo $o->customer->name; }",
        "foreach (Order::all() as $o) { echo $o->name; }",
        "foreach (Order::all() as $o) { echo $o->created_at->year; }",
        "foreach (Order::all() as $o) { echo $o->status->name; }",
        "foreach (Order::all() as $o) { echo $other->customer->name; }",
        "foreach (DB::table('orders')->get() as $o) { echo $o->customer->name; }",
        "foreach (Order::pluck('x') as $o) { echo $o->customer->name; }"}) {
    EXPECT_EQ(Association(kPhp, std::string("<?php ") + program), "") << program;
  }
  for (const char* program :
       {"Order.includes(:customer).each { |o| puts o.customer.name }",
        "Order.all.each { |o| puts o.email.downcase }", "Order.all.each { |o| puts o.class.name }",
        "Order.all.each { |o| puts o.total.round }",
        "Order.in_batches.each { |o| puts o.customer.name }",
        "orders.each { |o| puts o.customer.name }"}) {
    EXPECT_EQ(Association(kRuby, program), "") << program;
  }
}

TEST(AssociationTest, IsSaidAsANoteAlone) {
  const Target target = *ParseTarget(kRuby);
  for (const Finding& finding :
       Lint(target, *Split(target, "Order.find_each { |o| puts o.customer.name }"))) {
    if (finding.rule_id != "dbf-association-in-loop") continue;
    EXPECT_EQ(finding.severity, Severity::kInfo);
    return;
  }
  FAIL();
}

}  // namespace
}  // namespace dbfleet::sql
