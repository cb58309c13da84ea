// Ways by which a record gets another name without "=": generators, closures, references, patterns,
// defaults, objects and lists that hold it.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostWaysOfRecordsTest, Generators) {
  static constexpr absl::string_view kWritesPhp[] = {
      "function p() { yield Order::find(1); } foreach (p() as $x) { $ok = $x->approve(); }",
      "function p() { foreach (Order::cursor() as $o) { yield $o->id => $o; } }\n"
      "foreach (p() as $x) { $ok = $x->approve(); }",
      "function p() { yield from Order::cursor(); } foreach (p() as $x) { $ok = $x->approve(); }",
      "class A implements IteratorAggregate {\n"
      "  function getIterator(): Traversable { yield Order::find(1); } }\n"
      "foreach (new A as $x) { $ok = $x->approve(); }",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsPhp[] = {
      "function p() { yield Order::find(1); } foreach (p() as $x) { echo $x->total; }",
      "function p() { yield 1; } foreach (p() as $x) { $ok = $x->approve(); }",
  };
  ExpectReads(kPhp, kReadsPhp);
}

// Ruby's yield gives to the block of whoever calls the method.
TEST(HostWaysOfRecordsTest, BlocksThatAMethodIsGiven) {
  static constexpr absl::string_view kWritesRuby[] = {
      "def e\n  yield Order.find(1)\nend\ne { |o| ok = o.approve(1) }",
      "def e\n  Order.find_each { |o| yield(o) }\nend\ne do |o|\n  ok = o.approve(1)\nend",
      "def e(&blk)\n  blk.call(Order.find(1))\nend\ne { |o| ok = o.approve(1) }",
      "def e(&blk)\n  blk.(Order.find(1))\nend\ne { |o| ok = o.approve(1) }",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsRuby[] = {
      "def e\n  yield Order.find(1)\nend\ne { |o| puts o.total.round(2) }",
      "def e\n  Order.find(1)\n  yield 1\nend\ne { |o| ok = o.approve(1) }",
  };
  ExpectReads(kRuby, kReadsRuby);
}

TEST(HostWaysOfRecordsTest, ClosuresInVariables) {
  static constexpr absl::string_view kWritesPhp[] = {
      "$f = fn($x) => $x->approve(); $o = Order::find(1); $r = $f($o);",
      "$f = static fn($x) => $x->approve(); $r = $f(Order::find(1));",
      "$f = function ($x) { return $x->approve(); }; $r = $f(Order::find(1));",
      "$o = Order::find(1); $r = (fn($x) => $x->approve())($o);",
      "$o = Order::find(1); $r = (function ($x) { return $x->approve(); })($o);",
      "$f = fn($x) => $x->approve(); $o = Order::find(1); $r = call_user_func($f, $o);",
      "$f = fn($x) => $x->approve(); $o = Order::find(1); $r = $f->__invoke($o);",
      "$f = fn($c, $x) => $x->approve(); $l = Order::all()->all(); $r = array_reduce($l, $f);",
      "$f = fn($x) => $x->approve(); $r = Order::all()->map($f);",
      "$f = function () { return Order::find(1); }; $o = $f(); $r = $o->approve();",
      "$f = fn() => Order::find(1); $r = $f()->approve();",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsPhp[] = {
      "$f = fn($x) => $x->total * 2; $o = Order::find(1); echo $f($o);",
      "$f = fn($x) => $x->approve(); $o = Order::find(1); $r = $f(1);",
      "$f = function ($x) { return trim($x->name); };\n"
      "foreach (Order::all() as $o) { echo $f($o); }",
      "$f = fn() => Order::find(1); echo $f()->total;",
  };
  ExpectReads(kPhp, kReadsPhp);
}

TEST(HostWaysOfRecordsTest, ListsOfArguments) {
  static constexpr absl::string_view kWritesPhp[] = {
      "function f($a, $b) { return $b->approve(); } $l = [1, Order::find(1)]; $r = f(...$l);",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kWritesRuby[] = {
      "def f(a, b)\n  ok = b.approve(1)\n  ok\nend\nl = [1, Order.find(1)]\nok = f(*l)",
      "def f(a: 1, b: 2)\n  ok = b.approve(1)\n  ok\nend\nl = {b: Order.find(1)}\nok = f(**l)",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsPhp[] = {
      "$l = [1, 2]; $o = Order::find(1); echo max(...$l);"};
  ExpectReads(kPhp, kReadsPhp);
}

TEST(HostWaysOfRecordsTest, ParametersByReference) {
  static constexpr absl::string_view kWritesPhp[] = {
      "function l(&$x) { $x = Order::find(1); } l($y); $r = $y->approve();",
      "function l($a, ?Order &$x) { $x = Order::find($a); } l(1, $y); $r = $y->approve();",
      "function l(array &$l, $o) { $l[] = $o; } l($m, Order::find(1)); $r = $m[0]->approve();",
      "class A { function l(&$x) { $x = Order::find(1); } function m() { $this->l($this->o); }\n"
      "function n() { $r = $this->o->approve(); } }",
      // Handed on by reference.
      "function l(&$x) { $x = Order::find(1); } function m(&$z) { l($z); }\n"
      "m($y); $r = $y->approve();",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsPhp[] = {
      "function l($x) { $x = Order::find(1); } l($y); $r = $y->approve();",
      "function l(&$x, $a) { $x = 1; $a = Order::find(1); } l($y, $z); $r = $y->approve();",
  };
  ExpectReads(kPhp, kReadsPhp);
}

// Nobody knows what holds it then.
TEST(HostWaysOfRecordsTest, NamesThatAreComputed) {
  static constexpr absl::string_view kWritesPhp[] = {
      "$this->{'order'} = Order::find(1);",
      "$n = 'order'; $this->$n = Order::find(1);",
      "$o = Order::find(1); $$n = $o;",
      "$o = Order::find(1); ${'or' . 'der'} = $o;",
      "$o = Order::find(1); self::$$n = $o;",
      "class A { function __get($n) { return Order::find(1); } }\n"
      "$a = new A; $r = $a->order->approve();",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsPhp[] = {
      "$o = Order::find(1); $this->$n = 'x';",
      "$o = Order::find(1); self::$order = $o;",
      "$o = Order::find(1); foreach (['a', 'b'] as $f) { $dto->$f = $o->$f; }",
      "$this->{'count'} = Order::count();",
  };
  ExpectReads(kPhp, kReadsPhp);
}

TEST(HostWaysOfRecordsTest, ArraysOfPhp) {
  static constexpr absl::string_view kWritesPhp[] = {
      "$o = Order::find(1); $l = (object)['order' => $o]; $r = $l->order->approve();",
      "$o = Order::find(1); $l = compact('o'); $r = $l['o']->approve();",
      "$l = array_column(Order::all()->all(), null, 'id'); $r = $l[1]->approve();",
      "$l = []; $o = Order::find(1); array_push($l, $o); $r = $l[0]->approve();",
      "$l = new SplObjectStorage; foreach (Order::all() as $o) { $l->attach($o); }\n"
      "foreach ($l as $x) { $ok = $x->approve(); }",
      "$l = Order::all(); $r = array_filter($l->all(), fn($x) => $x->approve());",
      "$l = [Order::find(1)]; $r = head($l)->approve();",
      "$this->o = Order::find(1); $r = $this->{'o'}->approve();",
      "$r = collect([Order::find(1)])->map(function ($x) { return $x->approve(); });",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsPhp[] = {
      "$o = Order::find(1); $l = compact('o'); return view('x', $l);",
      "$l = array_column(Order::all()->all(), 'id'); $r = $l[1]->approve();",
  };
  ExpectReads(kPhp, kReadsPhp);
}

TEST(HostWaysOfRecordsTest, ArgumentsByTheirNameAloneAndDefaults) {
  static constexpr absl::string_view kWritesRuby[] = {
      "def s(order:)\n  ok = order.settle(1)\n  ok\nend\norder = Order.find(1)\ns(order:)",
      "def s(a, order:, b: 1)\n  ok = order.settle(1)\n  ok\nend\n"
      "order = Order.find(1)\nx = s(1, order:, b: 2)",
      "def a(x: Order.find(1))\n  ok = x.approve(1)\n  ok\nend",
      "def a(x = Order.find(1))\n  ok = x.approve(1)\n  ok\nend",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsRuby[] = {
      "def s(order:)\n  puts order.total\nend\norder = Order.find(1)\ns(order:)",
      "def s(n:)\n  ok = n.settle(1)\n  ok\nend\norder = Order.find(1)\nn = 1\ns(n:)",
  };
  ExpectReads(kRuby, kReadsRuby);
}

TEST(HostWaysOfRecordsTest, Patterns) {
  static constexpr absl::string_view kWritesRuby[] = {
      "Order.find(1) => order\nok = order.approve(1)",
      "o = {a: Order.find(1)}\no => {a:}\nok = a.approve(1)",
      "o = {a: Order.find(1)}\nif o in {a: x}\n  ok = x.approve(1)\nend",
      "case {order: Order.find(1)}\nin {order:}\n  ok = order.approve(1)\nend",
      "case Order.find(1)\nin Order => x\n  ok = x.approve(1)\nend",
      "l = Order.all.to_a\ncase l\nin a, *b\n  ok = a.approve(1)\nend",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsRuby[] = {
      "case Order.find(1)\nin {total:}\n  puts total\nend",
      "o = Order.find(1)\nh = {o => x}\nok = x.approve(1)",
      "case 1\nin x\n  ok = x.approve(1)\nend",
      "begin\n  o = Order.find(1)\nrescue A => e\n  ok = e.approve(1)\nend",
  };
  ExpectReads(kRuby, kReadsRuby);
}

TEST(HostWaysOfRecordsTest, ObjectsOfRubyThatHoldThem) {
  static constexpr absl::string_view kWritesRuby[] = {
      "Line = Struct.new(:order)\nl = Line.new(Order.find(2))\nok = l.order.approve(1)",
      "Line = Struct.new(:order)\nl = Line[Order.find(2)]\nok = l.order.approve(1)",
      "Line = Data.define(:order)\nl = Line.new(order: Order.find(2))\nok = l.order.approve(1)",
      "class Line < Struct.new(:order)\nend\nl = Line.new(Order.find(2))\nok = l.order.approve(1)",
      "l = OpenStruct.new(order: Order.find(2))\nok = l.order.approve(1)",
      "class D < SimpleDelegator\nend\nd = D.new(Order.find(1))\nok = d.approve(1)",
      "class A\n  delegate :approve_it, to: :order\n  def order = Order.find(1)\n"
      "  def go\n    ok = approve_it(1)\n    ok\n  end\nend",
      "h = {a: Order.find(1)}\na, b = h.values_at(:a, :b)\nok = a.approve(1)",
      "h = {a: Order.find(1)}\na = h.fetch(:a)\nok = a.approve(1)",
      "h = {}\nh.merge!(a: Order.find(1))\nok = h[:a].approve(1)",
      "l = []\nl << Order.find(1)\nok = l[0].approve(1)",
      "def a\n  @l << Order.find(1)\nend\ndef b\n  @l.each { |x| r = x.approve(1) }\nend",
      "def b\n  @o = Order.find(1)\nend\ndef a\n  x = instance_variable_get(:@o)\n"
      "  ok = x.approve(1)\n  ok\nend",
      "def b\n  @o = Order.find(1)\nend\ndef a(n)\n  x = instance_variable_get(\"@#{n}\")\n"
      "  ok = x.approve(1)\n  ok\nend",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsRuby[] = {
      "Row = Struct.new(:n)\nr = Order.all.map { |o| Row.new(o.name) }\nr.each { |x| puts x.n }",
      "l = []\nl << Order.find(1).name\nok = l[0].approve(1)",
      "h = {a: 1}\nputs Order.find(1).total\na = h.fetch(:a)\nok = a.approve(1)",
  };
  ExpectReads(kRuby, kReadsRuby);
}

// The variables of a "foreach" end with its head: what stands behind it is no list of theirs.
TEST(HostWaysOfRecordsTest, AListThatIsFilledInALoopIsPlain) {
  static constexpr absl::string_view kReadsPhp[] = {
      "$l = collect(); foreach (Order::all() as $o) { $l->push(['id' => $o->id]); }",
      "$f = function ($x) { return 1; }; foreach (Order::all() as $o) { echo $f($o); }",
  };
  ExpectReads(kPhp, kReadsPhp);
}

TEST(HostWaysOfRecordsTest, BlocksThatHaveANameOrAreLeft) {
  static constexpr absl::string_view kWritesRuby[] = {
      "let(:order) { Order.find(1) }\ndef a\n  ok = order.approve(1)\n  ok\nend",
      "define_method(:order) do\n  Order.find(1)\nend\ndef a\n  ok = order.approve(1)\n  ok\nend",
      "x = loop do\n  break Order.find(1) if n\nend\nok = x.approve(1)",
      "x = while true\n  if n\n    break Order.find(1)\n  end\nend\nok = x.approve(1)",
      "x = [1, 2].map do |i|\n  next Order.find(i) if i == 1\n  nil\nend\nok = x[0].approve(1)",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kReadsRuby[] = {
      "let(:order) { Order.find(1) }\nit { expect(order.total).to eq(1) }",
      "x = loop do\n  Order.find(1)\n  break 5\nend\nok = x.approve(1)",
  };
  ExpectReads(kRuby, kReadsRuby);
}

// What runs when only a part of a method did sees what was bound before.
TEST(HostWaysOfRecordsTest, NothingIsForgottenInFrontOfARescue) {
  static constexpr absl::string_view kWritesRuby[] = {
      "def a\n  o = Order.find(1)\n  return if n\n  o = nil\nensure\n  ok = o.close_it(1)\nend",
      "def a\n  begin\n    o = Order.find(1)\n    b(1)\n    o = nil\n  rescue A\n"
      "    ok = o.close_it(1)\n  end\nend\ndef b(x) = x",
      "[1].each do |i|\n  o = Order.find(1)\n  o = nil\nensure\n  ok = o.close_it(1)\nend",
  };
  ExpectWrites(kRuby, kWritesRuby);
  static constexpr absl::string_view kWritesPhp[] = {
      "function a() { try { $o = Order::find(1); f(); $o = null; }\n"
      "catch (E $e) { $r = $o->approve(); } } function f() {}",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kReadsRuby[] = {
      "def a\n  o = Order.find(1)\n  o = nil\n  ok = o.close_it(1)\n  ok\nend",
      "def a\n  o = Order.find(1)\n  x = b rescue nil\n  o = nil\n  ok = o.close_it(1)\n  ok\nend\n"
      "def b = 1",
  };
  ExpectReads(kRuby, kReadsRuby);
}

TEST(HostWaysOfRecordsTest, LoopsThatBindBehindTheirUse) {
  static constexpr absl::string_view kWritesPhp[] = {
      "$x = null; foreach ([1, 2] as $i) { if ($x) { $ok = $x->approve(); } $x = Order::find($i); "
      "}",
  };
  ExpectWrites(kPhp, kWritesPhp);
  static constexpr absl::string_view kWritesRuby[] = {
      "x = nil\nwhile n > 0\n  r = x.approve(1) if x\n  x = Order.find(1)\nend",
  };
  ExpectWrites(kRuby, kWritesRuby);
}

// Indexes that go on further back than is looked.
TEST(HostWaysOfRecordsTest, ManyIndexesEnd) {
  for (int more = 0; more < 4; ++more) {
    std::string file = "a";
    for (int i = 0; i < 100; ++i) file += "[1]";
    for (int i = 0; i < more; ++i) file += "[b c]";
    EXPECT_TRUE(Split(Target(kRuby), file + " = Order.find(1)\n").ok()) << more;
  }
}

// Behind a local variable "<<A" is an operator, and the lines behind it are code.
TEST(HostWaysOfRecordsTest, AHeredocOrAnOperatorBehindAParameter) {
  for (absl::string_view head :
       {"def a(order, x)", "def a order, x", "def a(order, x:)", "def self.a(order, x)",
        "def a(order, (y, x))", "f = ->(x) do", "f = -> x do", "for x in l do"}) {
    const std::string file =
        absl::StrCat("n = User.count\n", head, "\n  y = x <<A\n  order.cancel(1)\nA\nend\n");
    EXPECT_FALSE(Split(Target(kRuby), file).ok()) << file;
  }
  static constexpr absl::string_view kReadsRuby[] = {
      "def a(order, x)\n  conn.select_value <<SQL\nSELECT 1\nSQL\nend",
      "def a(order, x)\n  puts <<~A\n    x\n  A\nend",
      "def execute(sql)\n  puts sql\nend\ndef b\n  puts <<SQL\nSELECT 1\nSQL\nend",
  };
  ExpectReads(kRuby, kReadsRuby);
}

}  // namespace
}  // namespace dbfleet::sql
