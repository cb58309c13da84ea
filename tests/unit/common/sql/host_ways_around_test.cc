#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Ways around what makes everyday code of PHP and Ruby understood: each looks like a form that only
// reads, and is not, or cannot be known to.
namespace dbfleet::sql {
namespace {

TEST(HostWaysAroundTest, DeclarationsCallNothingThatIsNotSeen) {
  constexpr absl::string_view kFiles[] = {
      // In what is put into a text.
      R"~(class A { function x($s) { return "{$s->archive()}"; } })~",
      R"~(class A { function x($s) { return <<<T
{$s->archive()}
T; } })~",
      // A constructor may do anything, and so may a trait.
      R"~(class A extends Model { public function x() { throw new WipeException($this->a); } })~",
      R"~(class A extends Model { public function x() { return new DropCollection($this->a); } })~",
      R"~(class A extends Model { use WipesOnBoot; protected $a = 1; })~",
      R"~(use Evil\DateTime;
class A extends Model { public function x() { return new DateTime(); } })~",
      R"~(namespace App;
class A extends Model { public function x() { return new DateTime(); } })~",
      // Callables.
      R"~(class A extends Model { public function x() { return [$this->a, "wipe"](); } })~",
      R"~(class A extends Model { public function x($a) { return array_filter($a, [$this, "wipe"]); } })~",
      R"~(class A extends Model { public function x($f) { return $f(1); } })~",
      R"~(class A extends Model { public function x($f) { return (clone $f)->y; } })~",
      // Words of a library on what is not of it.
      R"~(class A extends Model { public function x($svc) { return $svc->using("x"); } })~",
      R"~(class A extends Model { public function x($svc) { return $svc->the_post(); } })~",
      R"~(class A extends Model { public function x($svc) { return $svc->trim(); } })~",
      R"~(class A extends Model { public function x() { return $this->svc->hasMany(1); } })~",
      R"~(class A extends Model { public function x() { return Svc::make($this->a); } })~",
      R"~($q = $svc->query(); while ($q->have_posts()) { $q->the_post(); } $a = new WP_Query([]);)~",
      R"~(foreach ($all as $q) { $q->the_post(); } $q = new WP_Query([]);)~",
  };
  ExpectDestructive(kPhp, kFiles);
  constexpr absl::string_view kOfRuby[] = {
      "class A\n  def y(s)\n    \"#{s.archive}\"\n  end\nend",
      "class A\n  def y(s)\n    <<~T\n      #{s.archive}\n    T\n  end\nend",
      "class A < ApplicationRecord\n  def y\n    errors.archive_all(true)\n  end\nend",
      "class A < ApplicationRecord\n  has_many :errors\n  def y\n    errors.first.archive\n  "
      "end\nend",
      "class A < ApplicationRecord\n  def y\n    self.errors.add(:a, wipe_everything)\n  end\nend",
      // A name that is bound in another method, block or behind it calls a method.
      "class A\n  def x\n    wipe = 1\n  end\n  def y\n    wipe\n  end\nend",
      "class A\n  def x\n    y { |wipe| 1 }\n    wipe\n  end\n  def y\n  end\nend",
      "class A\n  def x\n    wipe\n    wipe = 1\n  end\nend",
      "class A\n  def x(l)\n    Wiper(l)\n  end\nend",
      "class A\n  def x(l)\n    {a: 1}.wipe(l)\n  end\nend",
      "class A\n  def x(l = wipe_all)\n    l\n  end\nend",
      "class A\n  def x(l: wipe_all)\n    l\n  end\nend",
      "class A\n  def x(l, p)\n    l << p\n  end\nend",
      "class A\n  def x(l)\n    /#{l.wipe}/\n  end\nend",
      "class A\n  def x(l)\n    :\"#{l.wipe}\"\n  end\nend",
      "class A\n  def x(l)\n    %W[#{l.wipe}]\n  end\nend",
      "class A\n  def x(l)\n    yield l\n  end\nend",
      "class A < B\n  def x(l)\n    super\n  end\nend",
      "class A\n  def x(l)\n    l.wipe\n  end\nend",
      "class A\n  def x(l)\n    l.map(&:archive)\n  end\nend",
      "class A < ApplicationRecord\n  scope :x, -> { where(\"wipe(1)\") }\nend",
  };
  ExpectDestructive(kRuby, kOfRuby);
}

