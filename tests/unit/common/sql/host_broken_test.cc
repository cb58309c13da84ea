#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Programs that cannot be read to their end: no interpreter runs them, and where their calls end is
// a guess.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;

struct Broken {
  absl::string_view code;
  absl::string_view doubt;
};

// Every statement is destructive, and says where it broke.
void ExpectBroken(Dialect dialect, const std::vector<Broken>& all) {
  for (const Broken& one : all) {
    const auto statements = Split(Target(dialect), one.code);
    ASSERT_TRUE(statements.ok()) << one.code << statements.status();
    EXPECT_FALSE(statements->empty()) << one.code;
    for (const Statement& statement : *statements) {
      const Verdict verdict = Read(dialect, statement).verdict;
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << one.code;
      EXPECT_FALSE(verdict.understood) << one.code;
      EXPECT_EQ(verdict.doubt, "it cannot be read to its end: " + std::string(one.doubt))
          << one.code;
    }
  }
}

// Whether no statement is in doubt for that the program cannot be read to its end.
bool EndsWell(Dialect dialect, absl::string_view code) {
  const auto statements = Split(Target(dialect), Beside(dialect, code));
  if (!statements.ok()) return false;
  bool well = !statements->empty();
  for (const Statement& statement : *statements) {
    well = well && !absl::StrContains(Read(dialect, statement).verdict.doubt, "read to its end");
  }
  return well;
}

TEST(HostBrokenTest, RubyWhoseBracketsDoNotMatch) {
  ExpectBroken(kRuby,
               {{"Order.find(1", "line 1, column 11: ( is not closed"},
                {"Order.find(1)\nputs(2", "line 2, column 5: ( is not closed"},
                {"Order.where(id: [1, 2)", "line 1, column 17: [ is not closed"},
                {"Order.find_each { |order| puts order.id", "line 1, column 17: { is not closed"},
                {"Order.find(1))", "line 1, column 14: ) closes nothing"}});
}

TEST(HostBrokenTest, RubyWhoseBlocksDoNotEnd) {
  ExpectBroken(kRuby, {{"Order.find_each do |order|\n  puts order.id\n",
                        "line 1, column 17: do is not closed"},
                       {"def show\n  Order.find(1)\n", "line 1, column 1: def is not closed"},
                       {"x = if a\n  Order.find(1)\n", "line 1, column 5: if is not closed"},
                       {"Order.find(1)\nend", "line 2, column 1: end closes nothing"}});
}

TEST(HostBrokenTest, PhpWhoseBracketsDoNotMatch) {
  ExpectBroken(kPhp,
               {{"Order::find(1", "line 1, column 12: ( is not closed"},
                {"Order::find(1);\nfoo(", "line 2, column 4: ( is not closed"},
                {"Order::find(1);\nif ($x) {", "line 2, column 9: { is not closed"},
                {"Order::find(1); }", "line 1, column 17: } closes nothing"},
                {"if ($x): Order::find(1);", "line 1, column 1: if is not closed"},
                {"Order::find(1); endforeach;", "line 1, column 17: endforeach closes nothing"}});
}

TEST(HostBrokenTest, ProgramsThatEndInTheMiddle) {
  ExpectBroken(kRuby, {{"Order.where(paid: true).", "line 1, column 24: nothing follows ."}});
  ExpectBroken(kPhp, {{"Order::find(1)->", "line 1, column 15: nothing follows ->"},
                      {"$x = Order::find(1) . ", "line 1, column 21: nothing follows ."}});
}

// As of SQL: there is nothing to cut into statements.
TEST(HostBrokenTest, TextsThatAreNotClosedAreRefused) {
  for (absl::string_view code : {"Order.where(\"a", "Order.where('a", "Order.where(\"#{a\")",
                                 "Order.where(<<~SQL)\n  a = 1\n", "Order.find(1)\n=begin\n"}) {
    EXPECT_THAT(Split(Target(kRuby), code).status().message(), HasSubstr("line ")) << code;
  }
  for (absl::string_view code : {"Order::where(\"a", "Order::where('a", "Order::find(1); /* a",
                                 "Order::whereRaw(<<<SQL\n a = 1\n"}) {
    EXPECT_THAT(Split(Target(kPhp), code).status().message(), HasSubstr("line ")) << code;
  }
}

TEST(HostBrokenTest, RubyThatEndsIsNotTakenForBroken) {
  ExpectReads(kRuby, {"x = (if a then 1 else 2 end)", "x = [if a then 1 end, 2]",
                      "x = a || if b then 1 end", "puts(a: if b then 1 else 2 end)", "return if x",
                      "puts 1 unless x", "while x; [1].each do |y|\n puts y\nend\nend",
                      "while x do\n  puts 1\nend", "begin\n  puts 1\nend while x",
                      "puts x.class, y.end", "puts(class: 1, end: 2, if: 3)", "def class\n  1\nend",
                      "def end\n  1\nend", "x = [1, 2].inject :+", "x = case y when 1 then 2 end"});
}

