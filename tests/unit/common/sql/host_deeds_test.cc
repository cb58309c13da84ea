// What acts on records although it looks like a column, a scope or a text: verbs without arguments,
// classes that a variable names, models by their type, and SQL that is handed to whatever method.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/sql/active_record/acting_words.h"
#include "common/sql/active_record/given_sql.h"
#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostDeedsTest, AClassInAVariableIsAClass) {
  static constexpr absl::string_view kWrites[] = {
      "$c = 'App\\\\Models\\\\Order'; $c::truncate();",
      "$c = 'Order'; $r = $c::destroy([1]);",
      "$c = 'Order'; $r = $c::firstOrCreate(['a' => 1]);",
      "$c = 'Order'; $r = $c :: archiveOld();",
      "$c = 'DB'; $c::statement('DROP TABLE orders');",
      "$c = 'DB'; $r = $c::select('delete from x returning 1');",
      "$c = 'Schema'; $c::dropIfExists('x');",
      "$r = $this->model::truncate();",
      "$r = self::$model::truncate();",
      "$r = static::$model::truncate();",
      "$r = get_class($o)::truncate();",
      "$r = 'App\\\\Models\\\\Order'::truncate();",
      "$c = 'Order'; $r = [$c, 'archive']();",
      "$x = $c::first()->approve();",
  };
  ExpectWrites(kPhp, kWrites);
  static constexpr absl::string_view kReads[] = {
      "$c = 'Order'; $r = $c::where('a', 1)->get();",
      "$c = 'Order'; $r = $c::find(1)->total;",
      "$r = $this->model::query()->paginate(20);",
      "$c = Status::class; $r = $c::cases();",
      "class A { function x() { return self::y(); } static function y() { return 1; } }",
  };
  ExpectReads(kPhp, kReads);
}

