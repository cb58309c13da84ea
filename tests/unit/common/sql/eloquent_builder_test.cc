#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(EloquentBuilderTest, WhatTellsAQueryMoreReads) {
  constexpr absl::string_view kPieces[] = {
      R"~(Order::query()->withTrashed()->get();)~",
      R"~(Order::query()->onlyTrashed()->get();)~",
      R"~(Order::withTrashed()->where('a', 1)->get();)~",
      R"~(Order::query()->withSum('items', 'price')->get();)~",
      R"~(Order::query()->withMax('items', 'price')->get();)~",
      R"~(Order::query()->withMin('items', 'price')->get();)~",
      R"~(Order::query()->withAvg('items', 'price')->get();)~",
      R"~(Order::query()->withSum(['items' => fn ($q) => $q->where('a', 1)], 'price')->get();)~",
      R"~(Order::query()->withExists('items')->get();)~",
      R"~(Order::query()->withWhereHas('items', fn ($q) => $q->where('a', 1))->get();)~",
      R"~(Order::query()->doesntHave('items')->get();)~",
      R"~(Order::query()->whereDoesntHave('items', function ($q) { $q->where('a', 1); })->get();)~",
      R"~(Order::query()->whereRelation('items', 'price', '>', 3)->get();)~",
      R"~(Order::query()->whereBelongsTo($user)->get();)~",
      R"~(Order::query()->whereJsonContains('options->languages', 'en')->get();)~",
      R"~(Order::query()->whereJsonDoesntContain('options->languages', 'en')->get();)~",
      R"~(Order::query()->whereJsonContainsKey('options->languages')->get();)~",
      R"~(Order::query()->whereJsonLength('options->languages', '>', 1)->get();)~",
      R"~(Order::query()->whereFullText('bio', 'web developer')->get();)~",
      R"~(Order::query()->whereKey(1)->get();)~",
      R"~(Order::query()->whereKey([1, 2])->get();)~",
      R"~(Order::query()->whereKeyNot(1)->get();)~",
      R"~(Order::query()->whereTime('created_at', '=', '11:20')->get();)~",
      R"~(Order::query()->whereMorphTo('commentable', $post)->get();)~",
      R"~(Order::query()->whereExists(Item::select('id'))->get();)~",
      R"~(Order::query()->whereExists(fn ($q) => $q->select('id')->from('items')->whereColumn('items.order_id', 'orders.id'))->get();)~",
      R"~(Order::query()->whereNotExists(function ($q) { $q->select('id')->from('items'); })->get();)~",
      R"~(Order::query()->joinSub(Item::select('id'), 'x', fn ($j) => $j->on('x.id', '=', 'orders.id'))->get();)~",
      R"~(Order::query()->joinSub(Item::select('id'), 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->leftJoinSub(Item::select('id'), 'x', function ($j) { $j->on('x.id', '=', 'orders.id'); })->get();)~",
      R"~(Order::query()->selectSub(Item::select('id')->limit(1), 'x')->get();)~",
      R"~(Order::query()->selectSub(fn ($q) => $q->from('items')->select('id'), 'x')->get();)~",
      R"~(Order::query()->fromSub(Item::select('id'), 'x')->get();)~",
      R"~(Order::query()->where('a', 1)->union(Order::where('a', 2))->get();)~",
      R"~(Order::query()->where('a', 1)->unionAll(Order::where('a', 2))->get();)~",
      R"~(Order::query()->withoutGlobalScope('active')->get();)~",
      R"~(Order::query()->withoutGlobalScope(ActiveScope::class)->get();)~",
      R"~(Order::query()->withoutGlobalScopes()->get();)~",
      R"~(Order::query()->withOnly('items')->get();)~",
      R"~(Order::query()->withCasts(['a' => 'datetime'])->get();)~",
      R"~(Order::query()->forPage(2, 15)->get();)~",
      R"~(Order::query()->whereAny(['a', 'b'], 'like', 'x')->get();)~",
      R"~(Order::query()->whereAll(['a', 'b'], 'like', 'x')->get();)~",
      R"~(Order::query()->whereNone(['a', 'b'], 'like', 'x')->get();)~",
      R"~(Order::query()->orderBy(Item::select('x')->limit(1))->get();)~",
      R"~(Order::query()->orderBy(Item::select('x')->whereColumn('items.order_id', 'orders.id')->limit(1), 'desc')->get();)~",
      R"~(Order::query()->orderByDesc(Item::select('x')->limit(1))->get();)~",
      R"~(Order::query()->addSelect(['last' => Item::select('x')->limit(1)])->get();)~",
      R"~(Order::where('a', 1)->dd();)~",
      R"~(Order::where('a', 1)->dump();)~",
      R"~(Order::where('a', 1)->dump()->get();)~",
      R"~(class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } })~",
      R"~(class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } public function findActive(): array { return $this->createQueryBuilder('u')->where('u.active = 1')->getQuery()->getResult(); } })~",
      R"~(Order::query()->join('x', function ($join) { $join->on('x.id', '=', 'orders.id')->where('x.a', 1); })->get();)~",
      R"~(Order::query()->whereHas('items', function ($q) { $q->where('a', 1); })->withTrashed()->get();)~",
  };
  ExpectReads(kPhp, kPieces);
}

