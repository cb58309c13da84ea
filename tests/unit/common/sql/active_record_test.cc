// The programs in tests/testdata/sql say behind each line what its call is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Dialect kPhp = Dialect::kActiveRecordPhp;
constexpr Dialect kRuby = Dialect::kActiveRecordRuby;

std::string FileText(const std::string& name) {
  std::ifstream file(absl::StrCat(DBFLEET_SOURCE_DIR, "/tests/testdata/sql/", name));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Describe(const Statement& statement, const Reading& reading) {
  const Verdict& verdict = reading.verdict;
  const CallFacts call = reading.facts.call.value_or(CallFacts());
  const bool reads = verdict.kind == Kind::kInspection && !call.raw_sql && reading.facts.call;
  std::string text = absl::StrCat(NameOf(verdict.safety), " ", NameOf(verdict.kind));
  const std::pair<bool, const char*> said[] = {
      {verdict.adds_only, " adds"},
      {call.concatenates, " joined"},
      {call.placeholders_only, " clean"},
      {reads && !call.has_conditions && !call.has_limit, " all"},
      {reading.facts.query.unguarded_write && !call.raw_sql, " unguarded"},
      {statement.host.in_loop, " loop"},
  };
  for (const auto& [holds, word] : said) {
    if (holds) absl::StrAppend(&text, word);
  }
  return text;
}

void ExpectAsAnnotated(Dialect dialect, const std::string& name, const std::string& mark) {
  const std::string program = FileText(name);
  ASSERT_FALSE(program.empty());
  const auto statements = Split(dialect, program);
  ASSERT_TRUE(statements.ok()) << statements.status();
  std::map<int, std::string> found;
  std::map<int, bool> unclear;
  for (const Statement& statement : *statements) {
    const Reading reading = Read(dialect, statement);
    EXPECT_EQ(found.count(statement.line), 0u) << "two calls in line " << statement.line;
    found[statement.line] = Describe(statement, reading);
    if (reading.verdict.safety == Safety::kDestructive) {
      EXPECT_THAT(reading.verdict.reasons, testing::Not(IsEmpty())) << statement.text;
    }
  }
  int line = 0;
  int cases = 0;
  for (absl::string_view text : absl::StrSplit(program, '\n')) {
    ++line;
    const std::vector<absl::string_view> parts = absl::StrSplit(text, mark);
    // The marks are explained at the head.
    const bool comment = absl::StartsWith(text, "# ") || absl::StartsWith(text, "// ");
    std::string expected(parts.size() > 1 && !comment ? absl::StripAsciiWhitespace(parts.back())
                                                      : "");
    if (absl::EndsWith(expected, " unclear")) expected.resize(expected.size() - 8);
    EXPECT_EQ(found[line], expected) << name << ":" << line << ": " << text;
    cases += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(cases, 60);
}

TEST(ActiveRecordTest, RubyIsCalledWhatEachLineSays) {
  ExpectAsAnnotated(kRuby, "active_record.rb", "# =>");
}

TEST(ActiveRecordTest, PhpIsCalledWhatEachLineSays) {
  ExpectAsAnnotated(kPhp, "active_record.php", "// =>");
}

TEST(ActiveRecordTest, SqlInsideIsReadForTheEmbeddedDialect) {
  Target target(kRuby);
  const std::string text = "User.find_by_sql(\"SELECT pg_sleep(1)\")";
  target.embedded = Dialect::kPostgres;
  EXPECT_THAT(absl::StrJoin(Read(target, text).verdict.reasons, " "), HasSubstr("pg_sleep"));
  const std::string ours = "User.find_by_sql(\"SELECT a::text FROM t\")";
  EXPECT_EQ(Read(target, ours).verdict.safety, Safety::kSafe);
  target.embedded = Dialect::kMySql;
  EXPECT_EQ(Read(target, ours).verdict.safety, Safety::kDestructive);
}

TEST(ActiveRecordTest, JoinedValuesAreNamed) {
  const Reading ruby = Read(kRuby, "User.where(\"a = '#{params[:a]}' AND b = #{b}\")");
  EXPECT_EQ(ruby.facts.call->joined_value, "params[:a]");
  const Reading php = Read(kPhp, "User::find_by_sql('SELECT ' . $_GET['q'])");
  EXPECT_EQ(php.facts.call->joined_value, "$_GET['q']");
  EXPECT_TRUE(php.facts.call->raw_sql);
  EXPECT_EQ(php.facts.call->receiver, "User");
  EXPECT_EQ(php.facts.call->method, "find_by_sql");
}

TEST(ActiveRecordTest, ACallInsideAStringCounts) {
  EXPECT_EQ(Classify(kPhp, "User::find(\"{$x->delete()}\")").safety, Safety::kDestructive);
}

// Whether some statement of the program is destructive, or it is refused as a whole.
bool HasDestructive(Dialect dialect, const std::string& program) {
  const auto statements = Split(Target(dialect), program);
  if (!statements.ok()) return true;
  for (const Statement& statement : *statements) {
    if (Read(dialect, statement).verdict.safety == Safety::kDestructive) return true;
  }
  return false;
}

TEST(ActiveRecordTest, WhatRubyReadsAsCodeIsNotTakenForText) {
  for (absl::string_view text : {"puts ?'; User.delete_all #'",
                                 "User.where(name: ?').delete_all #'",
                                 "x = $'; User.delete_all #'",
                                 "p /'/; User.delete_all #'",
                                 "[1].inject(:/); User.delete_all #/",
                                 "5./(2); User.delete_all #/",
                                 "x.`('a'); User.delete_all #`",
                                 "x = :`; User.delete_all #`",
                                 "break /'/; User.delete_all #'",
                                 "__END__x = 1; User.delete_all",
                                 "x = 1; x <<-A\nUser.delete_all\nA",
                                 "x = 1; x %w[#{User.delete_all}]",
                                 "<<~\"A B\"\nx\nA B\nUser.delete_all #\"\nA",
                                 "<<~`A`\nrm\nA",
                                 "foo(<<A, \"x\n\"; User.delete_all\nA\n\")",
                                 "\"#{User.delete_all}\"",
                                 "puts \"#{User.delete_all}\"",
                                 "/#{User.delete_all}/",
                                 "%r{#{User.delete_all}}",
                                 "%W[a #{User.delete_all}]"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat("User.count\n", text, "\nUser.count"))) << text;
  }
  for (absl::string_view text :
       {"User.where(name: /x/, ratio: 10 / 2).first", "User.where(a: x ? 'a' : 'b').first",
        "User.where(role: %w[admin owner]).count", "total = User.count / 2",
        "User.where(name: 'a#{User.delete_all}').first", "User.count\n__END__\nUser.delete_all"}) {
    EXPECT_FALSE(HasDestructive(kRuby, std::string(text))) << text;
  }
}

TEST(ActiveRecordTest, CallsOnWhatStandsInParenthesesOrListsCount) {
  for (absl::string_view text :
       {"(User.find(1)).destroy", "((User.find(1))).destroy", "[User.first].each(&:destroy)",
        "[User.first][0].destroy", "(User.all + Post.all).each { |x| x.destroy }",
        "(User.delete_all).to_s"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat("User.count\n", text))) << text;
  }
  for (absl::string_view text : {"(User::find(1))->delete();", "((User::find(1)))->delete();",
                                 "(clone User::find(1))->delete();",
                                 "[User::find(1)][0]->delete();", "(User::find(1))->getName();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat("User::count(); ", text))) << text;
  }
  EXPECT_FALSE(HasDestructive(kRuby, "(User.where(a: 1)).count"));
  EXPECT_FALSE(HasDestructive(kRuby, "User.where(a: 1).or(User.where(b: 2)).limit(3)"));
}

TEST(ActiveRecordTest, MethodsThatAreCalledByNameCount) {
  for (absl::string_view text :
       {"x = User.count; x = User.method(:delete_all).call", "User.send(:delete_all)",
        "User.singleton_class.send(:alias_method, :count, :delete_all)",
        "User.instance_eval { count }", "User.all.inject(:destroy)", "User.limit(delete_all)",
        "def User.count; delete_all; end", "User.all.extending(M).count",
        "User.all.explain(:analyze)", "User.count(\"nextval('s')\")"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat("User.count\n", text))) << text;
  }
  for (absl::string_view text :
       {"call_user_func(array('User', 'delete_all'));", "array_map('User::delete', User::all());",
        "User::find('system'('rm'));", "User::$f();", "User::{'delete_all'}();",
        "echo \"{$user->delete()}\";", "/* ' */ 'it\\'s <?php User::delete_all(); ?> ';"}) {
    EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat("User::count(); ", text))) << text;
  }
  EXPECT_FALSE(HasDestructive(kPhp, "array_map('trim', $a); User::count(); User::$cache;"));
}

