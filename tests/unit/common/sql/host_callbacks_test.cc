#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// What collections and builders are given to call, where it is no function in place.
namespace dbfleet::sql {
namespace {

TEST(HostCallbacksTest, WhatIsCalledAndNotSeenCounts) {
  ExpectWrites(kPhp, {"Post::where('id', 1)->get()->each([$svc, $m]);",
                      "Post::where('id', 1)->get()->pipe([$svc, self::M]);",
                      "Post::where('id', 1)->get()->pipe([$svc, 'a' . 'b']);",
                      "Post::where('id', 1)->get()->pipe([0 => $svc, 1 => 'wipe']);",
                      "Post::where('id', 1)->get()->tap([$f][0]);",
                      "Post::where('id', 1)->get()->map(array($svc, $m));",
                      "Post::where('id', 1)->chunk(100, [$svc, $m]);",
                      "Post::where('id', 1)->when($x, [$svc, $m])->get();",
                      "Post::where('id', 1)->get()->map($wiper ?? fn($x) => $x);",
                      "Post::where('id', 1)->get()->each($cb ?: strtolower($x));",
                      "Post::where('id', 1)->get()->first($f ?? fn($x) => 1);",
                      "Post::where('id', 1)->get()->each($a ? fn($x) => 1 : $g);",
                      "Post::where('id', 1)->get()->each($this->handlers[strtolower($x)]);",
                      "Post::where('id', 1)->chunkById(100, $f ?? fn($x) => $x);",
                      "Post::where('id', 1)->with(['a' => $f ?? fn($q) => $q])->get();",
                      "Post::where('id', 1)->whereHas('a', $f ?? fn($q) => $q)->get();",
                      "Post::where('id', 1)->get()->each(($f));",
                      "Post::where('id', 1)->get()->map(...$f);",
                      "Post::where('id', 1)->get()->map((object) $f);",
                      "Post::where('id', 1)->get()->each(self::CALLBACK);",
                      "Post::where('id', 1)->get()->each(CALLBACK);",
                      "Post::where('id', 1)->get()->each(config('x.callback'));",
                      "Post::where('id', 1)->get()->map('wi' . 'pe');",
                      "Post::where('id', 1)->get()->map(true ? 'wipe' : 'b');",
                      "Post::where('id', 1)->get()->each(new Wiper);",
                      "Post::where('id', 1)->with(['a' => Svc::CB])->get();",
                      "Post::where('id', 1)->get()->sort($f);",
                      "Post::where('id', 1)->get()->sort('wipe');"});
  ExpectReads(
      kPhp,
      {"$a = Post::where('id', 1)->get()->map(fn ($x) => $x->name);",
       "$a = Post::where('id', 1)->get()->map(static fn ($x) => $x->name);",
       "$a = Post::where('id', 1)->get()->filter();", "$a = Post::where('id', 1)->get()->sort();",
       "$a = Post::where('id', 1)->get()->random(3);",
       "$a = Post::where('id', 1)->get()->map(strtolower(...));",
       "$a = Post::where('id', 1)->get()->groupBy(['a', fn ($x) => $x->b]);",
       "$a = Post::where('id', 1)->get()->sortBy([['name', 'asc'], ['age', 'desc']]);"});
}

// Proc#=== calls.
TEST(HostCallbacksTest, PatternsOfRubyMayBeCalled) {
  ExpectWrites(kRuby, {"Post.where(id: 1).all?(:destroy.to_proc)",
                       "Post.where(id: 1).any?(:archive!.to_proc)",
                       "f = svc.method(:archive)\nPost.where(id: 1).one?(f)",
                       "Post.where(id: 1).all?(@f)", "Post.where(id: 1).none?(CALLBACK)",
                       "Post.where(id: 1).detect(-> { Wiper.run }) { |x| x.id }"});
  ExpectReads(kRuby, {"x = names.any?(/a/)", "x = names.all?(String)", "x = names.none?(nil)",
                      "x = Post.where(id: 1).any?", "x = names.any? { |n| n.size > 1 }"});
}

TEST(HostCallbacksTest, AndIsNoArgument) {
  ExpectReads(kRuby, {"def editable?\n  return true if admin? && owner?\n  false\nend",
                      "x = Post.where(id: 1).exists? && Post.where(id: 2).none?",
                      "def overdue?\n  placed? && created_at < 14.days.ago\nend"});
  ExpectWrites(kRuby, {"x = Post.where(id: 1).exists? && purge(1)",
                       "x = admin? && Post.where(id: 1).delete_all"});
}

// Of rows a text is the name of a function; of a query it is a column.
TEST(HostCallbacksTest, FirstAndLastOfRowsCallWhatTheyAreGivenTheNameOf) {
  ExpectWrites(kPhp, {"$a = Post::where('id', 1)->get()->first('wipe_all');",
                      "$a = Post::where('id', 1)->get()->last('wipe_all');",
                      "$a = Post::all()->filter()->first('slurp');",
                      "$a = Post::where('id', 1)->paginate(3)->first('slurp');",
                      "$posts = Post::where('id', 1)->get();\n$posts->first('slurp');",
                      "$a = Post::find(1)->comments->first('slurp');"});
  ExpectReads(kPhp, {"$a = Post::where('id', 1)->first('email');", "$a = Post::first('email');",
                     "$a = DB::table('posts')->where('id', 1)->first('email');",
                     "$a = Post::where('id', 1)->get()->first(fn ($p) => $p->paid);",
                     "$a = Post::where('id', 1)->get()->last();"});
}

TEST(HostCallbacksTest, CastsAreLaravelsOwn) {
  ExpectWrites(kPhp, {"$a = Post::withCasts(['a' => 'wiper'])->get();",
                      "$a = Post::withCasts(['a' => 'wiper:2'])->get();",
                      "$a = Post::withCasts(['a' => Wiper::class])->get();"});
  ExpectReads(kPhp, {"$a = Post::withCasts(['a' => 'integer', 'b' => 'decimal:2'])->get();",
                     "$a = Post::withCasts(['a' => 'datetime:Y-m-d'])->get();"});
}

TEST(HostCallbacksTest, MergeRunsFunctions) {
  ExpectWrites(kRuby, {"Post.where(id: 1).merge(f).to_a", "Post.where(id: 1).merge(@f).to_a",
                       "Post.where(id: 1).merge(Svc.callback).to_a",
                       "f = Svc.callback\nPost.where(id: 1).merge(f).to_a",
                       "Post.where(id: 1).merge(-> { Post.delete_all }).to_a",
                       "f = Post.where(id: 1)\nf = Svc.callback\nPost.where(id: 2).merge(f).to_a"});
  ExpectReads(kRuby, {"Post.where(id: 1).merge(Tag.where(a: 1)).to_a",
                      "Post.where(id: 1).merge(-> { where(a: 1) }).to_a",
                      "f = Tag.where(a: 1)\nPost.where(id: 1).merge(f).to_a"});
}

// Which are read where the variable got them.
TEST(HostCallbacksTest, QueriesInVariablesMayBeGivenToOthers) {
  ExpectReads(
      kPhp,
      {"$l = DB::table('posts')->select('user_id')->groupBy('user_id');\n"
       "$u = DB::table('users')->joinSub($l, 'l', fn ($j) => $j->on('a.id', '=', 'l.id'))->get();",
       "$l = Post::select('user_id');\n$u = User::whereIn('id', $l)->get();",
       "$l = Post::select('user_id');\n$u = User::where('a', 1)->union($l)->get();"});
  ExpectWrites(
      kPhp, {"$u = DB::table('users')->joinSub($l, 'l', 'a.id', '=', 'l.id')->get();",
             "$l = Svc::sql();\n$u = User::fromSub($l, 'l')->get();",
             "$l = Post::select('a');\n$l = $text;\n$u = User::fromSub($l, 'l')->get();",
             "$l = Post::select('a');\nforeach ($x as $l) { }\n$u = User::fromSub($l, 'l')->get();",
             "function f($l) { return User::fromSub($l, 'l')->get(); }\n$l = Post::select('a');",
             "$l = Post::selectRaw('sleep_and_wipe()');\n$u = User::fromSub($l, 'l')->get();"});
}

TEST(HostCallbacksTest, ArelsTablesMayStandInVariables) {
  ExpectReads(kRuby, {"u = User.arel_table\nUser.where(u[:age].gt(3)).to_a",
                      "u = User.arel_table\nUser.where(id: 1).order(u[:age].desc).to_a",
                      "u = User.arel_table\nUser.where(u[:a].eq(1).and(u[:b].lt(2))).to_a",
                      "u = User.arel_table\nUser.where(id: 1).order(u[:age]).to_a"});
  ExpectWrites(kRuby, {"User.where(u[:age].gt(3)).to_a",
                       "u = User.arel_table\nu = load(1)\nUser.where(u[:age].gt(3)).to_a",
                       "u = User.arel_table\nUser.where(u[:age].gt(Arel.sql(params[:x]))).to_a",
                       "u = User.arel_table\nUser.where(u[params[:x]].gt(1)).to_a"});
}

TEST(HostCallbacksTest, FunctionsInListsAreGivenTheBuilderToo) {
  ExpectReads(kPhp, {"$x = User::with(['items' => fn ($q) => $q->orderBy('a')])->get();",
                     "$x = User::with(['items' => fn ($q) => $q->latest()->limit(3)])->get();"});
  ExpectWrites(kPhp, {"$x = User::with(['items' => fn ($q) => $q->delete()])->get();",
                      "$x = User::with(['items' => fn ($q) => $svc->wipe($q)])->get();",
                      "$x = User::with(['items' => $svc->archive(1)])->get();"});
}

TEST(HostCallbacksTest, OneRowOrValueOfSqlIsOfTheSqlsClass) {
  ExpectReads(
      kPhp, {"$n = DB::selectOne('select count(*) as c from users');",
             "$n = DB::scalar('select count(*) from users');", "$s = User::where('a', 1)->toSql();",
             "$s = User::where('a', 1)->toRawSql();",
             "$t = User::where('a', 1)->get()->takeWhile(fn ($u) => $u->age < 3);",
             "$t = User::where('a', 1)->get()->skipUntil(fn ($u) => $u->age < 3)->count();"});
  ExpectWrites(kPhp,
               {"$n = DB::selectOne('delete from users returning id');", "$n = DB::scalar($sql);",
                "$t = User::where('a', 1)->get()->takeWhile(fn ($u) => $u->delete());",
                "$t = User::where('a', 1)->get()->takeUntil($f);"});
}

// 30,000 calls of what was given and 3,000 repositories: seconds each, if every one of them looked
// at all others.
TEST(HostCallbacksTest, LongRowsOfCallsAreReadOnce) {
  std::string calls = "$x = ($f)";
  for (int i = 0; i < 30000; ++i) calls += "(1)";
  std::string repositories = "use Doctrine\\ORM\\EntityRepository;\n";
  for (int i = 0; i < 3000; ++i) {
    absl::StrAppend(&repositories, "class R", i,
                    " extends EntityRepository { public function __construct($r) { "
                    "parent::__construct($r, U::class); } }\n");
  }
  ExpectWrites(kPhp, {calls + ";"});
  ExpectReads(kPhp, {repositories});
}

// What a variable holds is believed only where every line that binds it is seen.
TEST(HostCallbacksTest, WhateverBindsAVariableCounts) {
  constexpr absl::string_view kWaysToBind[] = {
      "[$c, $l] = $r->input('q');",
      "if ($r) { [$c, $l] = $r->input('q'); }",
      "while ([$c, $l] = $svc->next()) { }",
      "list($a, $b, $c, $d, $e, $l) = $r->input('q');",
      "foreach (config('reports') as ['name' => $n, 'group' => $g, 'sql' => $l]) { }",
      "foreach (self::REPORTS as [$name, $group, $other, $l]) { }",
      "global $a, $b, $c, $d, $e, $l;",
      "static $a, $b, $c, $d, $e, $l;",
      "$l .= $r->input('q');",
      "$f = function ($a, $b, $c, $l) { };"};
  for (absl::string_view bind : kWaysToBind) {
    EXPECT_TRUE(HasDestructive(
        kPhp, absl::StrCat("function one() { $l = Post::select('id'); }\nfunction two($r) { ", bind,
                           " return User::whereRaw($l)->get(); }")))
        << bind;
  }
  ExpectWrites(kPhp, {"function one() { $order = []; }\nfunction two($orders, $id) {\n"
                      "[$invoice, $order] = $orders->load($id); $order->close(); }"});
  ExpectReads(kPhp, {"$map = []; $key = 'a'; $map[$key] = 3; $list = []; $list[] = $map;"});
}

// A local of one method of Ruby is another method's association.
TEST(HostCallbacksTest, LocalsOfRubyAreThoseOfTheirMethod) {
  ExpectWrites(kRuby, {"class Invoice\n  def a\n    account = \"\"\n    account.size\n  end\n"
                       "  def b\n    account.suspend\n    true\n  end\nend",
                       "def a\n  account.suspend\n  account = \"\"\nend",
                       "user = \"\"\nid, user, rest = rows.first\nuser.archive",
                       "user = \"\"\n(id, user), rest = rows.first\nuser.archive",
                       "user = \"\"\nif (user, id = row)\n  user.archive\nend",
                       "user = \"\"\nf = ->(user) { user.archive; 1 }",
                       "user = \"\"\nrow => {user:}\nuser.archive",
                       "user = \"\"\ncase row\nin {id: Integer => id, user: User => user}\n"
                       "  user.archive\nend",
                       "t = Invoice.arel_table\nn, t, z = load_row\nUser.where(t[:filter]).to_a",
                       "t = Invoice.arel_table\nt += x\nUser.where(t[:filter]).to_a",
                       "q = Post.where(id: 1)\nf = ->(q) { User.where(id: 1).merge(q).to_a }",
                       "x = User.where(id: 1)\nx.merge(f).to_a"});
  ExpectReads(kRuby, {"def a\n  list = []\n  list.push(1)\n  list.each { |x| puts x }\nend",
                      "def a(list = [])\n  out = []\n  out << 1\n  out\nend"});
}

// What is called among the arguments is no better known than elsewhere.
TEST(HostCallbacksTest, CallsAmongArgumentsCount) {
  ExpectWrites(
      kRuby,
      {"Post.find(ImportOrders.call)", "Post.find_by(number: Invoice.reserve_number)",
       "Post.where(id: ChargeCustomers.perform_now).to_a", "Post.find(current_user.charge)",
       "Post.where(user_id: User.expire_all.pluck(:id)).limit(5)",
       "User.where(id: 1).or(User.cleanup).to_a", "Post.where(\"id = ?\", Order.close_all)"});
  ExpectReads(kRuby, {"Post.find(params[:id])", "Post.where(user_id: current_user.id).to_a",
                      "Post.where(created_at: Date.today).to_a",
                      "Post.where(id: User.where(a: 1).pluck(:id)).limit(5)",
                      "DB[:users].where(Sequel.lit(\"a > ?\", 1)).count"});
  ExpectWrites(
      kPhp, {"User::with(['posts' => fn ($q) => $q->when($s, [$this->filter, 'apply'])])->get();",
             "DB::table('t')->where(fn ($q) => $q->when($s, [$this->filter, 'apply']))->get();",
             "User::where(fn ($q) => $q->get()->map([$svc, 'wipe']))->get();",
             "User::where(fn ($q) => $q->chunk(5, $f))->get();",
             "User::with(['posts' => ['tags' => $this->tagFilter]])->get();",
             "User::with(['items' => ['delete']])->get();", "User::all()->first($f);",
             "User::all()->last($this->filter);", "Post::all()->sole('wipe_all');",
             "Post::cursor()->first('wipe_all');", "Post::find([1, 2])->first('wipe_all');",
             "User::where('a', 1)->select(['x' => $sub])->get();"});
}

// SQL that is made in one place and handed over in another.
TEST(HostCallbacksTest, SqlThatAValueHoldsIsLookedAtWhereItIsMade) {
  ExpectWrites(kPhp, {"$order = new Expression($r->input('sort'));\nUser::latest($order)->get();",
                      "$v = new Expression('archive_orders()');\nUser::where('a', $v)->get();",
                      "$v = new \\yii\\db\\Expression('archive_orders()');"});
  ExpectWrites(kRuby,
               {"v = Sequel.function(:archive_orders)\nDB[:t].where(a: v).all",
                "v = :archive_orders.sql_function\nDB[:t].where(a: v).all",
                "v = Arel::Nodes::SqlLiteral.new(params[:q])\nUser.where(id: v).to_a",
                "v = Arel::Nodes::NamedFunction.new(\"archive\", [])\nUser.where(id: v).to_a"});
}

// 90,000 mentions of two variables: half a minute, if each looked at all.
TEST(HostCallbacksTest, ManyMentionsOfAQueryAreReadOnce) {
  std::string list;
  for (int i = 0; i < 30000; ++i) list += "$l,";
  for (int i = 0; i < 30000; ++i) list += "$b,";
  EXPECT_TRUE(HasDestructive(
      kPhp, absl::StrCat("$l = Post::select('id');\n$x = User::select([", list, "])->get();")));
}

}  // namespace
}  // namespace dbfleet::sql