// Functions that a name or a variable stands for, SQL that is a text, methods that relations name.
TEST(EloquentBuilderTest, WhatWritesOrIsNotSeenInItIsDestructive) {
  constexpr absl::string_view kPieces[] = {
      R"~(Order::find(1)->items()->attach(3);)~",
      R"~(Order::find(1)->items->concat($x)->each->save();)~",
      R"~(Order::where('a', 1)->dump()->delete();)~",
      R"~(Order::query()->withTrashed()->delete();)~",
      R"~(Order::query()->withTrashed()->forceDelete();)~",
      R"~(Order::query()->onlyTrashed()->restore();)~",
      R"~(Order::withTrashed()->restore();)~",
      R"~(Order::query()->withSum(['items' => $f], 'price')->get();)~",
      R"~(Order::query()->withSum(['items' => [$svc, 'archive']], 'price')->get();)~",
      R"~(Order::query()->withSum(['items' => fn ($q) => $q->delete()], 'price')->get();)~",
      R"~(Order::query()->withMax(['items' => $f], 'price')->get();)~",
      R"~(Order::query()->withMin(['items' => $f], 'price')->get();)~",
      R"~(Order::query()->withAvg(['items' => $f], 'price')->get();)~",
      R"~(Order::query()->withExists(['items' => $f])->get();)~",
      R"~(Order::query()->withOnly(['items' => $f])->get();)~",
      R"~(Order::query()->withOnly(['items' => fn ($q) => $q->delete()])->get();)~",
      R"~(Order::query()->withWhereHas('items', $f)->get();)~",
      R"~(Order::query()->withWhereHas('items', fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->doesntHave('items', 'and', $f)->get();)~",
      R"~(Order::query()->whereDoesntHave('items', fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->whereDoesntHave('items', $f)->get();)~",
      R"~(Order::query()->whereRelation('items', $f)->get();)~",
      R"~(Order::query()->whereRelation('items', fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->whereExists($f)->get();)~",
      R"~(Order::query()->whereExists(fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->whereExists(Item::where('a', 1)->delete())->get();)~",
      R"~(Order::query()->whereNotExists($f)->get();)~",
      R"~(Order::query()->whereNotExists([$svc, 'archive'])->get();)~",
      R"~(Order::query()->whereExists('purge')->get();)~",
      R"~(Order::query()->joinSub('select sleep(100)', 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->joinSub('delete from a', 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->joinSub($f, 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->joinSub(Item::select('id'), 'x', $f)->get();)~",
      R"~(Order::query()->joinSub(Item::select('id'), 'x', fn ($j) => $j->delete())->get();)~",
      R"~(Order::query()->joinSub(Item::select('id'), $name, 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->joinSub(Item::selectRaw($sql), 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->joinSub("select id from items where a = $x", 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->leftJoinSub('select pg_sleep(1)', 'x', 'x.id', '=', 'orders.id')->get();)~",
      R"~(Order::query()->selectSub('select sleep(100)', 'x')->get();)~",
      R"~(Order::query()->selectSub('sleep(100)', 'x')->get();)~",
      R"~(Order::query()->selectSub($sql, 'x')->get();)~",
      R"~(Order::query()->selectSub("select $x", 'x')->get();)~",
      R"~(Order::query()->selectSub(fn ($q) => $q->delete(), 'x')->get();)~",
      R"~(Order::query()->selectSub(Item::select('id'), $name)->get();)~",
      R"~(Order::query()->fromSub('select sleep(100)', 'x')->get();)~",
      R"~(Order::query()->fromSub('select 1) as x, (select sleep(100)', 'x')->get();)~",
      R"~(Order::query()->fromSub($sql, 'x')->get();)~",
      R"~(Order::query()->fromSub(fn ($q) => $q->delete(), 'x')->get();)~",
      R"~(Order::query()->where('a', 1)->union(Order::where('a', 2)->delete())->get();)~",
      R"~(Order::query()->where('a', 1)->union($f)->get();)~",
      R"~(Order::query()->where('a', 1)->union(fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->where('a', 1)->unionAll($f)->get();)~",
      R"~(Order::query()->where('a', 1)->unionAll([$svc, 'archive'])->get();)~",
      R"~(Order::query()->whereAny(['a', DB::raw('sleep(100)')], 'like', 'x')->get();)~",
      R"~(Order::query()->whereAny([fn ($q) => $q->delete()], 'like', 'x')->get();)~",
      R"~(Order::query()->whereAny($columns, "like $x", 'x')->get();)~",
      R"~(Order::query()->whereAny([$f], 'like', 'x')->get();)~",
      R"~(Order::query()->whereKey(purge())->get();)~",
      R"~(Order::query()->whereKey(DB::raw('sleep(100)'))->get();)~",
      R"~(Order::query()->orderBy(DB::raw("a $x"))->get();)~",
      R"~(Order::query()->orderBy("a $x")->get();)~",
      R"~(Order::query()->orderByRaw("a $x")->get();)~",
      R"~(Order::query()->orderBy(Item::whereRaw("a = $x")->limit(1))->get();)~",
      R"~(Order::query()->orderBy(Item::where('a', 1)->delete())->get();)~",
      R"~(Order::query()->orderBy(fn ($q) => $q->delete())->get();)~",
      R"~(Order::query()->orderBy($f)->get();)~",
      R"~(Order::query()->whereExists("select $x")->get();)~",
      R"~(Order::query()->where("a = $x")->get();)~",
      R"~(Order::query()->whereRaw("a = " . $x)->get();)~",
      R"~(Order::query()->whereFullText("a $x", 'y')->get();)~",
      R"~(Order::query()->whereJsonContains("a->$x", 'y')->get();)~",
      R"~(Order::query()->withCasts(purge())->get();)~",
      R"~(Order::query()->forPage(purge())->get();)~",
      R"~(Order::query()->active()->get();)~",
      R"~(Order::query()->popular()->get();)~",
      R"~(Order::query()->whereArchive()->purge();)~",
      R"~(Order::query()->whereMorphTo('commentable', purge())->get();)~",
      R"~(Order::query()->withoutGlobalScope(purge())->get();)~",
      R"~(class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); $this->purge(); } })~",
      R"~(class X extends Y { public function __construct() { parent::__construct(Order::where('a', 1)->delete()); } })~",
      R"~(class X extends Y { public function __construct() { parent::purge(); } })~",
      R"~(Order::query()->join('items', $f)->get();)~",
      R"~(Order::query()->with('delete')->get();)~",
      R"~(Order::query()->whereHas('purge')->get();)~",
      R"~(Order::where('a', 1)->get()[0]->split();)~",
      R"~(Order::where('a', 1)->get()[0]->transform();)~",
      R"~(Order::where('a', 1)->first()->union($x);)~",
      R"~(Order::where('a', 1)->first()->random();)~",
      R"~(Order::where('a', 1)->first()->tap(fn ($o) => $o->archive());)~",
      R"~(Order::find(1)->transform();)~",
      R"~(Order::find(1)->split();)~",
      R"~(Order::find(1)->dump();)~",
      R"~(Order::find(1)->items();)~",
      R"~(Order::transform();)~",
      R"~(Order::random();)~",
      R"~(Order::split(1);)~",
      R"~($order->split();)~",
      R"~($order->transform();)~",
      R"~($order->union($x);)~",
      R"~($orders->first()->transform();)~",
      R"~(Order::query()->leftJoinSub(Item::select('id'), 'x', function ($j) { $j->on('x.id', '=', DB::raw('sleep(100)')); })->get();)~",
      R"~(Order::query()->join('x', function ($j) { $j->delete(); })->get();)~",
      R"~(Order::query()->join('x', function ($j) { $j->on($f); $j->purge(); })->get();)~",
      R"~(Order::query()->join('x', fn ($j) => $j->on($f))->get();)~",
      R"~(Order::query()->union(function ($q) { $q->delete(); })->get();)~",
      R"~(Order::query()->whereExists(function ($q) { $q->from('x')->delete(); })->get();)~",
      R"~(Order::query()->with('items.delete')->get();)~",
      R"~(Order::query()->withSum('delete', 'x')->get();)~",
      R"~(Order::query()->withOnly(['purge'])->get();)~",
      R"~(Order::query()->whereRelation('delete', 'a', 1)->get();)~",
      R"~(Order::query()->whereBelongsTo($user, 'delete')->get();)~",
      R"~(Order::query()->whereMorphTo('delete', $user)->get();)~",
      R"~(Order::query()->withCasts(['a' => Evil::class])->get();)~",
      R"~(Order::query()->withCasts($casts)->get();)~",
      R"~(class UserRepository extends Base { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } })~",
      R"~(use Evil\ServiceEntityRepository; class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } })~",
      R"~(class ServiceEntityRepository { function __construct($a) { purge(); } } class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } })~",
      R"~(use Evil\Repo as ServiceEntityRepository; class UserRepository extends ServiceEntityRepository { public function __construct(ManagerRegistry $registry) { parent::__construct($registry, User::class); } })~",
  };
  ExpectWrites(kPhp, kPieces);
}