TEST(ActiveRecordTest, WhatIsNotUnderstoodIsDestructive) {
  for (absl::string_view text : {"",
                                 "foo",
                                 "$x = 1;",
                                 "evil()",
                                 "system('x')",
                                 "User::find(",
                                 "User::find('",
                                 "$a->b();",
                                 "User::find(1); evil();",
                                 "eval($x)",
                                 "include 'x';",
                                 "new Foo()",
                                 "`ls`",
                                 "User::find(new Evil())",
                                 "User::find($x->y())",
                                 "User::find(\"{$x->y()}\")",
                                 "(function() { evil(); })()",
                                 "evil(); // <?php User::find(1);",
                                 "User::$m()",
                                 "User::find(1)->$m()",
                                 "User::find($x)()"}) {
    const Verdict verdict = Classify(kPhp, text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_FALSE(verdict.understood) << text;
    EXPECT_THAT(verdict.reasons, testing::Not(IsEmpty())) << text;
  }
  for (absl::string_view text : {"",
                                 "foo",
                                 "x = 1",
                                 "system 'x'",
                                 "exec 'x'",
                                 "User.find(",
                                 "User.find('",
                                 "a.b!",
                                 "User.find(1); system('x')",
                                 "eval(x)",
                                 "require 'x'",
                                 "`ls`",
                                 "%x(ls)",
                                 "load 'x'",
                                 "User.where(a: x.y!)",
                                 "User.where(a: \"#{`ls`}\")",
                                 "User.find { system('x') }",
                                 "send(:evil)",
                                 "User.send(:delete_all)",
                                 "User.all.each { |u| u.archive }",
                                 "User.find_each(&callback)",
                                 "User.all.each(&:archive)",
                                 "u = User.find(1); u.archive",
                                 "User.public_send(m)",
                                 "User.eval",
                                 "User.instance_eval",
                                 "<<~X\nabc",
                                 "puts User.find :all, :conditions => \"a = #{x}\""}) {
    const Verdict verdict = Classify(kRuby, text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_FALSE(verdict.understood) << text;
    EXPECT_THAT(verdict.reasons, testing::Not(IsEmpty())) << text;
  }
}

// In company of a call that is known, so that the file is not destructive as a whole.
TEST(ActiveRecordTest, WritesThatOtherLibrariesKnowAreSeenBesideCallsThatAreRecognised) {
  for (absl::string_view text :
       {"$wpdb->query(\"DELETE FROM x\");",
        "$wpdb->query($x);",
        "User::deleteAll();",
        "Schema::drop('users');",
        "Schema::dropIfExists('users');",
        "Schema::rename('a', 'b');",
        "Schema::table('users', function ($table) { $table->string('x'); });",
        "$user->forceDelete();",
        "User::firstOrCreate(['a' => 1]);",
        "DB::purge('x');",
        "User::updateOrCreate(['a' => 1]);",
        "$users->insertOrIgnore($rows);",
        "$query->insertGetId($row);",
        "User::model()->deleteAll();",
        "User::updateAll(['a' => 1]);",
        "DB::affectingStatement($x);",
        "$conn2->executeStatement($x);",
        "$link2->multi_query($x);",
        "$user->deleteOrFail();",
        "$user->saveQuietly();",
        "$user->posts()->detach();",
        "Foo::importAll($rows);",
        "$repository->removeAll();",
        "Foo::updateall();",
        "mysqli_query($link, $x);",
        "pg_query($x);",
        "array_map([$u, 'forceDelete'], $x);",
        "User::archiveEverything();",
        "$users->each->destroy();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat("User::find(1); ", text))) << text;
  }
  for (absl::string_view text : {"User.tap(&:delete_all)",
                                 "users.each(&:destroy)",
                                 "user.posts.clear",
                                 "user.posts.delete(1)",
                                 "User.create_or_find_by!(a: 1)",
                                 "User.destroy_async",
                                 "User.import(rows)",
                                 "drop_schema :x",
                                 "remove_belongs_to :a, :b",
                                 "rename_enum :a, :b",
                                 "drop_enum :a",
                                 "drop_database :a",
                                 "drop_trigger :a, :b",
                                 "user.send('delete')",
                                 "user.public_send(:destroy)",
                                 "user.try(:destroy)",
                                 "Foo.remove_everything(1)",
                                 "user.posts.each(&:really_destroy!)",
                                 "records.map(&:force_delete)",
                                 "user.update_quietly",
                                 "User.archive_everything(1)",
                                 "conn2.execute(sql)",
                                 "x.exec_anything(sql)",
                                 "hash.values.each(&:destroy)",
                                 "user.destroy_all_posts(now: true)"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat("User.find(1)\n", text))) << text;
  }
}

TEST(ActiveRecordTest, OrdinaryCodeIsNoCallOfTheDatabase) {
  for (absl::string_view text :
       {"$this->render('x');", "echo $user->created_at;", "$params->remove('x');",
        "$y = $x->updatedAt();", "Cache::forget('x');", "$y = $importance->draw();",
        "$session->clear();", "$cache->delete('x');", "function createUser() {}",
        "Schema::hasTable('x');", "array_map('strtoupper', $x);", "Foo::CREATE;"}) {
    EXPECT_FALSE(HasDestructive(kPhp, absl::StrCat("User::find(1); ", text))) << text;
  }
  for (absl::string_view text :
       {"x = hash.delete(:a)", "params.delete(:x)", "user.created_at", "order.updates",
        "def self.create_x(a)\nend", "list.drop(1)", "names.map(&:upcase)", "errors.clear",
        "post.imported_by", "y = 1 if thing.clearance"}) {
    EXPECT_FALSE(HasDestructive(kRuby, absl::StrCat("User.find(1)\n", text))) << text;
  }
}

// A record may be called as data is, and has methods that no data has.
TEST(ActiveRecordTest, ARecordIsNotTakenForDataByItsName) {
  for (absl::string_view text :
       {"@file.destroy", "@request.update!(a: 1)", "options.destroy_all", "config.save!",
        "params.delete_all", "session.destroy", "@line.update_columns(a: 1)", "set.increment!(:a)",
        "queue.update_all('a=1')", "data.save", "file.delete", "line.update(a: 1)", "list.touch",
        "words.upsert_all(x)"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat("User.first\n", text))) << text;
  }
  for (absl::string_view text :
       {"$file->delete();", "$request->save();", "$session->delete();", "$config->save();",
        "$options->update(['a' => 1]);", "$list->truncate();", "$queue->insert(['a' => 1]);"}) {
    EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat("User::find(1); ", text))) << text;
  }
}

