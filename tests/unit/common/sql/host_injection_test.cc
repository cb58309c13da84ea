#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

// The rules about injection that find something, without their common beginning.
std::string Injections(Dialect dialect, absl::string_view code) {
  const bool host = dialect == kPhp || dialect == kRuby;
  const auto statements = Split(Target(dialect), host ? Beside(dialect, code) : std::string(code));
  if (!statements.ok()) return std::string(statements.status().message());
  std::string found;
  for (const Finding& finding : Lint(dialect, *statements)) {
    if (absl::StartsWith(finding.rule_id, "dbf-injection-")) {
      absl::StrAppend(&found, finding.rule_id.substr(14), " ");
    }
  }
  return found;
}

TEST(HostInjectionTest, SqlThatRubyPutsTogetherIsFound) {
  for (absl::string_view code : {"User.where(\"a = '#{params[:x]}'\")",
                                 "User.order(params[:sort])",
                                 "User.order(\"#{params[:sort]}\")",
                                 "User.where(\"a = \" + params[:x])",
                                 "User.where(\"a = %s\" % params[:x])",
                                 "User.where(\"a = %s\" % [x])",
                                 "User.where(format(\"a = %s\", x))",
                                 "User.where(sprintf(\"a = %s\", x))",
                                 "User.where(Kernel.format(\"a = %s\", x))",
                                 "User.where(\"a = \" << x)",
                                 "User.where(\"a = \".concat(x))",
                                 "User.where(\"a IN (\" + ids.join(\",\") + \")\")",
                                 "User.where(\"a IN (#{ids.join(',')})\")",
                                 "User.where([\"a = \", x].join)",
                                 "User.where([\"a = \", x].join(\" \"))",
                                 "User.where([a, b].join(\" AND \"))",
                                 "User.find_by_sql(\"SELECT a FROM t WHERE a = #{x}\")",
                                 "User.find_by_sql([\"SELECT a FROM t WHERE a = #{x}\"])",
                                 "User.exists?([\"a = '#{x}'\"])",
                                 "User.exists?(\"a = #{x}\")",
                                 "User.pluck(Arel.sql(\"#{x}\"))",
                                 "User.pluck(Arel.sql(params[:x]))",
                                 "User.pluck(params[:x])",
                                 "User.order(Arel.sql(\"a #{x}\"))",
                                 "User.order(Arel.sql(params[:dir]))",
                                 "User.where(sanitize_sql(\"a = #{x}\"))",
                                 "User.where(ActiveRecord::Base.send(:sanitize_sql, \"a = #{x}\"))",
                                 "User.where(User.sanitize_sql_array([\"a = #{x}\"]))",
                                 "User.where(sanitize_sql_for_conditions(\"a = #{x}\"))",
                                 "User.where(\"a LIKE '%\" + x + \"%'\")",
                                 "User.where(\"a LIKE '%#{x}%'\")",
                                 "User.where(\"id = #{params[:id]}\")",
                                 "User.group(params[:g])",
                                 "User.having(\"count(*) > #{x}\")",
                                 "User.select(params[:cols])",
                                 "User.select(\"a, #{x}\")",
                                 "User.joins(\"JOIN b ON #{x}\")",
                                 "User.joins(params[:j])",
                                 "User.from(\"#{t}\")",
                                 "User.from(params[:t])",
                                 "User.lock(params[:l])",
                                 "User.lock(\"#{x}\").first",
                                 "User.calculate(:sum, params[:c])",
                                 "User.sum(params[:c])",
                                 "User.sum(\"#{c}\")",
                                 "User.count(\"#{c}\")",
                                 "User.average(params[:c])",
                                 "User.minimum(\"#{c}\")",
                                 "User.where.not(\"a = #{x}\")",
                                 "User.where(\"a = 1\").or(User.where(\"b = #{x}\"))",
                                 "User.reorder(params[:o])",
                                 "User.rewhere(\"a = #{x}\")",
                                 "User.find_by(\"a = #{x}\")",
                                 "User.find_by(params[:q])",
                                 "User.where(params[:q])",
                                 "User.delete_all(\"a = #{x}\")",
                                 "User.update_all(\"a = #{x}\")",
                                 "User.destroy_by(\"a = #{x}\")",
                                 "User.delete_by(\"a = '#{x}'\")",
                                 "conn.execute(\"DELETE FROM x WHERE a = #{x}\")",
                                 "conn.select_all(\"SELECT #{x}\")",
                                 "conn.select_value(\"SELECT \" + x)",
                                 "conn.exec_query(\"SELECT #{x}\")",
                                 "conn.select_rows(\"SELECT #{x}\")",
                                 "q = \"a = #{x}\"\nUser.where(q)",
                                 "q = \"a = \"\nq += x\nUser.where(q)",
                                 "q = \"a = \"\nq << x\nUser.where(q)",
                                 "q = \"a = \"\nq.concat(x)\nUser.where(q)",
                                 "q = \"a = %s\"\nUser.where(q % x)",
                                 "q = \"a = %s\" % x\nUser.where(q)",
                                 "q = format(\"a = %s\", x)\nUser.where(q)",
                                 "@q = \"a = #{x}\"\nUser.where(@q)",
                                 "q = [\"a = \", x].join\nUser.where(q)",
                                 "q = params[:q]\nUser.where(q)",
                                 "q = params[:q]\nUser.order(q)",
                                 "q = params.fetch(:q)\nUser.order(q)",
                                 "User.order(params.fetch(:q))",
                                 "User.order(params.require(:q))",
                                 "User.order(params[:a][:b])",
                                 "User.order(params.dig(:a, :b))",
                                 "User.order(cookies[:a])",
                                 "User.order(request.params[:a])",
                                 "User.order(request.headers[\"X\"])",
                                 "User.order(\"#{params[:a]} #{params[:b]}\")",
                                 "User.order(params[:a] + \" desc\")",
                                 "User.order(\"name \" + params[:dir])",
                                 "User.order(name: params[:dir]).order(\"a \" + d)",
                                 "User.where(<<~SQL)\n  a = #{x}\nSQL",
                                 "User.where(%Q{a = #{x}})",
                                 "User.where(%(a = '#{x}'))",
                                 "User.where(\"a = '\" \"#{x}\" \"'\")",
                                 "User.where(\"a = :x\".gsub(\":x\", x))",
                                 "User.where(\"a = X\".sub(\"X\", params[:x]))",
                                 "User.where(\"a = \" + x.to_s)",
                                 "User.where(\"a = #{x.to_s}\")",
                                 "User.where(\"a = #{x}\", y)",
                                 "User.where([\"a = #{x} AND b = ?\", y])",
                                 "User.find(:all, :conditions => \"a = #{x}\")",
                                 "User.find(:first, conditions: [\"a = #{x}\"])",
                                 "User.find(:all, order: params[:o])",
                                 "User.all(conditions: \"a = #{x}\")",
                                 "User.first(conditions: \"a = #{x}\")",
                                 "User.count_by_sql(\"SELECT #{x}\")",
                                 "User.connection.execute(\"SELECT \" + params[:x])",
                                 "User.where(\"a = \" + (x || \"1\"))",
                                 "User.where(\"a = \" + (x ? x : \"1\"))",
                                 "User.where(x ? \"a = #{x}\" : \"b\")",
                                 "User.where(\"a = #{x}\") if x",
                                 "User.where(\"a = #{x}\".freeze)",
                                 "User.where(\"a = #{x}\".squish)",
                                 "User.where(\"a = #{x}\".strip_heredoc)",
                                 "User.where(\"a = #{x}\".html_safe)",
                                 "User.where(String.new(\"a = #{x}\"))",
                                 "User.where(\"a = #{x}\".dup)",
                                 "User.where(\"\" + x)",
                                 "User.includes(:a).references(:a).where(\"a.b = #{x}\")",
                                 "User.unscoped.where(\"a = #{x}\")",
                                 "user.posts.where(\"a = #{x}\")",
                                 "DB[\"SELECT a FROM t WHERE a = #{x}\"].all",
                                 "DB.fetch(\"SELECT a WHERE a = #{x}\").all",
                                 "DB << \"DELETE FROM t WHERE a = #{x}\"",
                                 "DB[:t].where(Sequel.lit(\"a = #{x}\")).all",
                                 "DB.run(\"DELETE FROM t WHERE a = #{x}\")",
                                 "execute \"DELETE FROM t WHERE a = #{x}\"",
                                 "execute(\"UPDATE t SET a = \" + x)",
                                 "User.in_order_of(:id, x).order(\"FIELD(id, #{x})\")",
                                 "User.annotate(\"#{x}\")",
                                 "User.optimizer_hints(\"#{x}\").first",
                                 "scope :x, -> { where(\"a = #{x}\") }",
                                 "scope :x, ->(v) { where(\"a = #{v}\") }",
                                 "def self.q(x)\n  where(\"a = #{x}\")\nend",
                                 "where(\"a = #{x}\")",
                                 "User.where(\"a = \" \\\\\n \"#{x}\")",
                                 "User.where(\"a = \".+(x))",
                                 "User.where(\"a BETWEEN #{a} AND #{b}\")",
                                 "User.limit(\"#{x}\")",
                                 "User.offset(\"#{x}\")",
                                 "q.order(params[:x])",
                                 "q.order_by(params[:x])",
                                 "rel.joins(\"x #{y}\")",
                                 "def a\n  @sql = \"SELECT #{x}\"\nend\nconn.execute(@sql)",
                                 "User.limit(params[:n]).order(\"#{x}\")"}) {
    EXPECT_THAT(Injections(kRuby, code), testing::HasSubstr("concatenation")) << code;
  }
}

