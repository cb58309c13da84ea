// What PHP and Ruby call for its effect on objects of which nobody knows the class.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

template <size_t N>
void ExpectWrites(Dialect dialect, const absl::string_view (&all)[N]) {
  for (absl::string_view code : all) EXPECT_TRUE(HasDestructive(dialect, code)) << code;
}
template <size_t N>
void ExpectReads(Dialect dialect, const absl::string_view (&all)[N]) {
  for (absl::string_view code : all) EXPECT_FALSE(HasDestructive(dialect, code)) << code;
}

TEST(HostEffectsTest, AMethodThatNobodyKnows) {
  constexpr absl::string_view kOfPhp[] = {
      "$order->cancel();",
      "$this->orders->markAsPaid($order);",
      "$user->assignRole('admin');",
      "$workflow->apply($order, 'pay');",
      "$user->notify(new Invoice($o));",
      "$archiver->run($x);",
      "$this->inheritedMethod();",
      "$this->get('archiver')->run();",
      "$order->cancel()->getId();",
      "app(Archiver::class)->run();",
      "foreach ($orders as $order) { $order->ship(); }",
      "foreach ($orders as $order) $order->ship();",
      "if ($c) { echo 1; } $order->ship();",
      "if ($c) $order->ship(); else $order->cancel();",
      "$c && $order->ship();",
      "$c ? $order->ship() : $order->cancel();",
      "@$order->ship();",
      "switch ($c) { case 1: $order->ship(); }",
      "try { $order->ship(); } finally { echo 1; }",
      "$this->bus->dispatch(new DeleteOrder($id));",
      "$xs->each(fn($o) => $o->ship());",
      "collect($xs)->each->ship();",
      "function a() { $this->b()->ship(); } function b() { return $this->c; }"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {"order.cancel",
                                           "@order.ship(1)",
                                           "user.add_role(:admin)",
                                           "self.inherited",
                                           "order&.cancel",
                                           "users.each { |u| u.archive }",
                                           "users.each { it.archive }",
                                           "users.each(&:archive)",
                                           "users.each(&archiver)",
                                           "user.send(:archive)",
                                           "user.try(:archive)",
                                           "user.delay.archive",
                                           "order.cancel if order.late?",
                                           "order.late? && order.cancel",
                                           "archiver.call(user)",
                                           "archiver.(user)",
                                           "order.cancel rescue nil",
                                           "case x\nwhen 1 then order.cancel\nend",
                                           "def a(order) order.cancel end",
                                           "@order.sync",
                                           "user.login\nputs 1",
                                           "user.method(:archive).call"};
  ExpectWrites(kRuby, kOfRuby);
}

// Nothing that stands beside it makes it better, nor does it make what it stands beside worse.
TEST(HostEffectsTest, WhatStandsBesideDoesNotCount) {
  constexpr absl::string_view kReads[] = {"", "User::find(1); ", "echo Order::count(); ",
                                          "$rows = DB::select('SELECT 1'); "};
  for (absl::string_view read : kReads) {
    EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat("<?php ", read, "$order->cancel();"))) << read;
    EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat("<?php $order->cancel(); ", read))) << read;
  }
  const auto statements = Split(Target(kPhp), "<?php User::find(1); $order->cancel();");
  ASSERT_TRUE(statements.ok());
  ASSERT_EQ(statements->size(), 2u);
  EXPECT_EQ(Read(kPhp, (*statements)[0]).verdict.safety, Safety::kSafe);
  const Verdict verdict = Read(kPhp, (*statements)[1]).verdict;
  EXPECT_FALSE(verdict.understood);
  ASSERT_FALSE(verdict.reasons.empty());
  EXPECT_TRUE(absl::StrContains(verdict.reasons[0], "calls cancel, which is not known"));
}

TEST(HostEffectsTest, WhatIsKnownToWriteNothing) {
  constexpr absl::string_view kOfPhp[] = {"$stmt->bindValue(1, $x);",
                                          "$this->logger->info('x');",
                                          "$logger->log('info', 'x');",
                                          "$this->info('x');",
                                          "$this->middleware('auth');",
                                          "$this->addFlash('a', 'b');",
                                          "$form->handleRequest($request);",
                                          "$io->success('x');",
                                          "$bar->finish();",
                                          "$response->headers->set('a', 'b');",
                                          "$response->setStatusCode(201);",
                                          "$mysqli->close();",
                                          "$qb->setMaxResults(10);",
                                          "$items = []; $items->foo();",
                                          "$builder->add('name');",
                                          "function a() { $this->b(); } function b() { echo 1; }",
                                          "response()->json(1);",
                                          "Schema::hasTable('x'); $order->isPaid();"};
  ExpectReads(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {
      "logger.info 'x'",
      "respond_to do |format|\n  format.html\n  format.json { 1 }\nend",
      "errors.add(:total, 'x')",
      "client.close",
      "order.paid?",
      "5.times { |i| puts i }",
      "user.name = 'x'",
      "user.send(:name)",
      "users.each(&block)",
      "mutex.synchronize { 1 }",
      "def a\n  self.b\nend\ndef b\n  1\nend"};
  ExpectReads(kRuby, kOfRuby);
}

// Words that streams and consoles have, and records as well.
TEST(HostEffectsTest, TheNameOfWhatTheyAreCalledOnCounts) {
  constexpr absl::string_view kOfPhp[] = {
      "$ticket->close();",    "$order->finish();",           "$post->comment('x');",
      "$audit->log('x');",    "$this->audit->log('x');",     "$repo->write($x);",
      "$user->warn('spam');", "$payment->authorize();",      "$order->validate();",
      "$list->add($user);",   "$category->removeChild($x);", "$order->next();"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {"ticket.close", "order.finish", "contact.synchronize",
                                           "account.freeze", "subscription.extend(1)"};
  ExpectWrites(kRuby, kOfRuby);
}

// What the guide says is not seen.
TEST(HostEffectsTest, WhatTakesTheValueIsNotAsked) {
  constexpr absl::string_view kOfPhp[] = {"$r = $order->cancel();", "return $order->cancel();",
                                          "if ($order->cancel()) { echo 1; }",
                                          "f1($order->label());"};
  for (absl::string_view code : kOfPhp) {
    EXPECT_FALSE(HasDestructive(kPhp, absl::StrCat("function f1($x) { return $x; } ", code)))
        << code;
  }
  constexpr absl::string_view kOfRuby[] = {"r = order.cancel", "puts order.label_text",
                                           "return 1 if order.cancel"};
  ExpectReads(kRuby, kOfRuby);
}

}  // namespace
}  // namespace dbfleet::sql