// Behind a dot, def, alias and undef a keyword is a name like others, and so is :+.
TEST(HostBrokenTest, NamesOfRubyAreNoKeywords) {
  for (absl::string_view word :
       {"begin", "end",  "then",  "in",     "do",    "or",     "and",   "not",
        "when",  "else", "elsif", "ensure", "if",    "unless", "until", "while",
        "for",   "case", "class", "def",    "alias", "undef"}) {
    for (const std::string& code :
         {absl::StrCat("x = range.", word, " if range"), absl::StrCat("x = a&.", word, " unless b"),
          absl::StrCat("x = a::", word, " while b"),
          absl::StrCat("if a\n  x = range.", word, "\nend"),
          absl::StrCat("def ", word, "\n  1\nend"), absl::StrCat("undef ", word),
          absl::StrCat("alias ", word, " foo"), absl::StrCat("alias foo ", word),
          absl::StrCat("alias ", word, " foo if a")}) {
      EXPECT_TRUE(EndsWell(kRuby, code)) << code;
    }
  }
  for (absl::string_view code :
       {"x = a.inject :+ if y", "send :[]= if y", "send :[] if y", "send :<=> unless y",
        "send :== while y", "x.! if y", "x.+ if y", "puts :! if y", "send :[]=", "x = 1..",
        "x = 1...", "x = a[1]..", "x = a.inject :<=>"}) {
    EXPECT_TRUE(EndsWell(kRuby, code)) << code;
  }
  ExpectReads(kRuby, {"x = [1, 2].inject :+ if y", "x = period.begin unless period.nil?"});
}

TEST(HostBrokenTest, ADoBelongsToItsLoopUntilTheConditionEnds) {
  for (absl::string_view code :
       {"while a and\n b do\n  puts 1\nend", "until a or\n b do\n  puts 1\nend",
        "for a in\n b do\n  puts 1\nend", "while (a\nb) do\n  puts 1\nend",
        "while not\n a do\n  puts 1\nend", "while a[\n1\n] do\n  puts 1\nend",
        "while (x.each do |y|\n  y\nend) do\n  puts 1\nend",
        "while x.and\n [1].each do |y|\n  puts y\nend\nend",
        "while a\n  x.each do |y|\n    puts y\n  end\nend",
        "while a and\n b do x.each do |y| puts y end end"}) {
    EXPECT_TRUE(EndsWell(kRuby, code)) << code;
  }
}

// What does not end stays broken.
TEST(HostBrokenTest, NamesThatAreKeywordsElsewhereHideNoEnd) {
  for (absl::string_view code :
       {"x = range.begin if range\nend", "x = if range.begin", "x = a + if b", "x = :+ + if b",
        "while a and\n b do\n  puts 1\nend\nend", "while a and\n b do", "alias end foo\nend",
        "x = 1.", "x = a +", "x = a ? b :", "def end", "while (a\nb) do"}) {
    EXPECT_FALSE(EndsWell(kRuby, code)) << code;
  }
  for (absl::string_view code :
       {"x: foo(", "$x = $y ? a :", "if (a): end:", "x __halt_compiler(); )"}) {
    EXPECT_FALSE(EndsWell(kPhp, code)) << code;
  }
}

TEST(HostBrokenTest, PhpThatEndsInATargetOrInData) {
  for (absl::string_view code :
       {"class A { function &for(): array { return $x; } }",
        "function &while(): array { return $x; }",
        "goto end; end:", "if ($x) { goto end; } end:", "__halt_compiler(); ((( data '",
        "__HALT_COMPILER ( ) ; ))) \"", "if ($x) { echo 1; } __halt_compiler();{{{"}) {
    EXPECT_TRUE(EndsWell(kPhp, code)) << code;
  }
  // Only what stands behind it is data.
  EXPECT_TRUE(IsDestructiveFile(kPhp, "User::find(1); User::truncate(); __halt_compiler(); ((("));
  ExpectWrites(kPhp, {"$x->__halt_compiler(); User::truncate();",
                      "if ($x) { __halt_compiler(); } User::truncate();",
                      "foo(__halt_compiler()); User::truncate();"});
}

TEST(HostBrokenTest, PhpThatEndsIsNotTakenForBroken) {
  ExpectReads(kPhp, {"if ($x): echo 1; elseif ($y): echo 2; else: echo 3; endif;",
                     "foreach ($x as $y): echo $y; endforeach;", "while ($x): echo 1; endwhile;",
                     "$x = $y ? ($a) : $b;",
                     "class A { public function for($x): string { return 'a'; } }"});
}

}  // namespace
}  // namespace dbfleet::sql