// The rules about injection and about reads of all rows that find something.
std::string Found(Dialect dialect, absl::string_view code) {
  const auto statements = Split(Target(dialect), Beside(dialect, code));
  if (!statements.ok()) return std::string(statements.status().message());
  std::string found;
  for (const Finding& finding : Lint(dialect, *statements)) {
    const bool of_these = absl::StartsWith(finding.rule_id, "dbf-injection-") ||
                          finding.rule_id == "dbf-ar-unbounded-read";
    if (of_these) absl::StrAppend(&found, finding.rule_id, " ");
  }
  return found;
}

TEST(EloquentBuilderTest, FunctionsListsAndQueriesAreNoSqlText) {
  constexpr absl::string_view kPieces[] = {
      R"~(Order::query()->whereExists(Item::select("id"))->get();)~",
      R"~(Order::query()->whereExists(fn ($q) => $q->select('id')->from('items'))->get();)~",
      R"~(Order::query()->whereAny(['a', 'b'], 'like', 'x')->get();)~",
      R"~(Order::where('a', 1)->joinSub($l, 'x', fn ($j) => $j->on('x.id', '=', 'y.id'))->get();)~",
      R"~(Order::where('a', 1)->orderBy(Item::select('x')->limit(1))->get();)~",
  };
  for (absl::string_view code : kPieces) EXPECT_EQ(Found(kPhp, code), "") << code;
}