TEST(HostInjectionTest, SqlThatPhpPutsTogetherIsFound) {
  for (absl::string_view code :
       {"User::whereRaw(\"a = $x\")->get();",
        "User::whereRaw(\"a = \" . $x)->get();",
        "DB::select(\"SELECT a FROM t WHERE a = $x\");",
        "DB::select(DB::raw(\"SELECT a FROM t WHERE a = $x\"));",
        "DB::table(\"t\")->select(DB::raw(\"a, $x\"))->get();",
        "DB::table(\"t\")->where(DB::raw(\"a = $x\"))->get();",
        "DB::table(\"t\")->whereRaw(\"a = \".$_GET[\"x\"])->get();",
        "DB::table(\"t\")->orderByRaw($_GET[\"o\"])->get();",
        "DB::table(\"t\")->orderByRaw(\"a $dir\")->get();",
        "DB::table(\"t\")->orderBy($_GET[\"o\"])->get();",
        "DB::table(\"t\")->havingRaw(\"a > $x\")->get();",
        "DB::table(\"t\")->groupByRaw(\"$x\")->get();",
        "DB::table(\"t\")->selectRaw(\"a, $x\")->get();",
        "DB::table(\"t\")->fromRaw(\"$x\")->get();",
        "DB::table(\"t\")->orWhereRaw(\"a = $x\")->get();",
        "DB::table(\"t\")->orHavingRaw(\"a = $x\")->get();",
        "DB::statement(\"UPDATE t SET a = $x\");",
        "DB::unprepared(\"UPDATE t SET a = $x\");",
        "DB::insert(\"INSERT INTO t VALUES ($x)\");",
        "DB::update(\"UPDATE t SET a = $x\");",
        "DB::delete(\"DELETE FROM t WHERE a = $x\");",
        "DB::table(\"t\")->update([\"a\" => DB::raw(\"a + $x\")]);",
        "DB::table(\"t\")->whereIn(\"a\", DB::raw(\"($x)\"))->get();",
        "mysqli_query($db, \"SELECT a FROM t WHERE a = $x\");",
        "mysqli_query($db, \"SELECT a FROM t WHERE a = \" . $_GET[\"x\"]);",
        "\\mysqli_query($db, \"SELECT a FROM t WHERE a = '{$x}'\");",
        "mysql_query(\"SELECT a FROM t WHERE a = $x\");",
        "pg_query($db, \"SELECT a FROM t WHERE a = $x\");",
        "pg_query(\"SELECT a FROM t WHERE a = \".$x);",
        "pg_query_params($db, \"SELECT a FROM t WHERE a = $x\", []);",
        "pg_send_query($db, \"SELECT $x\");",
        "pg_prepare($db, \"s\", \"SELECT $x\");",
        "mysqli_multi_query($db, \"SELECT $x\");",
        "mysqli_real_query($db, \"SELECT $x\");",
        "mysqli_prepare($db, \"SELECT $x\");",
        "$db->query(\"SELECT a FROM t WHERE a = $x\");",
        "$db->query(sprintf(\"SELECT a FROM t WHERE a = %s\", $x));",
        "$db->query(vsprintf(\"SELECT a FROM t WHERE a = %s\", [$x]));",
        "$db->query(\"SELECT a FROM t WHERE a IN (\" . implode(\",\", $ids) . \")\");",
        "$db->query(\"SELECT a FROM t WHERE a IN (\" . join(\",\", $ids) . \")\");",
        "$db->query(implode(\" \", [\"SELECT a FROM t WHERE a =\", $x]));",
        "$q = \"SELECT a FROM t\"; $q .= \" WHERE a = $x\"; $db->query($q);",
        "$q = \"SELECT a FROM t\"; $q .= $x; $db->query($q);",
        "$q = \"SELECT a FROM t WHERE a = \" . $x; $db->query($q);",
        "$q = sprintf(\"SELECT %s\", $x); mysqli_query($db, $q);",
        "$q = \"SELECT a WHERE a = $x\"; mysqli_query($db, $q);",
        "$q = <<<SQL\nSELECT a FROM t WHERE a = $x\nSQL;\nmysqli_query($db, $q);",
        "$pdo->prepare(\"SELECT a FROM t WHERE a = $x\");",
        "$pdo->exec(\"DELETE FROM t WHERE a = $x\");",
        "$em->createQuery(\"SELECT u FROM User u WHERE u.a = $x\")->getResult();",
        "$em->createNativeQuery(\"SELECT a FROM t WHERE a = $x\", $r);",
        "$conn->executeQuery(\"SELECT a FROM t WHERE a = $x\");",
        "$conn->fetchAll(\"SELECT a FROM t WHERE a = $x\");",
        "$conn->fetchAllAssociative(\"SELECT a FROM t WHERE a = $x\");",
        "$conn->fetchOne(\"SELECT $x\");",
        "$qb->where(\"u.a = $x\")->getQuery();",
        "$qb->andWhere(\"u.a = \" . $x)->getQuery();",
        "User::find(\"all\", [\"conditions\" => \"a = $x\"]);",
        "User::find_by_sql(\"SELECT $x\");",
        "User::whereRaw(sprintf(\"a = '%s'\", $x))->get();",
        "User::whereRaw(str_replace(\":x\", $x, \"a = :x\"))->get();",
        "User::whereRaw(strtr(\"a = :x\", [\":x\" => $x]))->get();",
        "$sql = $_POST[\"q\"]; $db->query($sql);",
        "$db->query($_GET[\"q\"]);",
        "$db->query($request->input(\"q\"));",
        "$db->query($request->q);",
        "DB::select($request->get(\"q\"));",
        "DB::select(request(\"q\"));",
        "$q = \"SELECT \" . ($x ? $x : 1); $db->query($q);",
        "$q = \"a = \"; $q = $q . $x; $db->query($q);",
        "$wpdb->get_results(\"SELECT a FROM t WHERE a = $x\");",
        "$wpdb->query(\"DELETE FROM t WHERE a = $x\");",
        "$wpdb->get_var(\"SELECT $x\");",
        "$db->query(\"SELECT a FROM t LIMIT $n\");",
        "$db->query(\"SELECT a FROM t WHERE a LIKE '%$x%'\");",
        "$db->query(\"SELECT a FROM t WHERE a LIKE '%\" . $x . \"%'\");",
        "$db->query(\"SELECT a FROM t WHERE id = \" . (string)$x);",
        "User::whereRaw(\"a = '\" . addslashes($x) . \"'\")->get();",
        "$db->query(\"SELECT a FROM t WHERE a = \" . mysqli_real_escape_string($db, $x));",
        "$db->query('SELECT a FROM t WHERE a = ' . $x);",
        "$db->query('SELECT a FROM ' . $this->table . ' WHERE b = 1');",
        "$qb->orderBy($_GET[\"x\"]);",
        "$qb->groupBy(\"a \" . $x);",
        "$qb->joinRaw(\"a $x\");",
        "DB::table(\"t\")->leftJoinRaw(\"a $x\")->get();",
        "$this->sql = \"SELECT a WHERE b = \" . $x; $db->query($this->sql);",
        "$this->sql = \"SELECT a\"; $this->sql .= $x; $db->query($this->sql);",
        "$this->w = $_GET[\"w\"]; $db->query(\"SELECT a FROM t WHERE \" . $this->w);",
        "$db->query(\"SELECT a FROM {$this->table}\");"}) {
    EXPECT_THAT(Injections(kPhp, code), testing::HasSubstr("concatenation")) << code;
  }
}

