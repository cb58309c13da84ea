#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// More ways around what makes PHP and Ruby understood: other spellings, other places for code, and
// names that mean something else than they say.
namespace dbfleet::sql {
namespace {

TEST(HostDetoursTest, NothingThatIsNotSeenIsDeclaredInRuby) {
  constexpr absl::string_view kFiles[] = {
      "class A\n  def self.x\n    find_by_sql(\"DELETE FROM t\")\n  end\nend",
      "class A\n  def self.x\n    count_by_sql(\"DELETE FROM t\")\n  end\nend",
      "class A\n  def x(l)\n    l.map { |q| q.wipe }\n  end\nend",
      "users.map { |q| q.wipe }",
      "class A < B\n  has_one :cover\n  def x(c)\n    self.cover = c\n  end\nend",
      "class A < B\n  has_one :profile\n  def x(c)\n    self.profile = c\n  end\nend",
      "class A\n  def x\n    { wipe: }\n  end\nend",
      "class A\n  def x\n    puts(wipe:)\n  end\nend",
      "class A\n  delegate :wipe, to: :svc\n  def x\n    wipe\n  end\nend",
      "class A < B\n  def x\n    wipe\n  end\nend\nclass C\n  def wipe\n  end\nend",
      "class A < B\n  scope :x, -> { order(\"a FOR UPDATE\") }\nend",
      "class A < B\n  scope :x, -> { joins(:a).where(\"a = 1; DELETE FROM t\") }\nend",
      "class A < B\n  scope :x, -> { where(\"a = wipe(1)\") }\nend",
      "class A < B\n  validates :x, if: :wipe\nend",
      "class A < B\n  before_save :x, if: :wipe\n  def x\n  end\nend",
      "class A < B\n  before_save :wipe\nend",
      "class A < B\n  before_save Wiper\nend",
      "class A < B\n  has_many :p, before_add: :wipe\nend",
      "class A < B\n  rescue_from Foo, with: :wipe\nend",
      "class A < B\n  validates_with Wiper\nend",
  };
  ExpectDestructive(kRuby, kFiles);
  EXPECT_FALSE(IsDestructiveFile(kRuby,
                                 "class A < B\n  scope :x, -> { where(\"a > ? AND b IS NULL\", 1) "
                                 "}\n  def y(z)\n    return if z.blank?\n    z.to_s\n  end\n"
                                 "  def w = name.to_s\nend"));
}

TEST(HostDetoursTest, NothingThatIsNotSeenIsDeclaredInPhp) {
  constexpr absl::string_view kFiles[] = {
      "class A extends Model { USE Evil; }",
      "ENUM A { use Evil; case B; }",
      "namespace B; class A extends Model { function x($s) { return App\\strlen($s); } }",
      "class A extends Model { function x($s) { return App\\strlen($s); } }",
      "use function Evil\\{strlen};\nclass A extends Model { function x($s) { return strlen($s); } "
      "}",
      "class A extends Model { function x($s) { return ($s)->wipe(); } }",
      "class A extends Model { function x() { return ($this->a)::wipe(); } }",
      "class A extends Model { function x($s) { return [$s][0]->wipe(); } }",
      "class A extends Model { function x() { return (new DateTime())->wipe(); } }",
      "class A extends Model { function x($s) { return match (true) { default => $s }->wipe(); } }",
      "class A extends Model { function x() { return \"Foo\"::wipe(); } }",
      "class A extends Model { function x($s) { return (head($s))->wipe(); } }",
      "class A extends Model { function x($s) { return Arr::first($s, 'wipe'); } }",
      "class A extends Model { function x() { return $this->hasOne(B::class)->withDefault('wipe'); "
      "} }",
      "class A extends Model { function x($f) { return $this->whenLoaded('a', $f); } }",
      "class A extends Model { function x() { $request = $this->svc; return $request->input(1); } "
      "}",
      "class A extends Model { function x() { return Http::get('http://x'); } }",
      "class A extends Model { function x($s) { return CLONE $s; } }",
      "class A extends Model { function x($s) { return NEW Wiper($s); } }",
      "class A extends Model { function x($s) { return INCLUDE $s; } }",
  };
  ExpectDestructive(kPhp, kFiles);
}

TEST(HostDetoursTest, WordsOfPhpAreNotToldApartByCase) {
  constexpr absl::string_view kFiles[] = {
      "USE Evil as DB; DB::select('SELECT 1');",
      "use Evil AS DB; DB::select('SELECT 1');",
      "Use Evil\\DB; DB::select('SELECT 1');",
      "FINAL CLASS DB {} DB::select('SELECT 1');",
      "ENUM DB {} DB::select('SELECT 1');",
      "INTERFACE DB {} DB::select('SELECT 1');",
      "CLASS R {} R::find('a');",
      "FOREACH (User::all() AS $u) { $u->wipe(); }",
      "foreach (User::all() as [$u]) { $u->wipe(); }",
      "USE FUNCTION Evil\\sprintf; DB::select(sprintf('SELECT * FROM t WHERE a = %d', $x));",
      "use function Evil\\{sprintf}; DB::select(sprintf('SELECT * FROM t WHERE a = %d', $x));",
      "EXTRACT($_POST); $wpdb->get_results(\"SELECT * FROM {$wpdb->posts}\");",
  };
  ExpectDestructive(kPhp, kFiles);
  const std::string head =
      "class A { private $st; function __construct($db) { $this->st = $db->prepare('SELECT 1'); } "
      "function x() { return $this->st->execute(); } ";
  for (absl::string_view way : {"USE Evil;", "function w($q) { return Unserialize($q); }",
                                "function w($q) { $r = new REFLECTIONProperty('A', 'st'); }",
                                "function w($q) { $c = CLONE $q; }"}) {
    EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat(head, way, " }"))) << way;
  }
  EXPECT_TRUE(IsDestructiveFile(kPhp, "$s = $db->notprepared('SELECT 1'); $s->execute();"));
  EXPECT_TRUE(IsDestructiveFile(kPhp, "$s = $db->prepareArchive('SELECT 1'); $s->execute();"));
  EXPECT_TRUE(IsDestructiveFile(
      kRuby,
      "class Foo::Repo < Base\n  def initialize(db)\n    @st = db.prepare(\"SELECT 1\")\n  end\n"
      "  def x\n    @st.execute(1).first\n  end\nend"));
}

