#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// What looks like the begin of a text, a comment or a page and is none, or the other way round,
// each tried with ruby 3.1 or php 8.2. Where that depends on what nobody sees, nothing is guessed.
namespace dbfleet::sql {
namespace {

constexpr char kDeed[] = "User.connection.execute(\"DELETE FROM a\")";

// Something of it is destructive, or it is not read at all.
bool IsNotSafe(Dialect dialect, absl::string_view file) {
  const Target target(dialect);
  const auto statements = Split(target, file);
  if (!statements.ok()) return true;
  for (const Statement& statement : *statements) {
    if (Read(target, statement).verdict.safety != Safety::kSafe) return true;
  }
  return false;
}

// `D` stands for the deed.
void ExpectSeen(Dialect dialect, absl::string_view file) {
  std::string text(file);
  for (size_t at = text.find('D'); at != std::string::npos; at = text.find('D', at + 40)) {
    text.replace(at, 1, dialect == kPhp ? "DB::statement(\"DELETE FROM a\")" : kDeed);
  }
  const std::string beside =
      dialect == kPhp ? text : absl::StrCat("Post.where(id: 1).to_a\n", text, "\n");
  EXPECT_TRUE(IsNotSafe(dialect, beside)) << beside;
}

TEST(HostOperatorsTest, BehindTheNameOfAMethodStandsAnOperator) {
  for (absl::string_view file :
       {"x = r.begin / 2; D; y = 4 / 2", "x = r.begin%(D)", "x = 4.next / 2; D; y = 4 / 2",
        "x = 4&.next / 2; D; y = 4 / 2", "x = q.in / 2; D; y = 4 / 2",
        "x = self.when / 2; D; y = 4 / 2", "puts = 8; puts / 2; D; y = 4 / 2",
        "A = 2\nx = 4.next<<A\nD\nA", "A = 2\nx = 4.next<<~A\nD\nA", "x = 4.~ / 2; D; y = 4 / 2",
        "x = 4.! / 2; D; y = 4 / 2", "x = \"#{4.next / 2}\"; D; y = \"/}\"",
        "r = (nil../'/); D; s = (nil../'/)"}) {
    ExpectSeen(kRuby, file);
  }
}

TEST(HostOperatorsTest, WhereTextsOfRubyEnd) {
  for (absl::string_view file :
       {"x = \"#$\"\"; D; y = \"#$\"\"", "x = \"\\C-\"\"; D; y = \"\\C-\"\"",
        "x = \"\\M-\"\"; D; y = \"\\M-\"\"", "c = 1\nx = \"\\c\"\"; D; y = \"\\c\"\"",
        "x = % \" ; D; y = % \" ", "x = %\n\"\n; D; y = %\n\"\n",
        "x = %\x01\"\x01; D; y = %\x01\"\x01", "q = 1\nx = %q \" ; D; y = %q \" ",
        "x = %_\"_; D; y = %_\"_", "x = %q_\"_; D; y = %q_\"_",
        "A=\"q\"\nx = <<A + \\\nA\nD.to_s\nA",
        "begin_x = 1\nlimit \\\n=begin_x\nD\nz = <<E\n=end\nE"}) {
    ExpectSeen(kRuby, file);
  }
}

TEST(HostOperatorsTest, NamesThatRubyBindsInAnyWayMayBeVariables) {
  for (absl::string_view file :
       {"def m(x)\n x <<\"A\"\nD\nA\nend\nm([])", "def m(x)\n x <<~A\nD\nA\nend\nm([])",
        "for a, b in [[1,5]]\n b %(#{D})\nend", "for a, b in [[1,5]]\n b %(D)\nend",
        "case 5\nin x then x %(D)\nend", "case {x: 5}\nin {x:} then x %(D)\nend",
        "{limit: 5} => {limit:}\nlimit %(D)", "if {limit: 5} in {limit:}\nlimit %(D)\nend",
        "{\"limit\": 5} => {\"limit\":}\nlimit %(D)", "/(?<limit>\\w+)/ =~ \"abc\"\nlimit %(D)",
        "SQL=\"b\"\n/(?<order>\\w+)/ =~ \"abc\"\norder <<SQL\nD\nSQL", "x &&= 5\nx %(D) rescue 0",
        "(x += 5) rescue 0\nx %(D) rescue 0", "(a, *limit), d = [[1,2],3]\nlimit <<A\nD\nA",
        "[[1,[2,[]]]].each do |a, (b, c)|\n c <<A\nD\nA\nend",
        "[{limit: 5}].each do |limit: 1|\n limit %(D)\nend", "[5].each { _1 %(D) }",
        "begin\nrescue => e\n e <<A\nD\nA\nend"}) {
    ExpectSeen(kRuby, file);
  }
}

TEST(HostOperatorsTest, CommentsHeredocsAndPagesOfPhp) {
  for (absl::string_view file :
       {"<?php\n// hello\rD;\n$x=1; DB::select('SELECT 1');",
        "<?php\n# hello\rD;\n$x=1; DB::select('SELECT 1');",
        "<?php\nconst A=1;\n$x = <<<A\rfoo\rA;\rD;\nA;\nDB::select('SELECT 1');",
        "/* <?PHP D; /* */ $x = 1; DB::select('SELECT 1');",
        "# <?= D ?><?= count(DB::select('SELECT 1')) ?>",
        "<?php $x=1; ?><?xml /* ?><?php D; ?><?xml */ ?><?php DB::select('SELECT 1');",
        "<? /* ?><?php D; ?><? */ ?><?php DB::select('SELECT 1');",
        "<?hp \" ?><?php D; ?><?hp \" ?><?php DB::select('SELECT 1');",
        "#!/usr/bin/php <?php /*\n<?php D; /* */ $x=1; DB::select('SELECT 1');"}) {
    ExpectSeen(kPhp, file);
  }
}

// Of a small heap nobody notices what is read in front of the first token.
TEST(HostOperatorsTest, AFileMayBeginWithAnyWord) {
  for (absl::string_view word : {"if", "unless", "while", "until", "for"}) {
    std::string file = absl::StrCat(word, word == "for" ? " a in b\n" : " a\n");
    for (int i = 0; i < 400; ++i) absl::StrAppend(&file, "  Country.find_by(code: ", i, ")\n");
    const auto statements = Split(Target(kRuby), file + "end\n");
    ASSERT_TRUE(statements.ok()) << statements.status();
    EXPECT_EQ(statements->size(), 400u) << word;
  }
}

TEST(HostOperatorsTest, LongChainsAndCommentsInThemTakeNoLongTime) {
  std::string php = "<?php DB::select('SELECT 1'); $x = ";
  for (int i = 0; i < 50'000; ++i) php += "A::";
  EXPECT_TRUE(IsNotSafe(kPhp, php + "B;"));
  std::string ruby = "Post.where(id: 1)\n";
  for (int i = 0; i < 50'000; ++i) ruby += "# x\n";
  EXPECT_FALSE(IsNotSafe(kRuby, ruby + ".to_a\n"));
}

TEST(HostOperatorsTest, EverydayProgramsAreRead) {
  for (absl::string_view file :
       {"puts\nputs <<~T\n  #{Post.count}\nT\n", "x = (1..2).begin / 2\nPost.count\n",
        "desc %(all posts)\nPost.count\n",
        "rows = Post.find_by_sql(<<~SQL)\n  SELECT id FROM posts\nSQL\nputs rows.size / 2\n",
        "[1, 2].each do |i|\n  puts %(#{i} of #{Post.count})\nend\n",
        "mean = total.sum / total.size.to_f\nPost.count\n", "if x\n  Post.count\nend\n",
        "FORM = /\\A\n  (\\d+)  # no text\n  #{SUFFIX}\n\\z/ix\nPost.count\n",
        "path = \"#@base/#{Post.count}\"\n", "a = [1, 2,\n  3]\nputs a.size % 3\nPost.count\n"}) {
    EXPECT_FALSE(IsNotSafe(kRuby, file)) << file;
  }
  for (absl::string_view file :
       {"#!/usr/bin/env php\n<?php\nUser::count();\n",
        "<?PHP\nUser::count();\n?>\n<b><?= User::count() ?></b>\n",
        "<?php\r\n// all\r\n$x = <<<SQL\r\n  a\r\n  SQL;\r\nUser::count();\r\n",
        "<?php\necho '<?xml version=\"1.0\"?>';\nUser::count();\n"}) {
    EXPECT_FALSE(IsNotSafe(kPhp, file)) << file;
  }
}

}  // namespace
}  // namespace dbfleet::sql