TEST(HostInjectionTest, PlaceholdersNumbersAndConstantsOfRubyAreClean) {
  for (absl::string_view code :
       {"User.where(\"a = ?\", params[:x])",
        "User.where(a: params[:x])",
        "User.where(\"a = :x\", x: params[:x])",
        "User.where(\"a IN (#{(['?'] * ids.size).join(',')})\", *ids)",
        "marks = ids.map { \"?\" }.join(\",\")\nUser.where(\"a IN (#{marks})\", *ids)",
        "User.order(:name)",
        "User.order(name: :desc)",
        "User.order(\"name desc\")",
        "User.limit(params[:n])",
        "User.offset(params[:n])",
        "User.find(params[:id])",
        "User.find_by(name: params[:n])",
        "User.where(\"a LIKE ?\", \"%#{x}%\")",
        "User.where(\"a LIKE ?\", \"%\" + x + \"%\")",
        "User.exists?(params[:id].to_i)",
        "User.exists?(name: x)",
        "User.pluck(:a)",
        "User.pluck(Arel.sql(\"a + 1\"))",
        "User.where(\"a = \" + \"1\")",
        "q = \"a = 1\"\nq += \" AND b = 2\"\nUser.where(q)",
        "User.where(\"a = ?\", \"x#{y}\")",
        "User.update_all(a: \"x#{y}\")",
        "User.create(a: \"x#{y}\")",
        "puts \"a #{x}\"",
        "User.where(a: \"x#{y}\")",
        "User.joins(:posts)",
        "User.sum(:a)",
        "User.where(\"a = #{1}\")",
        "User.where(User.sanitize_sql_array([\"a = ?\", x]))",
        "User.where(sanitize_sql([\"a = ?\", x]))",
        "User.where(\"a = #{x.to_i}\")",
        "User.where(\"a = #{Integer(x)}\")",
        "User.where([\"a = ?\", x])",
        "User.order(Arel.sql(\"FIELD(a, 1)\"))"}) {
    EXPECT_EQ(Injections(kRuby, code), "") << code;
  }
}

