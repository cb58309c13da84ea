// What a call is given to run: functions by their names, SQL in the place of a value, commands.
#include <gtest/gtest.h>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HandedOverTest, FunctionsThatACollectionCallsByTheirNames) {
  for (absl::string_view code :
       {"User::pluck('sql')->each('DB::unprepared');", "User::pluck('cmd')->each('system');",
        "User::all()->map('purge');", "User::all()->each($callback);",
        "User::all()->each([$service, 'handle']);", "User::chunk(10, 'purge');",
        "$pdo->query('SELECT 1', PDO::FETCH_FUNC, 'unlink');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
  for (absl::string_view code :
       {"User::pluck('name')->map('strtolower');", "User::all()->map(fn($u) => $u->name);",
        "User::all()->each(function ($u) { echo $u->name; });",
        "User::chunk(100, function ($users) { foreach ($users as $u) { echo $u->id; } });",
        "foreach (DB::table('users')->cursor() as $u) { echo $u->id; }"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HandedOverTest, SqlInThePlaceOfAValueOrATableIsRead) {
  for (absl::string_view code :
       {"DB::table(DB::raw(\"t into outfile '/tmp/x'\"))->get();",
        "DB::table(DB::raw('(select f(1)) x'))->get();",
        "User::leftJoin(DB::raw('(select sleep(9)) x'), 'a', '=', 'b')->get();",
        "User::where('a', DB::raw(\"nextval('s')\"))->get();",
        "User::where(['a' => DB::raw('sleep(5)')])->get();",
        "User::where('a', DB::raw(\"1) into outfile '/tmp/x' -- \"))->get();",
        "User::whereIn('a', [DB::raw('sleep(5)')])->get();",
        "DB::cursor('DELETE FROM users WHERE id > 5');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
  for (absl::string_view code :
       {"DB::table(DB::raw('(select id from t) as x'))->get();",
        "User::where('created_at', '>', DB::raw('NOW()'))->get();",
        "User::get([DB::raw('count(*) as total')]);",
        "User::select('country', DB::raw('count(*) as total'))->groupBy('country')->get();"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
  EXPECT_TRUE(HasDestructive(kRuby, "User.regroup('sleep(5)').count"));
  EXPECT_FALSE(HasDestructive(kRuby, "User.regroup('country').count"));
}

TEST(HandedOverTest, CodeThatRunsByItself) {
  for (absl::string_view code :
       {"Mysql2::Client.new(init_command: 'DELETE FROM t').query('SELECT 1')",
        "Mysql2::Client.new(:init_command => 'DELETE FROM t').query('SELECT 1')",
        "Mysql2::Client.new('init_command' => 'DELETE FROM t').query('SELECT 1')",
        "render inline: '<% User.delete_all %>'"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
  EXPECT_FALSE(HasDestructive(kRuby, "Mysql2::Client.new(host: 'x').query('SELECT 1')"));
  EXPECT_FALSE(HasDestructive(kRuby, "render json: User.all"));
}

TEST(HandedOverTest, CommandsThatShowOnlyWithoutTheseArguments) {
  for (absl::string_view code : {"system('date -s 2000');", "system('hostname evil');",
                                 "system('git log --output=/tmp/x');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
  for (absl::string_view code : {"system('date');", "system('hostname');", "system('git log');"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

}  // namespace
}  // namespace dbfleet::sql