TEST(HostWaysAroundTest, APreparedPropertyIsKnownOnlyIfNothingElseReachesIt) {
  const std::string head =
      "class A { private $st; function __construct($db) { $this->st = $db->prepare('SELECT 1'); } "
      "function x() { return $this->st->execute(); } ";
  for (absl::string_view way : {
           "function w($q) { $c = clone $this; $c->st = $q; return $c; }",
           "function w($q) { foreach ($this as $k => &$v) { $v = $q; } }",
           "function __set($k, $v) { $o = $this; $o->$k = $v; }",
           "function w($q) { $s = $this; $s->st = $q; }",
           "function c(A $o, $q) { $o->st = $q; }",
           "static function d($q) { $a = new self; $a->st = $q; return $a; }",
           "function w($q) { set($this, $q); }",
           "function w($q) { (function () use ($q) { $this->st = $q; })(); }",
           "function w($q) { [$this->st] = $q; }",
           "function w($q) { [$a, $this->st] = $q; }",
           "function w($q) { foreach ($q as $this->st) {} }",
           "function w($q) { $this->{'st'} = $q; }",
           "function w($q) { list($this->st) = $q; }",
           "function w($q) { $r = new ReflectionProperty('A', 'st'); $r->setValue($this, $q); }",
           "function w($q) { return unserialize($q); }",
           "function w() { $f = fn () => $this; return $f; }",
       }) {
    EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat(head, way, " }"))) << way;
  }
  EXPECT_FALSE(IsDestructiveFile(kPhp, absl::StrCat(head, "}")));
  const std::string ruby =
      "class Repo\n  def initialize(db)\n    @st = db.prepare(\"SELECT 1\")\n  end\n"
      "  def x\n    @st.execute(1).first\n  end\n";
  for (absl::string_view way : {
           "  def w(q)\n    instance_variable_set(:@st, q)\n  end\n",
           "  def w(q)\n    @a, @st = q\n  end\n",
           "  def w(q)\n    @st, a = q\n  end\n",
           "  def w(q)\n    @st ||= q\n  end\n",
           "  def w(q)\n    @st = q\n  end\n",
           "  def w(q)\n    for @st in q do\n    end\n  end\n",
           "  def w(q)\n    q => @st\n  end\n",
           "  attr_accessor :st\n",
           "  attr :st, true\n",
           "  def w(q)\n    instance_eval(q)\n  end\n",
           "  def w(q)\n    \"#{@st = q}\"\n  end\n",
           "  def w(q)\n  rescue => @st\n  end\n",
       }) {
    EXPECT_TRUE(IsDestructiveFile(kRuby, absl::StrCat(ruby, way, "end"))) << way;
  }
  EXPECT_TRUE(IsDestructiveFile(
      kRuby, absl::StrCat(ruby, "end\nRepo.class_eval do\n  def w(q)\n    @st = q\n  end\nend")));
  EXPECT_FALSE(IsDestructiveFile(kRuby, absl::StrCat(ruby, "end")));
}

TEST(HostWaysAroundTest, AQuotingFunctionFitsItsPlaceAndItsServer) {
  constexpr absl::string_view kFiles[] = {
      // CodeIgniter's escape() sets quotes itself.
      R"~($this->db->query("SELECT * FROM t WHERE a = '" . $this->db->escape($x) . "'");)~",
      R"~($conn->query("SELECT * FROM t WHERE a = " . $conn->escape($x));)~",
      // The program's own.
      R"~(function escape_string($x) { return $x; }
$db->query("SELECT * FROM t WHERE a = '" . escape_string($x) . "'");)~",
      R"~(function esc_sql($x) { return $x; }
$db->query("SELECT * FROM t WHERE a = '" . esc_sql($x) . "'");)~",
      R"~($db->query("SELECT * FROM t WHERE a = '" . escape_string($x) . "'");)~",
      R"~(class Db { function quote($x) { return $x; } }