// Laravel gives an action its record by the parameter's type.
TEST(HostDeedsTest, AParameterOfAModelsTypeIsARecord) {
  static constexpr absl::string_view kCalls[] = {
      "function x(Order $o) { return $o->cancel(); }",
      "function x(Order $o) { if (! $o->cancel()) { return 1; } }",
      "function x(?Order $o) { $r = $o?->cancel(); }",
      "function x(Order|null $o) { return f0 === $o->cancel(); }",
      "function x(Order &$o) { return ['a' => $o->cancel()]; }",
      "function x(Order $o) { return response()->json($o->cancel()); }",
      "function x(Order $o) { return \"{$o->cancel()}\"; }",
      "function x(Order $o) { return $o->items->map(fn ($i) => $i->cancel()); }",
      "function x(Order $o) { return $o->customer->disable(); }",
      "function x(Order $o) { return $o->items()->first()->recalculate(); }",
      "function x(Order $o) { $p = $o; return $p->cancel(); }",
      "function x(Order $o) { $i = $o->items[0]; return $i->cancel(); }",
      "function x(Order $o) { foreach ($o->items as $i) { $r[] = $i->cancel(); } return $r; }",
      "function x(Order ...$os) { foreach ($os as $o) { $r[] = $o->cancel(); } return $r; }",
      "function x(Order $o) { return $this->y($o); } function y($p) { return $p->cancel(); }",
      "private Order $order; function x() { return $this->order->cancel(); }",
      "private Order $order; function x() { $o = $this->order; return $o->cancel(); }",
  };
  static constexpr absl::string_view kKnown[] = {
      "use App\\Models\\Order; class A {", "use App\\Entity\\Order; class A {",
      "class A { function q() { return Order::latest()->get(); }",
      "class Order extends Model { } class A {"};
  for (absl::string_view call : kCalls) {
    for (absl::string_view known : kKnown) {
      const std::string code = absl::StrCat(known, " ", call, " }");
      EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
    }
  }
  EXPECT_FALSE(HasDestructive(kPhp, "class A { function x(Cart $o) { return $o->cancel(); } }"));
  static constexpr absl::string_view kReads[] = {
      "function x(Order $o) { return [$o->id, $o->customer->name, $o->getTotal(), $o->isPaid()]; }",
      "function x(Order $o) { return $o->items()->where('a', 1)->exists(); }",
      "function x(Order $o) { return $o->created_at->format('Y-m-d'); }",
      "function x(Order $o) { return response()->json($o->load('items')); }",
      "function x(Order $o) { return $o->is($this->other) ? \"{$o->name}\" : $o->toArray(); }",
      "function x(User $u, Order $o) { return $u->can('view', $o) && $u->hasRole('a'); }",
  };
  for (absl::string_view call : kReads) {
    const std::string code = absl::StrCat("use App\\Models\\{Order, User}; class A { ", call, " }");
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostDeedsTest, SqlThatWritesIsSeenWhereverItIsHanded) {
  static constexpr absl::string_view kWritesPhp[] = {
      "$r = $o->getConnection()->select('DELETE FROM orders RETURNING id');",
      "$r = $this->getConnection()->selectOne('delete from t returning 1');",
      "$r = $this->em->getConnection()->fetchOne('delete from t returning 1');",
      "$r = $this->db()->select('delete from t');",
      "$r = $o->getConnection()->select($sql);",
      "$r = $x->scalar('Delete from t');",
      "$r = $x->go('TRUNCATE orders');",
      "$r = $x->go(\"\\n  DELETE FROM t\");",
      "$r = $x->go('DEL' . 'ETE FROM t');",
      "$r = $x->go(\"UPDATE {$t} SET a = 1\");",
      "$r = $x->go(['DELETE FROM t WHERE a = ?', 1]);",
      "$r = $x->go(sprintf('DELETE FROM t WHERE a = %d', $id));",
      "$r = $x->go(sql: 'DELETE FROM t');",
      "$r = $x->go(1, 'DELETE FROM t');",
      "$r = $x->go('SELECT 1; DROP TABLE t');",
      "$r = $x->go('WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d');",
      "$q = 'DELETE FROM t'; $r = $this->helper->go($q);",
      "$q = \"DELETE FROM t WHERE id = $id\"; $r = $x->go($q);",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kWritesRuby[] = {
      "x = db.get(\"DELETE FROM t\")",    "x = db.first(\"DELETE FROM t\")",
      "x = db[\"DELETE FROM t\"].to_a",   "x = svc.go(<<~SQL)\n  DELETE FROM t\nSQL",
      "x = svc.go(\"DELETE FROM #{t}\")", "q = \"DELETE FROM t\"\nx = svc.go(q)",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsPhp[] = {
      "$r = $this->getConnection()->select('SELECT id FROM t WHERE a = ?', [1]);",
      "$n = $em->getConnection()->getDatabasePlatform()->getName();",
      "$r = $x->go('SELECT id FROM t');",
      "$this->logger->info('DELETE FROM t is not done here');",
      "$l = $form->label('Delete from the cart'); $m = $menu->item('create user', '/u');",
      "$t = $el->attr('class', 'truncate text-sm'); $u = $page->button('Create index');",
  };
  ExpectReads(kPhp, kReadsPhp);
}

// What it is, and in which environments it may be safe, is said by its own class.
TEST(HostDeedsTest, SqlThatIsHandedOverIsClassified) {
  const auto of = [](absl::string_view code) {
    Target target(kPhp);
    target.embedded = Dialect::kPostgres;
    const auto statements = Split(target, code);
    EXPECT_TRUE(statements.ok() && statements->size() == 1) << code;
    return Read(target, statements->front()).verdict;
  };
  const Verdict insert = of("$r = $x->go('INSERT INTO t (a) VALUES (1)');");
  EXPECT_TRUE(insert.understood);
  EXPECT_TRUE(insert.adds_only);
  const Verdict drop = of("$r = $x->go('DROP TABLE t');");
  EXPECT_TRUE(drop.understood);
  EXPECT_EQ(drop.kind, Kind::kSchemaMigration);
}

// A word without arguments, whose value is taken.
TEST(HostDeedsTest, AVerbOfARecordOfRubyIsNoColumn) {
  static constexpr std::pair<absl::string_view, absl::string_view> kUses[] = {
      {"if e.", "\n  1\nend"}, {"return 1 unless e.", ""}, {"puts e.", ""},
      {"x = [e.", "]"},        {"render json: e.", ""},    {"e.", " ? 1 : 2"},
      {"x = e.", " || 1"},     {"@x ||= e.", ""},          {"x = e&.", ""},
      {"x = e.", ".to_s"},     {"while e.", " do 1 end"},  {"x = e.items.", ""},
      {"x = e.customer.", ""}, {"f(\"#{e.", "}\")"},       {"redirect_to x, notice: e.", ""},
  };
  static constexpr absl::string_view kVerbs[] = {
      "cancel",  "ship",   "mark_as_paid", "send_invoice", "deactivate_all", "approve_and_notify",
      "process", "settle", "force_close",  "refund!",      "set_defaults"};
  for (const auto& [before, behind] : kUses) {
    for (absl::string_view verb : kVerbs) {
      const std::string code = absl::StrCat("e = Order.find(1)\n", before, verb, behind);
      EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
    }
  }
  static constexpr absl::string_view kColumns[] = {"total",    "cancel_reason", "cancelled?",
                                                   "shipping", "refund_amount", "archived_at",
                                                   "invoice",  "report",        "ship_date"};
  for (absl::string_view column : kColumns) {
    const std::string code = absl::StrCat("e = Order.find(1)\nx = e.", column);
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
  static constexpr absl::string_view kBlocks[] = {
      "x = (Order.first || Order.last).cancel",
      "x = Order.all.inject(0) { |a, e| a + e.cancel }",
      "x = Order.all.each_with_object([]) { |e, a| a << e.cancel }",
      "x = Order.all.to_h { |e| [e.id, e.cancel] }",
      "x = Order.all.sort { |a, b| a.cancel <=> b.cancel }",
      "x = klass.find(1).cancel",
      "x = \"Order\".constantize.find(1).cancel",
      "x = @repo.find(1).process",
      "o = @repo.find(1)\nx = o.process",
  };
  ExpectWrites(kRuby, kBlocks);
}

TEST(HostDeedsTest, RecordsThatARepositoryFinds) {
  static constexpr absl::string_view kWrites[] = {
      "$x = $this->model->find(1)->recompute();",
      "$o = $this->model->find(1); return $o->recompute();",
      "$x = $this->orders->find(1)->approve();",
      "$x = $this->repo->findOneBy(['a' => 1])->archive();",
      "$x = $c::findOrFail(1)->cancel();",
  };
  ExpectWrites(kPhp, kWrites);
  static constexpr absl::string_view kReads[] = {
      "$o = $this->repo->find(1); return [$o->getTotal(), $o->isPaid(), $o->name];",
      "$x = $list->first()->getName(); $y = $crawler->first()->text();",
  };
  ExpectReads(kPhp, kReads);
}

TEST(HostDeedsTest, WordsThatWriteWhateverTheyAreCalledOn) {
  static constexpr absl::string_view kWrites[] = {
      "return auth()->user()->unreadNotifications->markAsRead();",
      "$x = $user->assignRole('a');",
      "$x = $user->syncRoles(['a']);",
      "$x = $user->givePermissionTo('a');",
      "$x = $user->revokePermissionTo('a');",
      "$x = $user->markEmailAsVerified();",
      "$x = $user->notify(new Paid);",
      "$x = $user->addMedia($f)->toMediaCollection('a');",
      "$x = $token->revoke();",
      "return $user->currentAccessToken()->revoke();",
      "$x = auth()->user()->charge()->first();",
  };
  ExpectWrites(kPhp, kWrites);
}

TEST(HostDeedsTest, AScopeIsNotCalledLikeAVerb) {
  static constexpr absl::string_view kWrites[] = {
      "Order.archive_everything.count",
      "Order.process_refunds.to_a",
      "Order.ship_all.count",
      "Order.settle.exists?",
      "Order.paid.cancel_stale.count",
      "Order.notify_customers.find_each { |o| puts o.id }",
      "current_user.settle_all.count",
      "x = company.orders.cancel_all.count",
      "class Order\n  def self.x\n    self.cancel_stale.count\n  end\nend",
  };
  ExpectWrites(kRuby, kWrites);
  static constexpr absl::string_view kReads[] = {
      "Order.paid.sum(:total)",
      "Order.archived.open.recent.count",
      "Order.to_archive.count + Order.ready_to_ship.size",
      "Order.with_all.count",
      "class Order < ApplicationRecord\n  scope :archive, -> { where(a: 1) }\nend\n"
      "Order.archive.count",
  };
  ExpectReads(kRuby, kReads);
}

TEST(HostDeedsTest, WhatOnlyReadsBeside) {
  static constexpr absl::string_view kReadsRuby[] = {
      "x = Order.where(\"note LIKE ?\", \"%#{sanitize_sql_like(q)}%\").to_a",
      "x = Order.where(\"note LIKE ?\", \"%#{Order.sanitize_sql_like(q)}%\").to_a",
      "x = Order.limit(3).map { |o| link_to(o.number) }.join(\", \").html_safe",
      "def csv\n  CSV.generate { |csv| Order.all.each { |o| csv << [o.id, o.total] } }\nend",
      "def x(o)\n  tag.span o.state\nend",
      "class OrdersController < A\n  def show\n    authorize @order\n    fresh_when @order\n"
      "    @o = policy_scope(Order).order(:id)\n  end\nend",
  };
  ExpectReads(kRuby, kReadsRuby);
  static constexpr absl::string_view kWritesRuby[] = {
      "x = Order.where(\"note LIKE '%#{sanitize_sql_like(q)}%'\").to_a",
      "class Charge < Base\n  def x\n    authorize @payment\n  end\nend",
      "tag.archive",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsPhp[] = {
      "$m = new mysqli('h'); $m->close();",
      "$u = User::paginate($request->integer('per_page', 15));",
      "if ($x) { throw ValidationException::withMessages(['email' => ['wrong']]); }",
  };
  ExpectReads(kPhp, kReadsPhp);
  EXPECT_TRUE(HasDestructive(kPhp, "$ticket->close();"));
}

// Each statement by itself: that a file is included is told where it is.
TEST(HostDeedsTest, AFileThatIsIncludedInFrontOfAllBindsNothingAnew) {
  const auto safety = [](absl::string_view code) {
    const auto statements = Split(Target(kPhp), code);
    EXPECT_TRUE(statements.ok());
    for (const Statement& statement : *statements) {
      if (statement.text == "$st->execute()") return Read(kPhp, statement).verdict.safety;
    }
    ADD_FAILURE() << code;
    return Safety::kDestructive;
  };
  const absl::string_view runs = "$st = $pdo->prepare('SELECT 1'); $st->execute();";
  EXPECT_EQ(safety(absl::StrCat("require __DIR__ . '/c.php'; ", runs)), Safety::kSafe);
  EXPECT_EQ(safety(absl::StrCat("function f($pdo) { require 'c.php'; ", runs, " }")),
            Safety::kSafe);
  EXPECT_EQ(safety("$st = $pdo->prepare('SELECT 1'); require 'c.php'; $st->execute();"),
            Safety::kDestructive);
  EXPECT_EQ(safety(absl::StrCat("for (;;) { require 'c.php'; ", runs, " }")), Safety::kDestructive);
}

TEST(HostDeedsTest, Words) {
  for (absl::string_view name : {"cancel", "approve", "markAsPaid", "find_and_cancel",
                                 "bulkArchive", "transition_to", "Settle"}) {
    EXPECT_TRUE(NamesDeed(name)) << name;
  }
  for (absl::string_view name :
       {"cancelled", "cancel?", "cancel_reason", "mark", "process", "close", "total", ""}) {
    EXPECT_FALSE(NamesDeed(name)) << name;
  }
  EXPECT_TRUE(NamesDeedOfRecord("refund_amount", false));
  EXPECT_FALSE(NamesDeedOfRecord("refund_amount", true));
  EXPECT_FALSE(NamesDeedOfRecord("find_all", true));
  EXPECT_TRUE(LooksLikeWrite("/* x */ delete from t", false));
  EXPECT_FALSE(LooksLikeWrite("Update your set", false));
  EXPECT_FALSE(LooksLikeWrite("select 1", true));
}

}  // namespace
}  // namespace dbfleet::sql