TEST(EloquentBuilderTest, WhatIsJoinedInThemIsFound) {
  constexpr absl::string_view kPieces[] = {
      R"~(Order::query()->whereFoo("a $x")->get();)~",
      R"~(Order::query()->whereFoo(strtolower("a $x"))->get();)~",
      R"~(Order::where('a', 1)->orderBy("a $x")->get();)~",
      R"~(Order::query()->whereExists("select $x")->get();)~",
      R"~(Order::query()->whereExists(Item::whereRaw("a = $x"))->get();)~",
      R"~(Order::query()->whereAny(["a $x"], 'like', 'x')->get();)~",
      R"~(Order::where('a', 1)->joinSub("select $x", 'x', 'a', '=', 'b')->get();)~",
      R"~(Order::where('a', 1)->fromSub("select $x", 'x')->get();)~",
      R"~(Order::where('a', 1)->selectSub('select ' . $x, 'x')->get();)~",
      R"~(Order::where('a', 1)->orderBy(fn ($q) => $q->selectRaw("a $x"))->get();)~",
  };
  for (absl::string_view code : kPieces) {
    EXPECT_EQ(Found(kPhp, code), "dbf-injection-concatenation ") << code;
  }
  EXPECT_EQ(Found(kRuby, "Order.from(Order.where(\"a = #{x}\"), :orders).limit(2)"),
            "dbf-injection-concatenation ");
}

TEST(EloquentBuilderTest, WhateverBeginsWithWhereIsACondition) {
  for (absl::string_view link :
       {"whereKey(1)", "whereRelation('items', 'a', 1)", "whereBelongsTo($user)",
        "whereStatus('x')", "doesntHave('items')"}) {
    EXPECT_EQ(Found(kPhp, absl::StrCat("Order::query()->", link, "->get();")), "") << link;
  }
  EXPECT_EQ(Found(kPhp, "Order::query()->withTrashed()->get();"), "dbf-ar-unbounded-read ");
  EXPECT_EQ(Found(kRuby, "Order.joins(:items).merge(Item.where(a: 1)).to_a"), "");
  EXPECT_EQ(Found(kRuby, "Order.joins(:items).merge(Item.order(:a)).to_a"),
            "dbf-ar-unbounded-read ");
}

}  // namespace
}  // namespace dbfleet::sql