// The values that are joined into the SQL of the last call.
std::string JoinedInto(Dialect dialect, absl::string_view program) {
  const auto statements = Split(Target(dialect), program);
  if (!statements.ok() || statements->empty()) return "?";
  const Reading reading = Read(dialect, statements->back());
  if (!reading.facts.call.has_value() || !reading.facts.call->concatenates) return "";
  return reading.facts.call->joined_value;
}

TEST(ActiveRecordTest, AVariableThatWasJoinedIsNoBetterThanTheText) {
  EXPECT_EQ(JoinedInto(kRuby, "sql = \"a = '#{x}'\"\nUser.find_by_sql(sql)"), "x");
  EXPECT_EQ(JoinedInto(kRuby, "sql = 'a = ' + x\nother = sql\nUser.where(other)"), "x");
  EXPECT_EQ(JoinedInto(kRuby, "q = 'SELECT 1'\nq << x\nUser.where(q)"), "x");
  EXPECT_EQ(JoinedInto(kRuby, "q = 'SELECT 1'\nq += \"#{x}\"\nUser.find_by_sql(q)"), "x");
  EXPECT_EQ(JoinedInto(kRuby, "User.where(params[:q])"), "params[:q]");
  EXPECT_EQ(JoinedInto(kPhp, "$q = \"a = '$x'\"; User::find_by_sql($q);"), "$x");
  EXPECT_EQ(JoinedInto(kPhp, "$q = 'a = '; $q .= $_GET['x']; $db->query($q);"), "$_GET['x']");
  EXPECT_EQ(JoinedInto(kPhp, "$q = sprintf('a = %s', $x); $db->query($q);"), "$x");
  EXPECT_EQ(JoinedInto(kPhp, "$db->query($_POST['q']);"), "$_POST['q']");
  for (absl::string_view text :
       {"sql = \"a = '#{x}'\"\nsql = 'a = 1'\nUser.find_by_sql(sql)",
        "sql = 'a = 1' if x\nUser.find_by_sql(sql)", "sql = x ? 'a' : 'b'\nUser.where(sql)",
        "list = []\nlist << x\nUser.where(list)", "q = 'a'\nq << ' AND b = ?'\nUser.where(q, 1)",
        "sql = get('a')\nUser.where(sql)", "a = 'x'\nsql = 'SELECT ' + a\nUser.where(sql)",
        "sql = \"a = '#{x}'\"\nUser.where(name: sql)", "User.where(params.permit(:a))"}) {
    EXPECT_EQ(JoinedInto(kRuby, text), "") << text;
  }
}