TEST(HostInjectionTest, PlaceholdersThatOnlySomeWaysBindAreNotKnown) {
  constexpr absl::string_view kMade = "$in = implode(',', array_fill(0, count($ids), '?')); ";
  constexpr absl::string_view kRun = " $db->query(\"SELECT a FROM t WHERE a IN ($in)\");";
  EXPECT_FALSE(HasDestructive(kPhp, absl::StrCat(kMade, kRun)));
  EXPECT_FALSE(HasDestructive(kPhp, absl::StrCat("$in = ''; ", kMade, kRun)));
  for (absl::string_view before :
       {"$in = $_GET['x']; if ($c) { ", "function f($in, $db) { if ($c) { ",
        "foreach ($x as $in) { } if ($c) { ", "global $in; if ($c) { ", "g(&$in); if ($c) { ",
        "[$a, $in] = $_POST; if ($c) { ", "[$in] = $_POST; if ($c) { ",
        "foreach ($_POST as [$a, $in]) { } if ($c) { ", "list($a, $in) = $_POST; if ($c) { ",
        "sscanf($_POST['a'], '%s', $in); if ($c) { ", "f($in); if ($c) { ",
        "$$n = $_POST['a']; if ($c) { ", "${'in'} = $_POST['a']; if ($c) { ",
        "$GLOBALS['in'] = $_POST['a']; if ($c) { ", "$in[0] = $_POST['a']; if ($c) { ",
        "extract($_POST); if ($c) { ", "$s->bind_result($in); if ($c) { "}) {
    EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat(before, kMade, "}", kRun))) << before;
  }
  constexpr absl::string_view kFilled =
      "marks = ids.map { \"?\" }.join(\",\") if c\nUser.where(\"a IN (#{marks})\", *ids)";
  EXPECT_FALSE(HasDestructive(kRuby, kFilled));
  for (absl::string_view before :
       {"marks = params[:x]\n", "a, marks = x\n", "marks << x\n", "marks, a = x\n",
        "for a, marks in x do end\n", "x.each { |b, marks| b }\n", "x.each { |(b, marks)| b }\n",
        "f = ->(marks) { 1 }\n", "x.each { |a:, marks: 1| a }\n", "/(?<marks>.*)/ =~ params[:x]\n",
        "binding.local_variable_set(:marks, x)\n", "(marks = params[:x])\n"}) {
    EXPECT_TRUE(HasDestructive(kRuby, absl::StrCat(before, kFilled))) << before;
  }
  const size_t run = kFilled.find("User");
  for (absl::string_view between :
       {"marks.replace(params[:x])\n", "marks.concat(params[:x])\n", "marks.gsub!('?', x)\n",
        "marks.prepend(x)\n", "marks[0] = params[:x]\n", "change(marks)\n",
        "puts \"#{marks.replace(x)}\"\n"}) {
    EXPECT_TRUE(
        HasDestructive(kRuby, absl::StrCat(kFilled.substr(0, run), between, kFilled.substr(run))))
        << between;
  }
}

