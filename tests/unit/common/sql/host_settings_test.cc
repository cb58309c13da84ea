#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostSettingsTest, WhatAPhpProgramSetsForItsConnectionsCounts) {
  for (
      absl::string_view code :
      {R"~(config(['database.x' => 1]);
$x = User::all();)~",
       R"~(config(array('database.x' => 1));)~",
       R"~(config($settings);)~",
       R"~(config()->set('database.default', 'other');)~",
       R"~(Config::set('database.default', 'other');)~",
       R"~(session()->flush();)~",
       R"~(session()->put('a', 1);)~",
       R"~(session()->forget('a');)~",
       R"~(session(['a' => 1]);)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [1002 => "DELETE FROM t"]);
$pdo->query('SELECT 1');)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', $options);
$pdo->query('SELECT 1');)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [$k => "DELETE FROM t"]);)~",
       R"~($o = [1002 => 'DELETE FROM t'];
$pdo = new PDO('mysql:host=x', 'u', 'p', $o);)~",
       R"~($o = [PDO::ATTR_ERRMODE => 2]; $o[1002] = 'DELETE FROM t';
$pdo = new PDO('mysql:host=x', 'u', 'p', $o);)~",
       R"~($o = [PDO::ATTR_ERRMODE => 2]; change($o);
$pdo = new PDO('mysql:host=x', 'u', 'p', $o);)~",
       R"~(function f($o) { $o = [PDO::ATTR_ERRMODE => 2]; } function g($o) { return new PDO('mysql:host=x', 'u', 'p', $o); })~",
       R"~($pdo = new PDO(...$all);)~",
       R"~($pdo = new PDO(dsn: 'mysql:host=x', options: [1002 => 'DELETE FROM t']);)~",
       R"~($pdo = new \PDO('mysql:host=x', 'u', 'p', [\PDO::MYSQL_ATTR_INIT_COMMAND => 'DELETE FROM t']);)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [PDO::MYSQL_ATTR_INIT_COMMAND => 'SET NAMES utf8; DELETE FROM t']);)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [PDO::MYSQL_ATTR_INIT_COMMAND => 'SET NAMES utf8' . $x]);)~",
       R"~($request->session()->flush();)~",
       R"~(Session::flush();)~",
       R"~(Session::put('a', 1);)~"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostSettingsTest, ReadingSettingsIsSafeInPhp) {
  for (
      absl::string_view code :
      {R"~($x = config('database.x'); $y = User::find(1);)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$pdo->query('SELECT 1');)~",
       R"~($o = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
$pdo = new PDO('mysql:host=x', 'u', 'p', $o);
$pdo->query('select 1');)~",
       R"~($pdo = new PDO('mysql:host=x', 'u', 'p', [PDO::MYSQL_ATTR_INIT_COMMAND => 'SET NAMES utf8mb4']);)~",
       R"~($x = config("app.{$name}"); $y = config('app.' . $name);)~",
       R"~($x = session('cart', []); $y = session()->get('user');)~"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostFilesTest, FilesThatAPhpProgramMayWriteToOrRunCount) {
  for (absl::string_view code :
       {R"~($zip = new ZipArchive();
$zip->open('a.zip');
$zip->extractTo('/x');)~",
        R"~($zip = new ZipArchive();
$zip->open('a.zip', ZipArchive::CREATE);
$zip->addFile('/x');
$zip->close();)~",
        R"~($zip = new ZipArchive();
$zip->open('a.zip');
$zip->addFromString('/x', 'y');)~",
        R"~($zip = new ZipArchive;
$zip->open('a.zip');
$zip->deleteName('/x');)~",
        R"~($zip = new \ZipArchive;
$zip->setArchiveComment('/x');)~",
        R"~(fopen('x', ...$mode);)~", R"~($f = new SplFileObject('x', 'w');)~"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostFilesTest, FilesThatARubyProgramMayWriteToOrRunCount) {
  for (
      absl::string_view code :
      {R"~(File.open(*args) { |f| f.read })~",
       R"~(File.open("x", mode) { |f| f.read })~",
       R"~(File.open("x", "w") { |f| f.read })~",
       R"~(File.open("x", File::WRONLY) { |f| f.read })~",
       R"~(File.open("x", **opts) { |f| f.read })~",
       R"~(File.open("x", perm: 1, mode: "w") { |f| f.read })~",
       R"~(File.new("x", m))~",
       R"~(x = IO.read("|cmd"))~",
       R"~(x = IO.readlines(y))~",
       R"~(IO.foreach(y) { |l| puts l })~",
       R"~(IO.binread(y))~",
       R"~(x = open(y))~",
       R"~(open(y) { |f| f.read })~",
       R"~(Kernel.open(y))~",
       R"~(x = open("|cmd"))~",
       R"~(x = open("#{y}"))~",
       R"~(x = URI.open(y))~",
       R"~(Zip::File.open("a.zip", Zip::File::CREATE) { |z| z.add("a", "b") })~",
       R"~(Zip::File.open("a.zip", create: true) { |z| z.get_output_stream("a") { |o| o.puts "x" } })~",
       R"~(Zip::File.open("a.zip") { |z| z.extract("a", "b") })~",
       R"~(Zip::File.open("a.zip") { |z| z.each { |e| e.extract("x") } })~",
       R"~(Zip::File.open(*a))~",
       R"~(File.open("x", flags: File::CREAT) { |f| f.read })~",
       R"~(Zip::File.open("x") { |z| z.remove("y") })~"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

TEST(HostFilesTest, ReadingFilesIsSafeInPhp) {
  for (absl::string_view code : {R"~($out = fopen('php://output', 'w'); fputcsv($out, ['a']);)~",
                                 R"~($f = fopen('x.csv', 'r');)~"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostFilesTest, ReadingFilesIsSafeInRuby) {
  for (absl::string_view code :
       {R"~(File.open("x", "rb", encoding: "utf-8") { |f| f.read })~",
        R"~(File.open("x", mode: "r") { |f| f.read })~", R"~(x = IO.readlines("names.txt"))~",
        R"~(open("a.txt") { |f| f.read })~",
        R"~(IO.foreach(Rails.root.join("x")) { |l| puts l })~"}) {
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
}

// Elsewhere than in production rows may be added, but not to the tables that say who may what.
TEST(HostSettingsTest, RowsOfTheServersOwnTablesAreNotMerelyAdded) {
  const auto is_safe_in_development = [](absl::string_view code) {
    const auto statements = Split(Target(kPhp), Beside(kPhp, code));
    EXPECT_TRUE(statements.ok()) << code;
    for (const Statement& statement : *statements) {
      const Verdict verdict = Read(kPhp, statement).verdict;
      if (SafetyIn(EnvironmentClass::kDevelopment, verdict) == Safety::kDestructive) return false;
    }
    return true;
  };
  EXPECT_TRUE(is_safe_in_development("DB::table('users')->insert(['a' => 1]);"));
  EXPECT_TRUE(is_safe_in_development("DB::table('shop.users')->insert(['a' => 1]);"));
  for (const char* table : {"mysql.user", "MySQL.global_priv", "pg_authid", "pg_catalog.pg_proc"}) {
    EXPECT_FALSE(
        is_safe_in_development(absl::StrCat("DB::table('", table, "')->insert(['a' => 1]);")))
        << table;
  }
}

}  // namespace
}  // namespace dbfleet::sql