$db = new Db(); $db->query("SELECT * FROM t WHERE a = " . $db->quote($x));)~",
      // Of another server.
      R"~($mysqli->query("SELECT * FROM t WHERE a = '" . pg_escape_string($x) . "'");)~",
      R"~(pg_query($c, "SELECT * FROM t WHERE a = '" . mysqli_real_escape_string($l, $x) . "'");)~",
      // Behind a letter the quote begins another kind of text.
      R"~(pg_query($c, "SELECT * FROM t WHERE a = E'" . pg_escape_string($c, $x) . "'");)~",
      R"~(pg_query($c, "SELECT * FROM t WHERE a = U&'" . pg_escape_string($c, $x) . "'");)~",
      R"~($mysqli->query("SELECT * FROM t WHERE a = x'" . $mysqli->real_escape_string($x) . "'");)~",
      R"~($mysqli->query("SELECT * FROM t WHERE a = _gbk'" . $mysqli->real_escape_string($x) . "'");)~",
  };
  ExpectDestructive(kPhp, kFiles);
  constexpr absl::string_view kOfRuby[] = {
      R"~(conn.exec("SELECT * FROM t WHERE a = E'#{conn.escape_string(x)}'"))~",
      R"~(conn.exec("SELECT #{conn.quote(user.archive)} FROM t"))~",
      "class C\n  def quote(x)\n    x\n  end\nend\nconnection = C.new\n"
      "connection.execute(\"SELECT #{connection.quote(name)}\")",
      "def conn.quote(x)\n  x\nend\nconn.exec(\"SELECT #{conn.quote(name)}\")",
      "conn.define_singleton_method(:quote) { |x| x }\nconn.exec(\"SELECT #{conn.quote(name)}\")",
  };
  ExpectDestructive(kRuby, kOfRuby);
}

TEST(HostWaysAroundTest, WordPressFillsInWhatItFills) {
  constexpr absl::string_view kFiles[] = {
      R"~($wpdb->get_results($wpdb->prepare("SELECT * FROM wp_posts WHERE a = 'x%s'", $a));)~",
      R"~($wpdb->get_results($wpdb->prepare("SELECT * FROM wp_posts WHERE a = '%s x'", $a));)~",
      R"~($wpdb->get_results($wpdb->prepare("SELECT * FROM `%s`", $a));)~",
      R"~($wpdb->get_results($wpdb->prepare("SELECT * FROM `t%d`", $a));)~",
      R"~($wpdb = new Evil(); $wpdb->get_results($wpdb->prepare("SELECT * FROM t WHERE a = %s", $a));)~",
      R"~(function f($wpdb) { $wpdb->get_results($wpdb->prepare("SELECT * FROM t WHERE a = %s", $a)); })~",
      R"~($wpdb->posts = $_GET['x']; $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~($wpdb->prefix = $_GET['x']; $wpdb->get_results("SELECT * FROM {$wpdb->prefix}posts");)~",
      R"~(change($wpdb); $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~($wpdb->set_prefix($x); $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
      R"~($w = $wpdb; $w->posts = $x; $wpdb->get_results("SELECT * FROM {$wpdb->posts}");)~",
  };
  ExpectDestructive(kPhp, kFiles);
}

