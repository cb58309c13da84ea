#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostHiddenSqlTest, SqlInThePiecesThatAPhpBuilderIsGivenCounts) {
  for (
      absl::string_view code :
      {R"~($x = User::inRandomOrder('f(1)')->get();)~",
       R"~($x = User::inRandomOrder($seed)->get();)~",
       R"~($x = User::groupByRaw('f(1)')->get();)~",
       R"~($x = DB::query()->fromRaw('f(1)')->get();)~",
       R"~($x = DB::table('x')->fromRaw('f(1)')->get();)~",
       R"~($x = User::selectRaw('f(1)')->get();)~",
       R"~($x = User::groupBy('a')->havingRaw('f(1) > 1')->get();)~",
       R"~($x = User::groupBy('a')->having('a', 1)->orHavingRaw('f(1) > 1')->get();)~",
       R"~($x = User::whereRaw('f(1)')->get();)~",
       R"~($x = User::where('a', 1)->orWhereRaw('f(1)')->get();)~",
       R"~($x = User::select(DB::raw('f(1)'))->get();)~",
       R"~($x = User::where(DB::raw('f(1)'), 1)->get();)~",
       R"~($x = User::latest(DB::raw('f(1)'))->get();)~",
       R"~($x = User::value(DB::raw('f(1)'));)~",
       R"~($x = User::pluck(DB::raw('f(1)'));)~",
       R"~($x = User::sum(DB::raw('f(1)'));)~",
       R"~($x = User::orderByRaw('f(1)')->get();)~",
       R"~($x = DB::table('a')->joinSub('SELECT f(1)', 'x', 'x.a', '=', 'a.b')->get();)~",
       R"~($x = DB::table('a')->selectSub('SELECT f(1)', 'x')->get();)~",
       R"~($x = DB::table('a')->fromSub('SELECT f(1) from x', 'x')->get();)~",
       R"~($x = User::addSelect(DB::raw('f(1)'))->get();)~",
       R"~($x = User::query()->useIndex('x) f(1')->get();)~",
       R"~($x = User::where('a', 1)->lock('for update')->get();)~",
       R"~($x = $em->createQueryBuilder()->select('sleep(5)')->from('users', 'u')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->where('f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->groupBy('b')->having('f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->addSelect('f(1)')->from('users', 'u')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->andWhere('f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->orderBy('f(1)')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->addOrderBy('f(1)')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->addGroupBy('f(1)')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->leftJoin('u', 'b', 'b', 'f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->orWhere('f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->orHaving('f(1) = 1')->executeQuery();)~",
       R"~($x = $em->createQueryBuilder()->select('a')->from('users', 'u')->getQuery()->setLockMode(LockMode::PESSIMISTIC_WRITE)->getResult();)~",
       R"~($x = $em->find(User::class, 1, LockMode::PESSIMISTIC_WRITE);)~",
       R"~($x = $conn->createQueryBuilder()->select('a')->from('users', 'u')->forUpdate()->executeQuery();)~",
       R"~($x = User::select(new Expression('f(1)'))->get();)~",
       R"~($x = User::select(new RawExpr('f(1)'))->get();)~",
       R"~($x = User::get([DB::raw('f(1)')]);)~",
       R"~($x = User::find(1, [DB::raw('f(1)')]);)~",
       R"~($x = User::paginate(15, [DB::raw('f(1)')]);)~",
       R"~($x = User::first([DB::raw('f(1)')]);)~",
       R"~($x = User::all([DB::raw('f(1)')]);)~",
       R"~($x = User::whereIn('a', [DB::raw('f(1)')])->get();)~",
       R"~($x = User::where('a', '=', DB::raw('f(1)'))->get();)~",
       R"~($x = User::whereBetween('a', [DB::raw('f(1)'), 2])->get();)~",
       R"~($x = User::when($a, function ($q) { $q->whereRaw('f(1)'); })->get();)~",
       R"~($x = User::where(function ($q) { $q->whereRaw('f(1)'); })->get();)~",
       R"~($x = User::where(fn ($q) => $q->whereRaw('f(1)'))->get();)~",
       R"~($x = User::orderBy('a', $dir)->get();)~",
       R"~($x = User::orderBy(DB::raw('f(1)'))->get();)~",
       R"~($x = User::orderByDesc(DB::raw('f(1)'))->get();)~",
       R"~($x = User::oldest(DB::raw('f(1)'))->get();)~",
       R"~($x = User::groupBy(DB::raw('f(1)'))->get();)~",
       R"~($x = User::having(DB::raw('f(1)'), '>', 1)->get();)~",
       R"~($x = DB::table('a')->join(DB::raw('(select f(1)) x'), 'x.a', '=', 'a.b')->get();)~",
       R"~($x = DB::table('a')->join('b', 'b.a', '=', DB::raw('f(1)'))->get();)~",
       R"~($x = DB::table(DB::raw('f(1)'))->get();)~",
       R"~($x = User::count(DB::raw('f(1)'));)~",
       R"~($x = User::max(DB::raw('f(1)'));)~",
       R"~($x = User::implode(DB::raw('f(1)'), ',');)~",
       R"~($x = User::withCount(['posts' => function ($q) { $q->select(DB::raw('f(1)')); }])->get();)~",
       R"~($x = User::withCount(['posts' => fn ($q) => $q->select(DB::raw('f(1)'))])->get();)~",
       R"~($x = User::whereExists(function ($q) { $q->select(DB::raw('f(1)'))->from('x'); })->get();)~",
       R"~($x = User::whereHas('posts', function ($q) { $q->whereRaw('f(1)'); })->get();)~",
       R"~($x = User::union(DB::table('a')->selectRaw('f(1)'))->get();)~",
       R"~($x = DB::select('select f(1)');)~",
       R"~($x = DB::scalar('select f(1)');)~",
       R"~($x = DB::selectOne('select f(1)');)~",
       R"~(foreach (DB::cursor('select f(1)') as $r) {})~",
       R"~($x = $repo->createQueryBuilder('u')->leftJoin('u.posts', 'p', 'WITH', 'f(1) = 1')->getQuery()->getResult();)~",
       R"~($x = $repo->createQueryBuilder('u')->set('u.a', 1)->getQuery()->getResult();)~",
       R"~($x = $repo->createQueryBuilder('u')->delete()->getQuery()->getResult();)~",
       R"~($x = $repo->createQueryBuilder('u')->getQuery()->setLockMode(4)->getResult();)~",
       R"~($x = $em->createQuery('DELETE FROM User u')->getResult();)~",
       R"~($x = $em->createNativeQuery('select f(1)', $rsm)->getResult();)~",
       R"~($x = $conn->createQueryBuilder()->select('a')->from('users u, f(1)')->executeQuery();)~",
       R"~($x = $conn->createQueryBuilder()->select('a')->from('users', 'u')->join('u', '(select f(1))', 'x', 'true')->executeQuery();)~",
       R"~($x = $conn->createQueryBuilder()->select('a')->from('users', 'u')->addUnion('select f(1)')->executeQuery();)~",
       R"~($x = $conn->createQueryBuilder()->with('x', 'select f(1)')->select('a')->from('x', 'u')->executeQuery();)~"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostHiddenSqlTest, SqlInThePiecesThatARubyBuilderIsGivenCounts) {
  for (absl::string_view code : {R"~(DB[:t].where { sleep(5) }.all)~",
                                 R"~(DB[:t].where { some_function(x) }.all)~",
                                 R"~(DB[:t].select { pg_sleep(5) }.all)~",
                                 R"~(DB[:t].order { nextval('s') }.all)~",
                                 R"~(DB[:t].where { f.call }.all)~",
                                 R"~(DB[:t].select { evil.function }.all)~",
                                 R"~(DB[:t].where { |o| o.sleep(5) }.all)~",
                                 R"~(DB[:t].select(Sequel.function(:sleep, 5)).all)~",
                                 R"~(DB[:t].select(Sequel[:sleep].function(5)).all)~",
                                 R"~(DB[:t].where(Sequel.lit("sleep(5)")).all)~",
                                 R"~(DB[:t].select(:pg_sleep.sql_function(5)).all)~",
                                 R"~(DB[:t].where(id: 1).for_update.first)~",
                                 R"~(DB[:t].where(id: 1).lock_style(:update).first)~",
                                 R"~(DB[:t].where(id: 1).for_share.first)~",
                                 R"~(DB[:t].with_sql("DELETE FROM t").all)~",
                                 R"~(User.where { sleep(5) }.all)~",
                                 R"~(User.where("f(1)").to_a)~",
                                 R"~(User.where.not("f(1)").to_a)~",
                                 R"~(User.pluck("f(1)"))~",
                                 R"~(User.pluck(Arel.sql("f(1)")))~",
                                 R"~(User.order("f(1)").to_a)~",
                                 R"~(User.group("f(1)").count)~",
                                 R"~(User.group(:a).having("f(1) > 1").to_a)~",
                                 R"~(User.select("f(1)").to_a)~",
                                 R"~(User.select(:a, "f(1)").to_a)~",
                                 R"~(User.select(:a).reselect("f(1)").to_a)~",
                                 R"~(User.from("f(1)").to_a)~",
                                 R"~(User.joins("JOIN f(1) x").to_a)~",
                                 R"~(User.left_outer_joins("JOIN f(1) x").to_a)~",
                                 R"~(User.calculate(:sum, "f(1)"))~",
                                 R"~(User.sum("f(1)"))~",
                                 R"~(User.maximum("f(1)"))~",
                                 R"~(User.lock("FOR UPDATE").to_a)~",
                                 R"~(User.exists?(["f(1)"]))~",
                                 R"~(User.find_by("f(1)"))~",
                                 R"~(User.rewhere("f(1)").to_a)~",
                                 R"~(User.in_order_of(Arel.sql("f(1)"), [1]).to_a)~",
                                 R"~(User.with(x: "SELECT f(1)").to_a)~",
                                 R"~(User.with(x: Arel.sql("SELECT f(1)")).to_a)~",
                                 R"~(User.optimizer_hints("*/ f(1) /*").to_a)~",
                                 R"~(User.annotate("*/ , f(1) /*").to_a)~",
                                 R"~(User.where(Arel::Nodes::NamedFunction.new("f", [1])).to_a)~",
                                 R"~(User.extending(Evil).to_a)~",
                                 R"~(User.create_with(a: 1).find_or_create_by(b: 1))~",
                                 R"~(DB[:t].select_append(Sequel.lit("f(1)")).all)~",
                                 R"~(DB.fetch("SELECT f(1)").all)~",
                                 R"~(DB.run("SELECT f(1)"))~",
                                 R"~(DB.get(Sequel.function(:f, 1)))~",
                                 R"~(DB.get { f(1) })~",
                                 R"~(DB[:t].get { f(1) })~",
                                 R"~(DB[:t].call(:delete))~",
                                 R"~(DB[:t].filter { f(1) }.all)~",
                                 R"~(DB[:t].exclude { f(1) }.all)~",
                                 R"~(DB[:t].group(:a).having { f(1) }.all)~",
                                 R"~(DB.from { f(1) }.all)~",
                                 R"~(DB[:t].select_append { f(1) }.all)~",
                                 R"~(DB[:t].join(:u, a: :b) { f(1) }.all)~",
                                 R"~(DB.select { f(1) }.all)~",
                                 R"~(DB[:t].where(a: Sequel.function(:f)).all)~",
                                 R"~(ds = DB[:t]
ds.where { f(1) }.all)~",
                                 R"~(ds = DB[:t]
ds = ds.where { f(1) })~",
                                 R"~(class Post < Sequel::Model; end
Post.where { f(1) }.first)~",
                                 R"~(DB[:t].first { f(1) })~",
                                 R"~(DB[:t].order(Sequel.lit('f(1)')).first)~",
                                 R"~(User.order(Arel.sql "f(1)").to_a)~",
                                 R"~(User.order(Arel::Nodes::SqlLiteral.new("f(1)")).to_a)~",
                                 R"~(User.pluck(Arel::Nodes::SqlLiteral.new("f(1)")))~",
                                 R"~(DB[:t].where(Sequel::LiteralString.new("f(1)")).all)~",
                                 R"~(DB[:t].where("f(1)".lit).all)~",
                                 R"~(User.select("a").reorder("f(1)").to_a)~",
                                 R"~(User.group(:a).regroup("f(1)").to_a)~",
                                 R"~(User.pick("f(1)"))~",
                                 R"~(User.unscope(:where).from("(select f(1)) x").to_a)~",
                                 R"~(User.includes(:a).references("f(1)").where("f(1)").to_a)~",
                                 R"~(User.average("f(1)"))~",
                                 R"~(User.minimum("f(1)"))~",
                                 R"~(User.count("f(1)"))~",
                                 R"~(User.where(id: Arel.sql("f(1)")).ids)~",
                                 R"~(User.where(User.arel_table[:a].eq(Arel.sql("f(1)"))).to_a)~",
                                 R"~(User.where(User.arel_table[:a].evil(1)).to_a)~",
                                 R"~(User.merge(User.where("f(1)")).to_a)~",
                                 R"~(User.where(a: 1).or(User.where("f(1)")).to_a)~",
                                 R"~(User.where(id: User.select("f(1)")).to_a)~",
                                 R"~(User.where(a: 1).explain(:analyze))~",
                                 R"~(User.where("f(1)").load_async)~",
                                 R"~(User.where("f(1)").invert_where.to_a)~",
                                 R"~(User.find_by_sql("select f(1)"))~",
                                 R"~(ActiveRecord::Base.connection.select_value("select f(1)"))~",
                                 R"~(User.exists?("f(1)"))~",
                                 R"~(User.find(:all, conditions: "f(1)"))~",
                                 R"~(User.sum { |u| u.destroy })~",
                                 R"~(DB[:t].where("f(1)").all)~",
                                 R"~(DB[:t].filter("f(1)").all)~",
                                 R"~(DB[:t].where(Sequel.expr { f(1) }).all)~",
                                 R"~(DB[:t].where(Sequel.virtual_row { f(1) }).all)~",
                                 R"~(DB[:t].where(proc { f(1) }).all)~",
                                 R"~(DB[:t].where(->(o) { o.f(1) }).all)~",
                                 R"~(DB[:t].where(&blk).all)~",
                                 R"~(DB[:t].where do
  f(1) > 5
end)~",
                                 R"~(DB["select f(1)"].all)~",
                                 R"~(DB[:t][Sequel.lit("f(1)")])~",
                                 R"~(DB[:t].select_group { f(1) }.all)~",
                                 R"~(DB[:t].max { f(1) })~",
                                 R"~(DB[:t].sum(Sequel.function(:f, 1)))~",
                                 R"~(DB[:t].with(:x, DB["delete from t returning *"]).all)~",
                                 R"~(DB[:t].join(:u) { |j, lj, js| Sequel.lit("f(1)") }.all)~",
                                 R"~(DB[:t].paged_each { |r| DB[:x].delete })~",
                                 R"~(DB[:t].returning.with_sql_all("delete from t"))~",
                                 R"~(def x(ds)
  ds.filter { sleep(5) }.all
end)~",
                                 R"~(def x(ds)
  ds.select { sleep(5) }
end)~",
                                 R"~(ds = DB["DELETE FROM t RETURNING id"]
ds.all)~",
                                 R"~(rows = @db["DELETE FROM t RETURNING id"])~"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

TEST(HostHiddenSqlTest, PiecesThatOnlyReadAreSafeInPhp) {
  for (
      absl::string_view code :
      {R"~($x = User::inRandomOrder()->limit(5)->get();)~",
       R"~($x = User::orderBy('a', 'desc')->get();)~",
       R"~($x = $repo->createQueryBuilder('u')->leftJoin('u.posts', 'p', 'WITH', 'p.a = 1')->addSelect('p')->addOrderBy('p.name', 'DESC')->getQuery()->getResult();)~"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostHiddenSqlTest, PiecesThatOnlyReadAreSafeInRuby) {
  for (absl::string_view code :
       {R"~(DB[:t].where { price > 5 }.all)~",
        R"~(DB[:t].where { (price > 5) & (name =~ 'a') }.all)~",
        R"~(DB[:t].where { sum(:price) > 5 }.all)~",
        R"~(DB[:t].select { count.function.* }.first)~",
        R"~(x = DB[:orders].group(:status).select_map { max(:total) })~",
        R"~(def x(list)
  list.select { |a| format("%d", a) }
end)~",
        R"~(ds = DB["SELECT id FROM t"])~", R"~(DB[:t].order(:name.desc).first)~"}) {
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
}

}  // namespace
}  // namespace dbfleet::sql