TEST(HostInjectionTest, PlaceholdersNumbersAndConstantsOfPhpAreClean) {
  for (absl::string_view code :
       {"$db->query(\"SELECT a FROM t WHERE b = 1\");",
        "User::whereRaw(sprintf(\"a = %d\", $x))->get();",
        "$db->query(\"SELECT a FROM t WHERE a = '\" . mysqli_real_escape_string($db, $x) . \"'\");",
        "$pdo->prepare(\"SELECT a FROM t WHERE b = ?\")->execute([$x]);",
        "DB::select(\"SELECT a FROM t WHERE b = ?\", [$x]);", "User::where(\"name\", $x)->get();",
        "$in = implode(\",\", array_fill(0, count($ids), \"?\")); DB::select(\"SELECT a FROM t "
        "WHERE b IN ($in)\", $ids);",
        "User::whereRaw(\"a = ?\", [$x])->get();",
        "DB::table(\"t\")->select(DB::raw(\"count(*) as n\"))->get();", "echo \"a $x\";",
        "$q = \"SELECT a FROM t\"; $q .= \" WHERE b = 1\"; $db->query($q);",
        "User::orderBy(\"name\")->get();",
        "pg_query_params($c, \"SELECT a FROM t WHERE b = $1\", [$x]);",
        "User::create([\"a\" => \"x$y\"]);",
        "User::find(\"all\", [\"conditions\" => [\"a = ?\", \"%$x%\"]]);",
        "User::where(\"name\", \"like\", \"%$x%\")->get();",
        "$db->query(\"SELECT a FROM t WHERE a = \" . (int)$x);",
        "$db->query(\"SELECT a FROM t WHERE a = \" . intval($x));",
        "mysqli_query($db, \"SELECT a FROM t\");"}) {
    EXPECT_EQ(Injections(kPhp, code), "") << code;
  }
}

