#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostTrustTest, ATrustedNameOfPhpThatMeansSomethingElseCounts) {
  for (absl::string_view code :
       {"use Evil as DB; DB::select('select 1');", "use Evil\\DB; DB::select('select 1');",
        "use Foo\\{DB}; DB::select('select 1');", "use Evil as Log; Log::info('x');",
        "use function Evil\\trim; trim($x);",
        "class DB { static function select($x) { } } DB::select('select 1');",
        "class Log extends Evil { } Log::info('x');",
        "class_alias('Evil', 'DB'); DB::select('select 1');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

// implode(',', array_map('intval', $ids)) holds integers alone, if these are PHP's own.
TEST(HostTrustTest, ImportsThatTakeTheNamesOfFunctionsOfPhp) {
  const std::string call =
      " DB::select('SELECT a FROM t WHERE id IN (' . implode(',', array_map('intval', $ids)) . "
      "')');";
  EXPECT_FALSE(HasDestructive(kPhp, call));
  for (const char* harmless :
       {"use App\\{Foo, Bar as Baz};", "use function App\\{foo, bar as baz};",
        "use Acme\\{Foo, function bar, Size};", "use Acme\\Implode;"}) {
    EXPECT_FALSE(HasDestructive(kPhp, harmless + call)) << harmless;
  }
  for (const char* before :
       {"use Evil\\{Foo, function a\\x as array_map};", "use Evil\\{function a\\array_map, Foo};",
        "use Evil\\{function x as implode};", "use function Evil\\{x as Array_Map};",
        "use function Evil\\x as array_map;", "use function Evil\\a, Evil\\array_map;",
        "USE EVIL\\{FUNCTION X AS ARRAY_MAP};", "use function Evil\\array_map;",
        "function array_map($f, $x) { return $x; }", "function implode($f, $x) { return $x; }",
        "function &array_map($f, $x) { return $x; }",
        "namespace App; function array_map($f, $x) { return $x; }",
        "namespace App { function array_map($f, $x) { return $x; } }", "namespace App;"}) {
    EXPECT_TRUE(HasDestructive(kPhp, before + call)) << before;
    EXPECT_TRUE(IsDestructiveFile(kPhp, before + call)) << before;
  }
  // The import itself says so, whatever is called.
  for (const char* name : {"array_map", "implode", "join", "intval", "mysqli_query"}) {
    for (const std::string& import : {absl::StrCat("use Evil\\{Foo, function x as ", name, "};"),
                                      absl::StrCat("use Evil\\{Foo, function ", name, "};"),
                                      absl::StrCat("use function Evil\\", name, ";"),
                                      absl::StrCat("use function Evil\\{a, ", name, "};")}) {
      EXPECT_TRUE(HasDestructive(kPhp, import)) << import;
    }
  }
  // A class beside a function keeps being one.
  ExpectWrites(kPhp, {"use Evil\\{DB, function foo};", "use Evil\\{function foo, DB};",
                      "use Evil\\{function foo, X as DB};"});
  // However long it is.
  std::string names = "use function Evil\\{";
  for (int i = 0; i < 500; ++i) absl::StrAppend(&names, "f", i, ", ");
  EXPECT_TRUE(HasDestructive(kPhp, absl::StrCat(names, "array_map};", call)));
}

TEST(HostTrustTest, ATrustedNameOfRubyThatMeansSomethingElseCounts) {
  for (absl::string_view code : {"class User < ApplicationRecord\n  after_find :destroy\nend",
                                 "class User < ApplicationRecord\n  after_initialize :wipe\nend",
                                 "class User < ApplicationRecord\n  after_find { destroy }\nend",
                                 "class User < ApplicationRecord\n  after_find -> { destroy }\nend",
                                 "User.prepend Evil",
                                 "User.include(Evil)",
                                 "User.extend Evil",
                                 "class User < ApplicationRecord\n  prepend Evil\nend",
                                 "class User < ApplicationRecord\n  include Evil\nend",
                                 "class User < ApplicationRecord\n  extend Evil\nend",
                                 "User = Evil\nUser.find(2)",
                                 "Object.const_set(:User, Evil)",
                                 "Object.send(:const_set, :User, Evil)",
                                 "User = Class.new(Evil)",
                                 "class Log < ApplicationRecord\nend\nLog.create(a: 1)",
                                 "class Set < ApplicationRecord\nend",
                                 "alias_method :find, :obliterate",
                                 "alias find obliterate",
                                 "using Evil",
                                 "undef_method :find"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

TEST(HostTrustTest, FunctionsAndFilesOfPhpThatAreNotKnownCount) {
  for (absl::string_view code : {"$this->st = $m->prepare('select 1'); $this->st->execute();",
                                 "include 'x.php';",
                                 "include('x.php');",
                                 "require_once $x;",
                                 "require 'x.php';",
                                 "unlink('x');",
                                 "file_put_contents('x', 'y');",
                                 "foo();",
                                 "\\foo($x);",
                                 "Foo\\bar($x);",
                                 "exec('x');",
                                 "mail('a', 'b', 'c');",
                                 "fopen('x', 'w');",
                                 "fopen('x', $m);",
                                 "copy('a', 'b');",
                                 "$f($x);",
                                 "($this->f)($x);",
                                 "Purger::run();",
                                 "(new Purger)->run();",
                                 "Storage::delete('x');",
                                 "File::put('x', 'y');",
                                 "Event::dispatch($x);",
                                 "echo \"{$o->x(purge($y))}\";",
                                 "echo strtoupper(foo());",
                                 "class A { function foo() { } } foo();",
                                 "User::find(foo());",
                                 "$o?->prepare('delete from t')->execute();",
                                 "array_walk($x, 'foo');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostTrustTest, FunctionsAndMethodsOfRubyThatAreNotKnownCount) {
  for (absl::string_view code : {":destroy.to_proc.call(User.first)",
                                 ":destroy.to_proc.(User.first)",
                                 ":destroy.to_proc[User.first]",
                                 "User.first.then(&:destroy)",
                                 "User.first.method(:destroy).call",
                                 "User.first.method(:destroy).unbind.bind_call(u)",
                                 "User.first.public_send(:destroy)",
                                 "User.first.public_send(x)",
                                 "User.first.instance_exec { destroy }",
                                 "User.first.instance_exec(&blk)",
                                 "User.first.tap(&:destroy)",
                                 "m = :destroy.to_proc\nm.call(User.first)",
                                 "load \"x.rb\"",
                                 "require_relative \"x\"",
                                 "require \"./x\"",
                                 "require \"/tmp/x\"",
                                 "require x",
                                 "File.delete(\"x\")",
                                 "File.open(\"x\", \"w\")",
                                 "File.write(\"x\", \"y\")",
                                 "system(\"mysql\")",
                                 "foo()",
                                 "foo(1)",
                                 "foo 1",
                                 "purge_everything",
                                 "purge_everything if x",
                                 "user.posts.<<(p)",
                                 "user.posts.<<(p).size",
                                 "(user.posts) << post",
                                 "(user.posts)<<post",
                                 "user.archive!",
                                 "user.posts.archive!",
                                 "User.first.archive!",
                                 "User.find(1).cancel!(now: true)",
                                 "Purger.run",
                                 "Purger.call(1)",
                                 "\"#{purge(1)}\"",
                                 "User.find(1).send(:eval, x)",
                                 "Thread.new { User.delete_all }",
                                 "Pathname.new(\"x\").delete",
                                 "FileUtils.rm_rf(\"x\")",
                                 "Net::HTTP.post(u, x)",
                                 "Marshal.load(x)",
                                 "ERB.new(x).result(binding)"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

TEST(HostTrustTest, TheSameInOtherWordsOfPhp) {
  for (absl::string_view code :
       {"$st = $m->prepare('select 1'); $a = ['st' => $x]; extract($a); $st->execute();",
        "$st = $m->prepare('select 1'); $st->bind_result($st); $st->execute();",
        "$st = $m->prepare('select 1'); eval($x); $st->execute();",
        "if ($x) { $st = $m->prepare('select 1'); } else { $st = $m->prepare('delete from t'); } "
        "$st->execute();",
        "$st = $m->prepare('select 1') or die(); $st = $n; $st->execute();",
        "$st = $m->prepare(\"select 1; delete from t\"); $st->execute();",
        "for ($st = $m->prepare('select 1'); $x; $st = $y) { $st->execute(); }",
        "$st = $m->prepare('select 1'); $m->next($st)->execute();",
        "$st = $m->prepare('select 1'); clone($st)->prepare('x');",
        "$st = $m->prepare('select 1'); $s2 = $st; $s2->prepare('delete from t'); $st->execute();",
        "$st = $m->prepare('select 1'); $st?->prepare('delete from t'); $st->execute();",
        "$st = $m->prepare('select 1'); $l[] = &$st; $l[0] = $evil; $st->execute();",
        "$st = $m->prepare('select 1'); $fn = fn() => $st->prepare('delete from t'); $fn(); "
        "$st->execute();",
        "$st = $m->prepare('select 1'); $st::foo(); $st->execute();",
        "$st = $m->prepare('select 1'); $st->fetchEvil(); $x->st->execute();",
        "array_map($f, $x);",
        "call_user_func($f);",
        "$a['f']($x);",
        "$this->$f($x);",
        "new class { function __construct() { purge(); } };",
        "$x = match($a) { 1 => purge($b) };",
        "return purge($x);",
        "@purge($x);",
        "!purge($x);",
        "echo purge($x) ? 1 : 2;",
        "$x = fn() => purge();",
        "static fn() => purge();",
        "function t() { yield purge(); }",
        "goto x; x: purge();",
        "namespace Foo { purge(); }",
        "declare(ticks=1); register_tick_function('purge');",
        "ini_set('x', purge());",
        "header(purge());",
        "DB::listen(fn($q) => purge($q));",
        "User::find(1)->purge();",
        "User::find(1)->delete();",
        "$u = User::find(1); $u->purge();",
        "use Evil\\Models\\{User as Log}; Log::info('x');",
        "use Evil\\PDO; $p = new PDO();",
        "namespace Evil; class PDO {}",
        "trait DB { }",
        "interface Log {}",
        "enum DB { case A; }",
        "final class DB extends Evil {}",
        "abstract class Cache extends Evil {}",
        "echo \"${purge()}\";",
        "parent::save();",
        "self::purge();",
        "namespace X; function trim($x) { User::truncate(); } trim($x);",
        "$fn = 'purge'; $fn();",
        "if ($a) ($b)->delete();",
        "$f = fn() => User::find(1); $f()->delete();",
        "foo()->delete();",
        "$x = clone($u)->delete();",
        "print($u)->delete();",
        "(clone $u)->delete();",
        "(fn() => purge())();",
        "$st = $m->prepare('select 1'); $st->execute(...)->call(1); $st = $y;",
        "Evil\\Purger::run();",
        "\\Evil\\Purger::run();",
        "new Purger()->run();",
        "array_map([new Purger, 'run'], $x) || purge();",
        "$this->db->purge();",
        "DB::purge();",
        "fopen('x', 'r+');",
        "$a = ['purge']; $a[0]();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostTrustTest, TheSameInOtherWordsOfRuby) {
  for (absl::string_view code :
       {"User.first.purge",
        "User.first.archive",
        "User.first.archive_posts",
        "User.first.send_email",
        "u = User.first\nu.purge",
        "u = User.first\nu.send(:purge)",
        "user.update!",
        "user.posts&.<<(p)",
        "user.posts .<< p",
        "user.posts.<< p",
        "user.posts.send(:<<, p)",
        "((user.posts)) << post",
        "(user&.posts) << post",
        "user.posts().<<(p)",
        "if purge(1) then 1 end",
        "x = purge(1)",
        "return purge(1)",
        "puts purge(1)",
        "[1, 2].each { |x| purge(x) }",
        "[1, 2].each { purge_all }",
        "def f = purge(1)",
        "-> { purge_all }.call",
        "%w[a b].each(&method(:purge))",
        "%i[destroy].each { |m| User.first.send(m) }",
        "User.first.try(:purge)",
        "User.all.each(&:purge)",
        "User.all.map(&:archive!)",
        "define_method(:x) { purge_all }",
        "class << User\n  def find(x) = purge(x)\nend",
        "User.singleton_class.prepend(Evil)",
        "User.class_eval { prepend Evil }",
        "User.class_eval do\n  alias_method :find, :destroy\nend",
        "User.send(:alias_method, :find, :destroy_all)",
        "Kernel.load(\"x.rb\")",
        "Kernel.require(\"./x\")",
        "autoload :User, \"./evil\"",
        "class DB < Evil\nend\nDB.fetch(\"select 1\")",
        "module Evil\n  def self.included(b)\n    purge_all\n  end\nend",
        "refine User do\n  def find(x)\n    purge(x)\n  end\nend",
        "at_exit { User.delete_all }",
        "trap(\"INT\") { purge(1) }",
        "@user.archive!",
        "self.archive!",
        "archive!",
        "\"#{archive!}\"",
        "ObjectSpace.each_object(User) { |u| u.delete }",
        "DB = Evil.new\nDB.fetch(\"select 1\")",
        "DB = x\nDB[:users].all",
        "Log, X = Evil, 1\nLog.create",
        "User ||= Evil\nUser.find(1)",
        "Foo::User = Evil\nUser.find(1)",
        "s = c.prepare(\"select 1\")\ns.prepare(\"delete from t\")\ns.execute",
        "s = c.prepare(\"select 1\")\nx = -> { s = y }\nx.call\ns.execute",
        "s = c.prepare(\"select 1\")\n\"#{s = y}\"\ns.execute",
        "s = c.prepare(\"select 1\")\ns, = y\ns.execute",
        "s = c.prepare(\"select 1\")\n*s = y\ns.execute",
        "s = c.prepare(\"select 1\")\n(s = y).foo\ns.execute",
        "s = c.prepare(\"select 1\") if x\ns.execute",
        "s = x ? c.prepare(\"select 1\") : y\ns.execute",
        "s = c.prepare(\"select 1\") || y\ns.execute",
        "Foo::bar(1)",
        "::Purger.run",
        "Purger::run",
        "Purger.new.run",
        "Purger.new(x).call",
        "Foo::Purger.run",
        "send(:purge_all)",
        "method(:purge).call",
        "puts purge x",
        "x = [purge(1)]",
        "def puts(x)\n  evil(x)\nend\nputs 1",
        "class User\n  class << self\n    prepend Evil\n  end\nend",
        "File.open(\"x\", mode: \"w\")",
        "File.open(\"x\", File::WRONLY)",
        "File.new(\"x\", \"a\")",
        "open(\"x\", \"w\")",
        "open(\"|rm x\")",
        "IO.write(\"x\", \"y\")",
        "IO.popen(\"x\")",
        "Kernel.exec(\"x\")",
        "Redis.new.del(\"x\")",
        "User.find(1).cleanup",
        "User.find(1).posts.archive_all"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

// What runs behind super runs under the name of the method around, also of one that the file has.
TEST(HostTrustTest, WhatIsGivenToSuperOfRubyCounts) {
  ExpectWrites(kRuby, {"def execute(sql)\n  super(\"DELETE FROM users\")\nend",
                       "def query(sql)\n  super \"DELETE FROM users\"\nend",
                       "def count\n  super(\"DELETE FROM users\")\nend",
                       "def self.run(sql)\n  super(\"DELETE FROM users WHERE id = #{id}\")\nend",
                       "def execute(sql)\n  sql = read\n  super(sql)\nend",
                       "def self.find_by_sql(sql)\n  super sql\nend",
                       "def execute(x)\n  x + 1\nend\ndef go\n  execute(@sql)\nend"});
  ExpectReads(kRuby, {"def destroy\n  return if locked?\n  super\nend",
                      "def initialize(name)\n  super(name, 1)\nend",
                      "def label(text)\n  super(\"Delete from the cart\")\nend",
                      "def as_json(options)\n  super(options.merge(only: :id))\nend"});
}

}  // namespace
}  // namespace dbfleet::sql
