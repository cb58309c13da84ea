// Records under a second name, in PHP and Ruby: what is called on that counts like what is called
// on the record.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

// What two methods of a class do. USE{x} becomes what is done with a copy.
struct Copied {
  absl::string_view first;
  absl::string_view second = "";
};

std::string FileOf(Dialect dialect, const Copied& copied, absl::string_view use) {
  const absl::string_view form =
      dialect == kPhp ? "<?php class A { function a() { FIRST } function b() { SECOND } }"
                      : "class A\n  def a\n    FIRST\n  end\n  def b\n    SECOND\n  end\nend\n";
  std::string file =
      absl::StrReplaceAll(form, {{"FIRST", copied.first}, {"SECOND", copied.second}});
  for (size_t at = file.find("USE{"); at != std::string::npos; at = file.find("USE{")) {
    const size_t end = file.find('}', at);
    const std::string name = file.substr(at + 4, end - at - 4);
    file.replace(at, end + 1 - at, absl::StrReplaceAll(use, {{"X", name}}));
  }
  return file;
}

template <size_t N>
void ExpectFollowed(Dialect dialect, const Copied (&all)[N]) {
  const absl::string_view writes =
      dialect == kPhp ? "if (X->approve()) { echo 1; }" : "return 1 if X.charge(1)";
  const absl::string_view reads = dialect == kPhp ? "echo X->total;" : "puts X.total";
  for (const Copied& copied : all) {
    const std::string file = FileOf(dialect, copied, writes);
    EXPECT_TRUE(IsDestructiveFile(dialect, file)) << file;
    const std::string twin = FileOf(dialect, copied, reads);
    EXPECT_FALSE(IsDestructiveFile(dialect, twin)) << twin;
  }
}

TEST(HostCopiesTest, VariablesOfPhp) {
  const Copied kAll[] = {
      {"$o = Order::find(1); $x = $o; USE{$x}"},
      {"$o = Order::find(1); $y = $x = $o; USE{$y}"},
      {"$o = Order::find(1); [$x] = [$o]; USE{$x}"},
      {"$o = Order::find(1); list($x, $y) = [$o, 1]; USE{$x}"},
      {"$o = Order::find(1); $x = $c ? $o : null; USE{$x}"},
      {"$o = Order::find(1); $x ?\?= $o; USE{$x}"},
      {"$o = Order::find(1); $x = clone $o; USE{$x}"},
      {"$o = Order::find(1); $x = $o->customer; USE{$x}"},
      {"$o = Order::find(1); $x = match ($c) { 1 => $o, default => null }; USE{$x}"},
      {"$o = Order::find(1); $x = &$o; USE{$x}"},
      {"$x = &$o; $o = Order::find(1); USE{$x}"},
      {"$o = Order::find(1); $l = []; $l[] = $o; USE{$l[0]}"},
  };
  ExpectFollowed(kPhp, kAll);
}

TEST(HostCopiesTest, VariablesOfRuby) {
  const Copied kAll[] = {
      {"o = Order.find(1)\n x = o\n USE{x}"},
      {"o = Order.find(1)\n x, y = o, p\n USE{x}"},
      {"o = Order.find(1)\n x ||= o\n USE{x}"},
      {"o = Order.find(1)\n x = o.customer\n USE{x}"},
      {"o = Order.find(1)\n h[:x] = o\n USE{h[:x]}"},
      {"o = Order.find(1)\n x = if c\n o\n else\n nil\n end\n USE{x}"},
  };
  ExpectFollowed(kRuby, kAll);
}

// One branch gives it a record, another one something else.
TEST(HostCopiesTest, Branches) {
  const Copied kPhpAll[] = {
      {"$o = Order::find(1); if ($c) { $x = $o; } else { $x = null; } USE{$x}"},
      {"$o = Order::find(1); if ($c) $x = $o; else $x = null; USE{$x}"},
      {"$o = Order::find(1); switch ($c) { case 1: $x = $o; break; default: $x = null; } USE{$x}"},
      {"$o = Order::find(1); $o = $o->newest; USE{$o}"},
  };
  ExpectFollowed(kPhp, kPhpAll);
  const Copied kRubyAll[] = {
      {"o = Order.find(1)\n if c\n x = o\n else\n x = nil\n end\n USE{x}"},
      {"x = Order.find(1)\n x = nil if c\n USE{x}"},
  };
  ExpectFollowed(kRuby, kRubyAll);
  // All ways give it something else.
  EXPECT_FALSE(HasDestructive(
      kPhp, "function a() { $x = User::find(1); $x = 'a'; if ($x->approve()) { echo 1; } }"));
  EXPECT_FALSE(HasDestructive(kPhp,
                              "function a() { $x = User::find(1); }\n"
                              "function b() { $x = trim($y); if ($x->approve()) { echo 1; } }"));
  EXPECT_FALSE(HasDestructive(kRuby, "x = User.find(1)\nx = ''\nreturn 1 if x.charge(1)"));
}