TEST(HostInjectionTest, ASecondStatementInTheRubySqlOfCallsIsFound) {
  for (absl::string_view code :
       {"conn.execute(\"SELECT 1; DROP TABLE t\")", "User.where(\"a = 1); DELETE FROM users; --\")",
        "conn.execute(\"UPDATE t SET a = 1; UPDATE u SET b = 2\")",
        "User.find_by_sql(\"SELECT a FROM t; DELETE FROM t\")", "execute \"SELECT 1; SELECT 2\""}) {
    EXPECT_THAT(Injections(kRuby, code), testing::HasSubstr("stacked")) << code;
  }
}

TEST(HostInjectionTest, ASecondStatementInThePhpSqlOfCallsIsFound) {
  for (absl::string_view code :
       {"mysqli_multi_query($db, \"SELECT 1; DROP TABLE t\");",
        "$db->multi_query(\"SELECT 1; DELETE FROM t\");",
        "$pdo->exec(\"DELETE FROM t WHERE a=1; DELETE FROM u WHERE b = 1\");",
        "DB::unprepared(\"SELECT 1; DROP TABLE t\");", "DB::select(\"SELECT 1; DROP TABLE t\");"}) {
    EXPECT_THAT(Injections(kPhp, code), testing::HasSubstr("stacked")) << code;
  }
}