TEST(ActiveRecordTest, SeveralCallsCountAsTheWorst) {
  const Verdict verdict = Classify(kRuby, "User.find(1); User.delete_all; User.create(a: 1)");
  EXPECT_EQ(verdict.safety, Safety::kDestructive);
  EXPECT_EQ(verdict.kind, Kind::kDataFix);
  EXPECT_FALSE(verdict.adds_only);
  EXPECT_TRUE(Classify(kRuby, "User.find(1); User.create(a: 1)").adds_only);
  EXPECT_TRUE(Classify(kRuby, "User.transaction { User.find(1) }").transaction_control);
}

TEST(ActiveRecordTest, TablesAreThoseOfTheConvention) {
  const auto objects = [](absl::string_view text) {
    std::vector<std::string> tables = Classify(kRuby, text).tables;
    return absl::StrJoin(tables, " ");
  };
  EXPECT_EQ(objects("User.delete_all"), "`users`");
  EXPECT_EQ(objects("OrderItem.delete_all"), "`order_items`");
  EXPECT_EQ(objects("Shop::Category.delete_all"), "`categories`");
  EXPECT_EQ(objects("user.save"), "");
}

TEST(ActiveRecordTest, StatementsStandWhereTheirReceiverStands) {
  const auto statements = Split(kRuby, "x = 1\n  y = User.find(1)\nif a then Order.first end\n");
  ASSERT_TRUE(statements.ok());
  ASSERT_THAT(*statements, SizeIs(2));
  EXPECT_EQ((*statements)[0].line, 2);
  EXPECT_EQ((*statements)[0].column, 7);
  EXPECT_EQ((*statements)[0].text, "User.find(1)");
  EXPECT_EQ((*statements)[1].line, 3);
  EXPECT_EQ((*statements)[1].column, 11);
}