TEST(HostDetoursTest, ValuesInTextsRunNothing) {
  constexpr absl::string_view kFiles[] = {
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", User.delete_all))",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", user.destroy))",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", \"#{User.delete_all}\"))",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", x { User.delete_all }))",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", wipe(1)))",
      "conn.exec(\"SELECT #{conn.quote(archive x)}\")",
      "conn.exec(\"SELECT #{conn.quote(svc::wipe)}\")",
      "conn.exec(\"SELECT * FROM t LIMIT #{User.delete_all.to_i}\")",
      "conn.exec(\"SELECT * FROM t LIMIT #{user.destroy.count}\")",
      "conn.exec(\"SELECT * FROM t WHERE a IN (#{(['?'] * User.delete_all.size).join(',')})\")",
      "conn.exec(\"SELECT * FROM t WHERE a IN (#{User.delete_all.map { '?' }.join(',')})\")",
  };
  ExpectDestructive(kRuby, kFiles);
  constexpr absl::string_view kOfPhp[] = {
      R"~($pdo->query("SELECT * FROM t WHERE a = E" . $pdo->quote($x));)~",
      R"~($pdo->query("SELECT * FROM t WHERE a = _gbk" . $pdo->quote($x));)~",
      R"~($pdo->query("SELECT * FROM t WHERE a = U&" . $pdo->quote($x));)~",
      R"~($wpdb->get_results($wpdb->prepare("SELECT E%s", $x));)~",
      R"~($pdo->query(sprintf("SELECT * FROM t WHERE a = 5-%d", $x));)~",
      R"~($pdo->query("SELECT * FROM t WHERE a = 5-" . (int) $x);)~",
      R"~(foreach ($_POST as $wpdb->posts) {} $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~(list($wpdb->posts, $b) = $_POST; $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~([$wpdb->posts, $b] = $_POST; $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~(preg_match($a, $b, $wpdb->posts); $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~(\RedBeanPHP\R::find("book", "wipe()");)~",
      R"~($em->find(User::class, 1, 4);)~",
  };
  ExpectDestructive(kPhp, kOfPhp);
}

TEST(HostDetoursTest, WhatASecondLookFound) {
  constexpr absl::string_view kFiles[] = {
      "use Evil\\db; DB::select('SELECT 1');",
      "use Evil\\X as db; DB::select('SELECT 1');",
      "class r { static function find($x) {} } R::find('book');",
      "use Evil\\datetime; class A extends Model { function x() { return new DateTime(); } }",
      "use Evil\\attribute; class A extends Model { function x() { return Attribute::make(get: fn "
      "() "
      "=> 1); } }",
      "use Evil\\{function strlen, const X}; User::find(strlen($x));",
      "$pdo->query(\"SELECT * FROM t WHERE a = \" . $pdo->quote(new Evil));",
      "$pdo->query(\"SELECT * FROM t WHERE a = \" . $pdo->quote(clone $f));",
      "$pdo->query(sprintf(\"SELECT * FROM t WHERE a = '%s'\", $pdo->quote($y)));",
      "$pdo->query(sprintf(\"SELECT * FROM t WHERE a = E%s\", $pdo->quote($y)));",
      "$em->getRepository(User::class)->find(id: 1, lockMode: 4);",
      "$em->getRepository(User::class)->find(1, $m);",
      "User::all()->reject($f);",
      "class A { function x() { return $this->wipe(); } } class B { function wipe() {} }",
      "class A { function x() { return $this->wipe(); } } function wipe() {}",
      "abstract class A { function x() { return $this->wipe(); } abstract function wipe(); }",
  };
  ExpectDestructive(kPhp, kFiles);
  constexpr absl::string_view kOfRuby[] = {
      "User.or(where(\"a = 1; DELETE FROM t\")).to_a",
      "User.where(a: 1).or(order(\"a FOR UPDATE\")).to_a",
      "User.merge(where(\"wipe(1)\")).to_a",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", wipe!))",
      "conn.exec(format(\"SELECT * FROM t WHERE a = %d\", [wipe!]))",
      "class A\n  def x(wipe) = 1\n  def y = wipe\nend",
      "User.all.inject(:wipe)",
      "DB[:a].where { Svc.wipe }.all",
      "class A < B\n  scope :x, -> { where(\"evil(1)\") }\nend",
      "conn.exec(\"SELECT #{conn.quote(yield)}\")",
      "connection.truncate(:users)",
      "User.truncate",
  };
  ExpectDestructive(kRuby, kOfRuby);
  EXPECT_FALSE(HasDestructive(kRuby, "puts post.title.truncate(20)"));
}