TEST(HostInjectionTest, AConditionThatAlwaysHoldsInTheRubySqlOfCallsIsFound) {
  for (absl::string_view code :
       {"User.where(\"a = 1 OR 1=1\")", "User.where(\"1=1\")",
        "User.find_by_sql(\"SELECT a FROM t WHERE b = 1 OR 'a'='a'\")",
        "conn.execute(\"DELETE FROM t WHERE a = 1 OR 1 LIKE 1\")", "User.delete_all(\"1 = 1\")"}) {
    EXPECT_THAT(Injections(kRuby, code), testing::HasSubstr("tautology")) << code;
  }
}

TEST(HostInjectionTest, AConditionThatAlwaysHoldsInThePhpSqlOfCallsIsFound) {
  for (absl::string_view code :
       {"User::whereRaw(\"a = 1 OR 1=1\")->get();",
        "mysqli_query($db, \"SELECT a FROM t WHERE a = 1 OR 1 BETWEEN 0 AND 2\");",
        "$db->query(\"SELECT a FROM t WHERE a = 1 || 1\");",
        "DB::select(\"SELECT a FROM t WHERE a = 1 OR NOT 0\");"}) {
    EXPECT_THAT(Injections(kPhp, code), testing::HasSubstr("tautology")) << code;
  }
}

TEST(HostInjectionTest, ACommentThatHidesInTheRubySqlOfCallsIsFound) {
  for (absl::string_view code : {"conn.execute(\"SELECT a FROM t WHERE b = '' -- ' AND c = 1\")",
                                 "User.where(\"a = 1 OR/**/b = 2\")",
                                 "conn.execute(\"SELECT a FROM t WHERE a = 1 /*! OR 1=1 */\")"}) {
    EXPECT_THAT(Injections(kRuby, code), testing::HasSubstr("comment")) << code;
  }
}