TEST(HostWaysAroundTest, FormatsAreThoseOfTheLanguage) {
  EXPECT_TRUE(IsDestructiveFile(kPhp, R"~(namespace App;
function sprintf($f, $x) { return "DELETE FROM t"; }
\DB::select(sprintf('SELECT * FROM t WHERE a = %d', $x));)~"));
  EXPECT_TRUE(IsDestructiveFile(kPhp, R"~(use function Evil\sprintf;
\DB::select(sprintf('SELECT * FROM t WHERE a = %d', $x));)~"));
  EXPECT_TRUE(IsDestructiveFile(kRuby,
                                "def format(a, b)\n  \"DELETE FROM t\"\nend\n"
                                "conn.execute(format(\"SELECT %d\", 1))"));
  EXPECT_TRUE(IsDestructiveFile(
      kRuby, "alias_method :format, :evil\nconn.execute(format(\"SELECT %d\", 1))"));
}

TEST(HostWaysAroundTest, ABuilderGoesNowhereElse) {
  const std::string made = "$qb = $em->createQueryBuilder(); $qb->select('u')->from('t', 'u'); ";
  const std::string run = " return $qb->executeQuery();";
  for (absl::string_view way :
       {"$this->x($qb->where('a = 1'));", "$this->tweak(compact('qb'));",
        "$x = $qb->where('a = 1'); $x->delete('t');", "$x = [$qb->where('a = 1')];",
        "$f($qb->where('a = 1'));", "$x = get_defined_vars();", "$qb->from('t', 'x FOR UPDATE');",
        "$qb->from('t', $x);", "return $qb->where('a = 1')->delete('t');",
        "echo wipe($qb->where('a = 1'));", "$this->q = $qb->where('a = 1');",
        "yield $qb->where('a = 1');"}) {
    const std::string file =
        absl::StrCat("class Q { function f($em, $x) { ", made, way, run, " } }");
    EXPECT_TRUE(IsDestructiveFile(kPhp, file)) << file;
  }
  EXPECT_FALSE(IsDestructiveFile(kPhp, absl::StrCat("class Q { function f($em, $x) { ", made,
                                                    "$qb->where('a = 1');", run, " } }")));
  EXPECT_TRUE(IsDestructiveFile(
      kPhp, "$em->createQueryBuilder()->select('1')->from('t', 'x FOR UPDATE')->executeQuery();"));
}

TEST(HostWaysAroundTest, ClosuresOfBuildersOnlyBuild) {
  constexpr absl::string_view kFiles[] = {
      "User::where(function ($q) { $q->wipe(); })->get();",
      "User::with(['p' => function ($q) { $q->wipe(); }])->get();",
      "User::where(function ($q) use ($svc) { $svc->archive(); $q->where('a', 1); })->get();",
      "User::where(fn ($q) => $q->wipe())->get();",
      "User::with(['p' => fn ($q) => $q->wipe()])->get();",
      "User::query()->when($x, fn ($q) => $q->where('a', 1), 'wipe')->get();",
      "User::query()->when(fn () => wipe(), fn ($q) => $q->where('a', 1))->get();",
      "User::whereHas('p', function ($q) { $q->lockForUpdate(); })->get();",
      "User::whereHas('p', fn ($q) => $q->lockForUpdate())->get();",
      "User::whereHas('p', fn ($q) => $q->sharedLock())->get();",
      "User::with(['p' => fn ($q) => $q->lockForUpdate()])->get();",
      "User::where(wipe(...))->get();",
  };
  ExpectDestructive(kPhp, kFiles);
}

TEST(HostWaysAroundTest, MethodsOfRubyAreCalledByName) {
  constexpr absl::string_view kFiles[] = {
      "User.all.map(&:archive)",
      "User.all.select(&:archive)",
      "User.all.select { it.archive }",
      "User.all.select { _1.archive }",
      "User.all.min { wipe }",
      "Post.where { sleep(5) }.all",
      "res = conn.exec(\"SELECT 1\")\nres.archive",
      "DB[:a].for_update.all",
      "DB[:a].for_share.all",
      "DB[:a].lock_style(:update).all",
      "User.with(x: sql).to_a",
      "User.annotate(x).to_a",
      "User.optimizer_hints(x).to_a",
  };
  ExpectDestructive(kRuby, kFiles);
}

TEST(HostWaysAroundTest, SettingsAndFiles) {
  EXPECT_TRUE(HasDestructive(kPhp, "$m->options(3, 'DELETE FROM t');"));
  EXPECT_TRUE(HasDestructive(kPhp, "$m->options(0x3, 'DELETE FROM t');"));
  EXPECT_TRUE(HasDestructive(kPhp, "$m->options($o, $sql);"));
  EXPECT_TRUE(HasDestructive(kPhp, "mysqli_options($m, 3, 'DELETE FROM t');"));
  EXPECT_TRUE(HasDestructive(kPhp, "$p = new MyPDO($a, $b, $c, $opts); $p->query('SELECT 1');"));
  EXPECT_TRUE(HasDestructive(kRuby, "Rails.root.join(\"x\").open(\"w\") { |f| f.puts 1 }"));
  EXPECT_TRUE(HasDestructive(kRuby, "Rails.root.join(\"x\").write(\"a\")"));
  EXPECT_TRUE(HasDestructive(kRuby, "open(Rails.root.to_s.sub(/^/, \"|\"))"));
  EXPECT_FALSE(HasDestructive(kRuby, "open(Rails.root.join(\"x\").to_s)"));
}

TEST(HostWaysAroundTest, AnEscapedValueIsNoConstant) {
  const std::string head = "pg_query($c, \"SELECT setting FROM pg_settings WHERE name ";
  const std::string value = "'\" . pg_escape_string($c, $x) . \"'\");";
  EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat(head, "= ", value)));
  EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat(head, "LIKE ", value)));
  EXPECT_TRUE(IsDestructiveFile(kPhp, absl::StrCat(head, "= \" . pg_escape_literal($c, $x));")));
}

}  // namespace
}  // namespace dbfleet::sql