TEST(HostDetoursTest, CallbacksAreSeen) {
  constexpr absl::string_view kFiles[] = {
      "User::query()->when(value: true, callback: 'wipe')->get();",
      "User::with(['p' => $f])->get();",
      "User::with(['p' => [$svc, 'archive']])->get();",
      "User::whereHas('p', $f)->get();",
      "User::whereHas('p', [$svc, 'archive'])->get();",
      "User::all()->sortBy([$svc, 'archive']);",
  };
  ExpectDestructive(kPhp, kFiles);
}

TEST(HostDetoursTest, WhatStandsInsideOfAChainCounts) {
  constexpr absl::string_view kFiles[] = {
      "$x = User::find(1)[User::truncate()];",
      "$x = User::find(1)->{User::truncate()};",
      "$x = DB::select('SELECT 1')[DB::delete('DELETE FROM t')];",
      "User::find($x->{User::truncate()});",
      "$u = User::first(); echo \"{$u->wipe()}\";",
  };
  ExpectDestructive(kPhp, kFiles);
  constexpr absl::string_view kOfRuby[] = {
      "User.find(1)[User.delete_all]",
      "User.all.each do |u|\n  puts \"#{u.wipe(1)}\"\nend",
      "for u in User.all\n  u.wipe\nend",
      "User.all.each { |u = 1| u.wipe(1) }",
      "User.all.each { |u, (v, w)| w.wipe(1) }",
      "users = User.all\nusers[0].wipe(1)",
  };
  ExpectDestructive(kRuby, kOfRuby);
}

TEST(HostDetoursTest, RecordsAreFollowedHoweverTheyAreBound) {
  constexpr absl::string_view kPhpFiles[] = {
      "$u = (User::find(1)); $u->wipe();",
      "$u ?\?= User::find(1); $u->wipe();",
      "$u = $a ?: User::find(1); $u->wipe();",
      "$u = $a ? User::find(1) : null; $u->wipe();",
      "$u = $v = User::find(1); $u->wipe();",
      "$u = $v = User::find(1); $v->wipe();",
      "[$u] = User::all(); $u->wipe();",
      "[$a, $u] = User::all(); $u->wipe();",
      "list($u) = User::all(); $u->wipe();",
      "$u['x'] = User::find(1); $u['x']->wipe();",
      "$u = ['x' => User::find(1)]; $u['x']->wipe();",
      "if (($u = User::find(1)) !== null) { $u->wipe(); }",
  };
  ExpectDestructive(kPhp, kPhpFiles);
  constexpr absl::string_view kRubyFiles[] = {
      "u ||= User.first\nu.wipe",
      "u = (User.first)\nu.wipe",
      "u = a || User.first\nu.wipe",
      "u = a ? User.first : nil\nu.wipe",
      "u =\n  User.first\nu.wipe",
      "u = v = User.first\nu.wipe",
      "u, v = User.first, User.last\nu.wipe",
      "u, v = User.first, User.last\nv.wipe",
      "*u = User.first\nu.wipe",
      "(u, v) = User.all\nv.wipe",
      "u = [User.first]\nu[0].wipe",
      "u += User.all\nu.wipe",
      "u[1] = User.first\nu[1].wipe",
  };
  ExpectDestructive(kRuby, kRubyFiles);
  EXPECT_FALSE(IsDestructiveFile(kPhp, "$u = [User::find(1)]; $v = $w; $y = $v->wipe();"));
  EXPECT_FALSE(IsDestructiveFile(kPhp, "$v = $a == User::find(1)->name; $y = $w->wipe();"));
  EXPECT_FALSE(IsDestructiveFile(kRuby, "u = User.first\ny = w.wipe"));
}

}  // namespace
}  // namespace dbfleet::sql