// A value that can only be one of the program's own words breaks no quotes.
TEST(HostInjectionTest, OneOfSeveralConstantWordsIsNoInjection) {
  for (absl::string_view code :
       {"dir = params[:dir] == \"asc\" ? \"ASC\" : \"DESC\"\nUser.order(\"name #{dir}\").limit(1)",
        "User.order(\"name #{params[:dir] == \"asc\" ? \"asc\" : \"desc\"}\").limit(1)",
        "dir = \"ASC\"\ndir = \"DESC\" if params[:down]\nUser.order(\"name #{dir}\").limit(1)"}) {
    EXPECT_EQ(Injections(kRuby, code), "") << code;
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
  for (absl::string_view code :
       {"$dir = $r->dir === 'asc' ? 'asc' : 'desc';\nDB::select(\"SELECT a FROM t ORDER BY a "
        "$dir\");",
        "$dir = match ($r->dir) { 'a' => 'asc', default => 'desc' };\n"
        "DB::select(\"SELECT a FROM t ORDER BY a {$dir}\");",
        "$col = $r->x ? 'name' : 'created_at';\nDB::select(\"SELECT a FROM t ORDER BY $col\");"}) {
    EXPECT_EQ(Injections(kPhp, code), "") << code;
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

// As the advice says it.
TEST(HostInjectionTest, AQuotedNameIsNoInjection) {
  for (absl::string_view code :
       {"User.order(\"#{User.connection.quote_column_name(col)} DESC\").limit(1)",
        "User.where(\"#{ActiveRecord::Base.connection.quote_column_name(col)} = ?\", "
        "1).limit(1)"}) {
    EXPECT_EQ(Injections(kRuby, code), "") << code;
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
  for (absl::string_view code : {"User.order(\"#{svc.quote_column_name(col)} DESC\")",
                                 "User.where(\"a = '#{User.connection.quote_column_name(col)}'\")",
                                 "User.order(\"#{User.connection.columns(col)} DESC\")"}) {
    EXPECT_NE(Injections(kRuby, code), "") << code;
  }
}

TEST(HostInjectionTest, WordsThatAreNotAllConstantOrSayMoreAreInjections) {
  for (absl::string_view code :
       {"$dir = $r->dir ? 'asc' : $r->other;\nDB::select(\"SELECT a FROM t ORDER BY a $dir\");",
        "$dir = 'asc';\n$dir = $r->dir;\nDB::select(\"SELECT a FROM t ORDER BY a $dir\");",
        "$dir = 'asc';\n$dir .= $r->dir;\nDB::select(\"SELECT a FROM t ORDER BY a $dir\");",
        "$dir = 'asc';\nfunction f($dir) { DB::select(\"SELECT a FROM t ORDER BY a $dir\"); }",
        "$dir = 'asc';\n[$a, $dir] = $r->x;\nDB::select(\"SELECT a FROM t ORDER BY a $dir\");",
        "$dir = match ($r->dir) { 'a' => 'asc', default => $r->x };\n"
        "DB::select(\"SELECT a FROM t ORDER BY a {$dir}\");",
        "$dir = $r->dir ?: 'desc';\nDB::select(\"SELECT a FROM t ORDER BY a $dir\");"}) {
    EXPECT_NE(Injections(kPhp, code), "") << code;
  }
  // What begins another statement, or calls a function, is looked at as what it may be.
  for (absl::string_view code :
       {"$verb = $x ? 'delete' : 'select';\nDB::select(\"$verb a FROM t\");",
        "$f = $x ? 'archive' : 'wipe';\nDB::select(\"SELECT $f(1)\");",
        "$t = $x ? 'a; DROP TABLE b' : 'c';\nDB::select(\"SELECT a FROM $t\");"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
  EXPECT_TRUE(HasDestructive(
      kRuby, "def a\n  dir = \"ASC\"\nend\ndef b\n  User.order(\"name #{dir}\").to_a\nend"));
}

}  // namespace
}  // namespace dbfleet::sql