TEST(ActiveRecordTest, AProgramOfWhichNothingIsKnownIsOneStatement) {
  const auto statements = Split(kPhp, "\n  frobnicate();\n");
  ASSERT_TRUE(statements.ok());
  ASSERT_THAT(*statements, SizeIs(1));
  EXPECT_EQ((*statements)[0].text, "frobnicate()");
  EXPECT_EQ((*statements)[0].line, 2);
  EXPECT_EQ((*statements)[0].column, 3);
  EXPECT_THAT(*Split(kPhp, " \n"), IsEmpty());
}

TEST(ActiveRecordTest, WhatIsNotClosedIsAnErrorWithItsPlace) {
  const std::pair<Dialect, const char*> cases[] = {
      {kPhp, "$a = 1;\n  $b = 'x"}, {kPhp, "\n  \"{$a\""},     {kPhp, "\n  /* x"},
      {kPhp, "\n  <<<X\nabc"},      {kRuby, "a\n  b = \"x"},   {kRuby, "\n  %q(a (b)"},
      {kRuby, "\n  <<~X\nabc\n"},   {kRuby, "\n  x = /abc\n"}, {kRuby, "\n  `ls"},
  };
  for (const auto& [dialect, text] : cases) {
    const auto statements = Split(dialect, text);
    EXPECT_FALSE(statements.ok()) << text;
    EXPECT_THAT(std::string(statements.status().message()), HasSubstr("line 2, column ")) << text;
  }
}

TEST(ActiveRecordTest, AnErrorAboutNestingShowsNothingOfTheProgram) {
  const auto statements = Split(kRuby, "\n" + std::string(300, '(') + "\xff");
  ASSERT_FALSE(statements.ok());
  EXPECT_THAT(std::string(statements.status().message()),
              HasSubstr("line 2, column 202: brackets"));
}

TEST(ActiveRecordTest, ALongChainBesideAModelEnds) {
  std::string text = "User.find(1)\nUser";
  for (int i = 0; i < 100000; ++i) text += ".b";
  EXPECT_TRUE(HasDestructive(kRuby, text));
}

TEST(ActiveRecordTest, DeepNestingEnds) {
  for (const std::string piece : {"(", "[", "{", "f(", "User.where(", "a.b ", "\"#{", "do ", "x ",
                                  "a b, ", "a.b c, ", "User.where a, ", "a { b "}) {
    std::string text = "User.find ";
    for (int i = 0; i < 20000; ++i) text += piece;
    (void)Split(kRuby, text);
    (void)Classify(kRuby, text);
    (void)Split(kPhp, text);
    EXPECT_EQ(Classify(kPhp, text).safety, Safety::kDestructive) << piece;
  }
}

}  // namespace
}  // namespace dbfleet::sql