TEST(HostCopiesTest, Properties) {
  const Copied kPhpAll[] = {
      {"$this->o = Order::find(1);", "$x = $this->o; USE{$x}"},
      {"self::$o = Order::find(1);", "USE{self::$o}"},
      {"static::$o = Order::find(1);", "$x = static::$o; USE{$x}"},
      {"$this->m['x'] = Order::find(1);", "USE{$this->m['x']}"},
      {"$this->m['x']['y'] = Order::find(1);", "USE{$this->m['x']['y']}"},
      {"$this->a->b = Order::find(1);", "USE{$this->a->b}"},
      {"$o = Order::find(1); $this->p = $o;", "USE{$this->p}"},
      {"$x = $this->o = Order::find(1); USE{$x}"},
  };
  ExpectFollowed(kPhp, kPhpAll);
  const Copied kRubyAll[] = {
      {"@o = Order.find(1)", "x = @o\n USE{x}"},
      {"@o = Order.find(1)", "@p = @o\n USE{@p}"},
      {"$o = Order.find(1)", "USE{$o}"},
      {"@o = Order.find(1)\n end\n attr_reader :o\n def c", "USE{o}"},
  };
  ExpectFollowed(kRuby, kRubyAll);
  EXPECT_TRUE(IsDestructiveFile(
      kPhp, FileOf(kPhp, {"$this->o = Order::find(1);", "echo \"{$this->o->wipe()}\";"}, "")));
}

TEST(HostCopiesTest, ListsAndBlocks) {
  const Copied kPhpAll[] = {
      {"$o = Order::find(1); foreach ([$o] as $q) { USE{$q} }"},
      {"$this->os = Order::all();", "foreach ($this->os as $k => $q) { USE{$q} }"},
      {"$o = Order::find(1); collect([$o])->each(function ($q) { USE{$q} });"},
      {"$o = Order::find(1); array_map(function ($q) { USE{$q} }, [$o]);"},
  };
  ExpectFollowed(kPhp, kPhpAll);
  const Copied kRubyAll[] = {
      {"@o = Order.find(1)", "[@o].each do |q|\n USE{q}\n end"},
      {"@o = Order.find(1)", "for q in [@o]\n USE{q}\n end"},
      {"o = Order.find(1)\n o.tap do |q|\n USE{q}\n end"},
      {"o = Order.find(1)\n o.then do |q|\n USE{q}\n end"},
  };
  ExpectFollowed(kRuby, kRubyAll);
  EXPECT_TRUE(HasDestructive(kRuby, "@o = Order.find(1)\n[@o].each { |q| q.approve }"));
  EXPECT_TRUE(HasDestructive(kRuby, "o = Order.find(1)\no.tap { |q| q.approve }"));
  EXPECT_TRUE(
      HasDestructive(kPhp, "$o = Order::find(1); $x = array_map(fn($q) => $q->approve(), [$o]);"));
  EXPECT_TRUE(HasDestructive(kPhp, "$o = Order::find(1); $x = ($o)->approve();"));
}

