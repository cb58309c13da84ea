// What PHP and Ruby call for its effect on objects of which nobody knows the class.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/method_table.h"
#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

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

// Whatever the table calls a write is one of an object that nobody knows.
TEST(HostEffectsTest, EveryWriteOfTheTableOnWhatNobodyKnows) {
  for (const ModelMethod& method : ModelMethods()) {
    if (method.safety != Safety::kDestructive) continue;
    const std::string name(method.name);
    EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat("<?php $n = 1; $thing->", name, "();")))
        << name;
    EXPECT_TRUE(IsDestructiveFile(kRuby, absl::StrCat("n = 1\nthing.", name, "\nputs n"))) << name;
    EXPECT_TRUE(IsDestructiveFile(kRuby, absl::StrCat("n = 1\nthing.", name, "(x)\nputs n")))
        << name;
  }
}

// Words that compute with lists, texts and queries are verbs of records and services.
TEST(HostEffectsTest, WordsOfListsThatAreVerbs) {
  constexpr absl::string_view kOfPhp[] = {"$em->getUnitOfWork()->commit();",
                                          "$this->eventStore->append($event);",
                                          "$this->prices->replace($rows);",
                                          "Payment::findOrFail($id)->reverse();",
                                          "Application::find($id)->reject('late');",
                                          "Account::find(1)->merge(Account::find(2));",
                                          "$payment->reverse();",
                                          "$application->reject('late');",
                                          "$team->join($user);",
                                          "$this->importer->fetchNewOrders();",
                                          "$order->load();"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {"playlist.rename('x')",
                                           "playlist.truncate(10)",
                                           "course.drop(student)",
                                           "uow.commit\nputs 1",
                                           "Payment.find(1).reverse",
                                           "Application.find(1).reject(x)",
                                           "payment.reverse\nputs 1",
                                           "team.join(user)",
                                           "key.rotate!\nputs 1",
                                           "application.reject!\nputs 1",
                                           "orders.find_by_and_close\nputs 1"};
  ExpectWrites(kRuby, kOfRuby);
  constexpr absl::string_view kReadsOfPhp[] = {"$query->join('a', 'b');",
                                               "$orders->load('items');",
                                               "$users->reject(fn ($u) => $u->old);",
                                               "$bar->advance();",
                                               "$result->free();",
                                               "$stmt->fetchAllAssociative();",
                                               "$request->merge(['a' => 1]);"};
  ExpectReads(kPhp, kReadsOfPhp);
  constexpr absl::string_view kReadsOfRuby[] = {
      "thread.join\nputs 1", "def a(users)\n  users.take(5)\nend", "opts.merge!(a: 1)\nputs 1",
      "def permitted\n  params.require(:a).permit(:b)\nend", "list.drop(1)\nputs 1"};
  ExpectReads(kRuby, kReadsOfRuby);
}

// Statements whose value nobody takes, although something stands in front of them.
TEST(HostEffectsTest, GuardsAndArmsTakeNoValue) {
  constexpr absl::string_view kOfPhp[] = {
      "match ($x) { 'a' => $order->approve(), default => 1 };",
      "match ($x->y()) { 'a', 'b' => 1, default => $order->approve() };",
      "$order->status === 'new' && $order->cancel();",
      "$order->state == 'x' ? $order->cancel() : $order->ship();",
      "$order instanceof Order and $order->cancel();",
      "$x = 1 and $order->cancel();",
      "$orders->each(fn (Order $o): ?bool => $o->approve());",
      "$orders->each(callback: fn ($o) => $o->approve());",
      "array_walk($orders, fn ($o) => $o->approve());",
      "array_map(fn ($o) => $o->approve(), $orders);",
      "$orders->map(fn ($o) => $o->approve());",
      "$orders->each($this->orders->cancel(...));",
      "for ($i = 0; $i < 3; $order->cancel()) { echo 1; }",
      "request()->user()->subscription('default')->cancel();",
      "Auth::user()->subscription('default')->cancel();"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {"order.state == 'new' && order.cancel_it\nputs 1",
                                           "force or order.cancel_it\nputs 1",
                                           "def cancel(order) = order.cancel_it(1)",
                                           "def self.cancel(order) = order.cancel_it(1)",
                                           "orders.map(&:cancel)\nputs 1",
                                           "orders.each_value(&:cancel)\nputs 1"};
  ExpectWrites(kRuby, kOfRuby);
  constexpr absl::string_view kReadsOfPhp[] = {
      "$y = match ($x) { 'a' => $order->label(), default => $order->note() };",
      "return match (true) { $order->late() => $order->label(), default => 1 };",
      "$y = $a === 1 ? $order->label() : $order->note();",
      "$y = $a == 1 && $order->label();",
      "$y = $orders->map(fn ($o): string => $o->label());",
      "$y = array_map(fn ($o) => $o->label(), $orders);",
      "if ($order->late() and $order->label()) { echo 1; }",
      "for ($i = 0; $i < $order->length(); $i++) { echo 1; }",
      "echo request()->user()->label();"};
  ExpectReads(kPhp, kReadsOfPhp);
  constexpr absl::string_view kReadsOfRuby[] = {
      "x = order.state == 'new' && order.label_text\nputs x",
      "def labels(users)\n  users.map(&:label_text)\nend"};
  ExpectReads(kRuby, kReadsOfRuby);
}

// Names that an application's own objects have as well.
TEST(HostEffectsTest, NamesOfPagesAndQueriesThatServicesHave) {
  constexpr absl::string_view kOfPhp[] = {"$this->attributes->createAttribute($d);",
                                          "$this->forms->createForm($d);",
                                          "$this->views->createView($d);",
                                          "$sm->createView(new View('v', 'SELECT 1'));",
                                          "$this->payments->collect($invoice);",
                                          "$this->projects->clone($project);",
                                          "$this->settings->setParameter('tax', 5);",
                                          "$this->options->set('tax', 5);",
                                          "$this->config->set('tax', 5);",
                                          "$progress->finish();",
                                          "$session->start();",
                                          "$to->add($amount);",
                                          "$numbers->getNextNumber();",
                                          "$numbers->getAndIncrement();"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {"tickets.each { it.skip }", "config.store('a', 1)",
                                           "numbers.get_and_mark\nputs 1"};
  ExpectWrites(kRuby, kOfRuby);
  constexpr absl::string_view kReadsOfPhp[] = {
      "$this->createForm($type);", "$form->createView();", "$qb->setParameter('a', 1);",
      "$dom->createElement('a');", "$session->put('a', 1);"};
  ExpectReads(kPhp, kReadsOfPhp);
}

// Only a body says what a method does.
TEST(HostEffectsTest, WhatTheFileOnlyNamesIsNotItsOwn) {
  constexpr absl::string_view kOfPhp[] = {
      "abstract class A { abstract function cancel($o); function a($o) { $this->cancel($o); } }",
      "class A extends X { function cancel() { parent::cancel(); } }"};
  ExpectWrites(kPhp, kOfPhp);
  EXPECT_FALSE(HasDestructive(
      kPhp,
      "abstract class A { abstract function cancel($o); function a($o) { $this->ship($o); } "
      "private function ship($o): ?int { return 1; } }"));
}

// What lists were filled with, also by functions and under the names of methods.
TEST(HostEffectsTest, ListsOfRecords) {
  constexpr absl::string_view kOfPhp[] = {
      "$l = Order::all()->all(); $o = end($l); $ok = $o->approve();",
      "$l = Order::all()->all(); $ok = current($l)->approve();",
      "$l = array_values(Order::all()->all()); $ok = $l[0]->approve();",
      "$l = array_merge(Order::all()->all(), []); foreach ($l as $o) { $ok = $o->approve(); }",
      "$r = array_map(function ($o) { return $o->approve(); }, Order::all()->all());",
      "$r = array_map(fn($o) => $o->approve(), Order::all()->all());",
      "class A { function go() { $l = Order::all()->all(); return array_map([$this, 'one'], $l); } "
      "function one($x) { return $x->approve(); } }",
      "class A { function go() { $l = Order::all()->all(); return array_map($this->one(...), $l); }"
      " function one($x) { return $x->approve(); } }",
      "$users = collect($ids); $users->each->archive();",
      "$users = collect($ids); $users->first()->archive();",
      "class A { public function __construct(private $order) {} "
      "function run() { return $this->order->approve(); } } "
      "$a = new A(Order::findOrFail(1)); $ok = $a->run();",
      "class A { public function __construct(private readonly ?Order $order) {} "
      "function run() { return $this->order->approve(); } } "
      "$a = new A(order: Order::findOrFail(1)); $ok = $a->run();"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {
      "batch = []\nOrder.find_each { |o| batch << o }\nbatch.each(&:approve)\nputs 1",
      "batch = []\nOrder.find_each { |o| batch.push(o) }\nbatch.each(&:approve)\nputs 1",
      "list = []\nlist.first.archive\nputs 1"};
  ExpectWrites(kRuby, kOfRuby);
  constexpr absl::string_view kReadsOfPhp[] = {
      "$l = array_values([1, 2]); $ok = end($l);", "$items = collect($ids); $items->push(1);",
      "$l = Order::all()->all(); $n = count(array_filter($l));"};
  ExpectReads(kPhp, kReadsOfPhp);
  constexpr absl::string_view kReadsOfRuby[] = {
      "logger.info order.summary\nputs 1", "def a(csv, order)\n  csv << order.total_sum\n  1\nend",
      "class A\n  def self.call(x) = new(x).call\n  def call\n    1\n  end\nend",
      "class A\n  def self.call\n    new.call\n  end\n  def call\n    1\n  end\nend",
      "list = []\nlist << 1\nlist.each { |x| puts x }"};
  ExpectReads(kRuby, kReadsOfRuby);
}

// In a loop's next round.
TEST(HostEffectsTest, WhatALoopBindsAtItsEnd) {
  constexpr absl::string_view kOfPhp[] = {
      "$p = null; foreach (Order::all() as $o) { if ($p) { $ok = $p->absorb($o); } $p = $o; }",
      "$s = []; foreach (Order::all() as $o) { $ok = $s[$o->email]->absorb($o); "
      "$s[$o->email] = $o; }"};
  ExpectWrites(kPhp, kOfPhp);
  constexpr absl::string_view kOfRuby[] = {
      "p1 = nil\nOrder.order(:email).each do |order|\n  merged = p1.absorb(order) if p1\n"
      "  p1 = order\nend"};
  ExpectWrites(kRuby, kOfRuby);
  EXPECT_FALSE(HasDestructive(kPhp, "$p = 0; foreach (Order::all() as $o) { echo $p; $p = $n; }"));
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