TEST(HostCopiesTest, WhatMethodsGive) {
  const Copied kPhpAll[] = {
      {"return Order::find(1);", "USE{$this->a()}"},
      {"return $c ? Order::find(1) : null;", "$x = $this->a(); USE{$x}"},
      {"return $this->o ?\?= Order::find(1);", "USE{$this->A()}"},
      {"$o = Order::find(1); return $o;", "USE{$this->a()}"},
      // Of a query that it gives more may be asked.
      {"return Order::where('a', 1);", "$x = $this->a()->get(); USE{$x}"},
  };
  ExpectFollowed(kPhp, kPhpAll);
  const Copied kRubyAll[] = {
      {"return Order.find(1)", "USE{a}"},
      {"return Order.find(1) if c\n nil", "USE{a}"},
      {"if c\n Order.find(1)\n else\n nil\n end", "USE{a}"},
      {"case c\n when 1\n puts 2\n Order.find(1)\n else nil\n end", "y = a\n USE{y}"},
      {"x = 1\n Order.find(x)", "USE{self.a}"},
      {"@o ||= begin\n puts 1\n Order.find(1)\n end", "USE{@o}"},
      {"end\n def c(i)\n Order.find(i)", "USE{c(1)}"},
      {"end\n def c(i) = Order.find(i)\n def d", "USE{c(1)}"},
  };
  for (const Copied& copied : kRubyAll) {
    EXPECT_TRUE(IsDestructiveFile(kRuby, FileOf(kRuby, copied, "return 1 if X.charge(1)")))
        << copied.first;
  }
  EXPECT_TRUE(
      IsDestructiveFile(kRuby, "def c; return Order.find(1); end\ndef b\n  c.approve\nend\n"));
  // What is asked for, or given to something else, is not what a method gives.
  EXPECT_FALSE(IsDestructiveFile(
      kRuby, "def c\n  @o = Order.find(1)\n  puts @o\nend\ndef b\n  return 1 if c.charge(1)\nend"));
  EXPECT_FALSE(IsDestructiveFile(kPhp,
                                 "<?php function c() { $o = Order::find(1); return trim($o); }\n"
                                 "function b() { if (c()->approve()) { echo 1; } }"));
}

TEST(HostCopiesTest, WhatMethodsAreGiven) {
  const Copied kPhpAll[] = {
      {"$o = Order::find(1); $this->c($o);", "} function c($z) { USE{$z}"},
      {"$this->c(Order::find(1));", "} function c($z) { USE{$z}"},
      {"$o = Order::find(1); $this->c(1, z: $o);", "} function c($z, $y) { USE{$z}"},
      {"$o = Order::find(1); self::c([$o]);",
       "} static function c($z) { foreach ($z as $q) { USE{$q} }"},
      {"$o = Order::find(1); return new A($o);",
       "} function __construct($p) { $this->p = $p; } function d() { USE{$this->p}"},
  };
  ExpectFollowed(kPhp, kPhpAll);
  const Copied kRubyAll[] = {
      {"@o = Order.find(1)\n c(@o)\n end\n def c(z)\n USE{z}"},
      {"@o = Order.find(1)\n c 1, @o\n end\n def c y, z\n USE{z}"},
      {"@o = Order.find(1)\n c(z: @o)\n end\n def c(y: 1, z: nil)\n USE{z}"},
      {"c(Order.find(1))\n end\n def c(z)\n USE{z}"},
      {"B.new(Order.find(1))\n end\n def initialize(o)\n @o = o\n end\n def d\n USE{@o}"},
  };
  for (const Copied& copied : kRubyAll) {
    EXPECT_TRUE(IsDestructiveFile(kRuby, FileOf(kRuby, copied, "return 1 if X.charge(1)")))
        << copied.first;
  }
  EXPECT_TRUE(IsDestructiveFile(
      kRuby, "def c\n  @o = Order.find(1)\n  d(@o)\nend\ndef d(z) z.approve end\n"));
}

// Handed on from method to method, in the order that takes longest to follow.
TEST(HostCopiesTest, HandedOnFurtherThanIsFollowed) {
  const auto handed = [](int times) {
    std::string file = "<?php class A {\n";
    for (int i = 0; i < times; ++i) {
      absl::StrAppend(&file, "function m", i, "($z) { ",
                      i == 0 ? "echo $z->total;" : absl::StrCat("$this->m", i - 1, "($z);"),
                      " }\n");
    }
    return absl::StrCat(file, "function go() { $this->m", times - 1, "(Order::find(1)); } }");
  };
  EXPECT_FALSE(IsDestructiveFile(kPhp, handed(3)));
  EXPECT_TRUE(IsDestructiveFile(kPhp, handed(40)));
}

}  // namespace
}  // namespace dbfleet::sql
