#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(PhpCallsTest, FunctionsOfPhpsDriversReachTheDatabase) {
  for (absl::string_view code : {"\\mysqli_query($db, \"DELETE FROM x\");",
                                 "mysqli_query($db, \"DELETE FROM x\");",
                                 "mysqli_multi_query($db, $q);",
                                 "mysqli_real_query($db, \"DROP TABLE x\");",
                                 "\\mysqli_multi_query($db, \"SELECT 1; DELETE FROM x\");",
                                 "sqlite_exec($db, \"DELETE FROM x\");",
                                 "sqlite_query($db, \"DELETE FROM x\");",
                                 "mysqli_stmt_execute($s);",
                                 "mysqli_execute($s);",
                                 "mysqli_execute_query($db, \"DELETE FROM t\");",
                                 "mysqli_prepare($db, \"DELETE FROM x\");",
                                 "mysql_query(\"DELETE FROM x\");",
                                 "mysql_unbuffered_query(\"DELETE FROM x\");",
                                 "mysql_db_query(\"a\", \"DELETE FROM x\");",
                                 "mssql_query(\"DELETE FROM x\");",
                                 "odbc_execute($s);",
                                 "oci_execute($s);",
                                 "ibase_query(\"DELETE FROM x\");",
                                 "mysqli_commit($db);",
                                 "mysqli_begin_transaction($db);",
                                 "mysqli_autocommit($db, false);",
                                 "mysqli_select_db($db, \"x\");",
                                 "mysql_drop_db(\"x\");",
                                 "mysqli_kill($db, 3);",
                                 "mysqli_change_user($db,\"a\",\"b\",\"c\");",
                                 "MYSQLI_QUERY($db, 'DELETE FROM x');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, MethodsOfPhpsDriversAndLibrariesReachTheDatabase) {
  for (absl::string_view code :
       {"$h->exec(\"DELETE FROM x\");",
        "$h->multi_query(\"DELETE FROM x\");",
        "$h->executeStatement(\"DELETE FROM x\");",
        "$h->executeUpdate(\"DELETE FROM x\");",
        "$h->executeQuery(\"DELETE FROM x\");",
        "$em->persist($u); $em->flush();",
        "$em->persist($u);",
        "$em->flush();",
        "$em->remove($u);",
        "$this->entityManager->flush();",
        "$this->em->remove($u);",
        "$manager->flush();",
        "$q->execute();",
        "$stmt->execute([1]);",
        "$stmt->execute();",
        "$s->execute();",
        "$pdo->exec($sql);",
        "$this->pdo->exec(\"TRUNCATE x\");",
        "$mysqli->real_query(\"DELETE FROM x\");",
        "(new PDO($dsn))->exec(\"DELETE FROM x\");",
        "(new mysqli(\"h\"))->query(\"DELETE FROM x\");",
        "new mysqli(\"h\"); $m = new mysqli(\"h\"); $m->query(\"DELETE FROM x\");",
        "$qb->delete(\"User\", \"u\")->getQuery()->execute();",
        "$em->createQuery(\"DELETE User u\")->execute();",
        "$em->getConnection()->executeStatement(\"DELETE FROM x\");",
        "$conn->insert(\"t\", [\"a\"=>1]);",
        "$conn->update(\"t\", [\"a\"=>1],[\"id\"=>1]);",
        "$conn->delete(\"t\", [\"id\"=>1]);",
        "$em->createNativeQuery(\"DELETE FROM x\", $rsm)->getResult();",
        "$user->push();",
        "$user->roles()->attach(1);",
        "$user->roles()->sync([1]);",
        "$user->roles()->toggle([1]);",
        "$user->restore();",
        "$user->roles()->syncWithPivotValues([1], ['a'=>1]);",
        "$user->increment('x');",
        "$user->touch();",
        "DB::unprepared('DELETE FROM x');",
        "DB::connection('x')->statement('DELETE FROM x');",
        "$user->deleteQuietly();",
        "$q->updateFrom(['a'=>1]);",
        "$wpdb->replace('t', ['a'=>1]);",
        "$wpdb->insert('t', ['a'=>1]);",
        "$wpdb->delete('t', ['a'=>1]);",
        "$this->db->insert('t', $d);",
        "$this->db->insert_batch('t', $d);",
        "$this->db->replace('t', $d);",
        "$this->db->empty_table('t');",
        "$this->db->simple_query('DELETE FROM x');",
        "Yii::app()->db->createCommand('DELETE FROM x')->execute();",
        "R::store($bean);",
        "R::trash($bean);",
        "R::exec('DELETE FROM x');",
        "R::wipe('x');",
        "R::nuke();",
        "$capsule->table('x')->delete();",
        "$sth = $dbh->prepare('DELETE FROM x'); $sth->execute();",
        "$db -> query('DELETE FROM x');",
        "$m?->delete();",
        "$obj::delete_all();",
        "(clone $m)->delete();",
        "$stmt = mysqli_stmt_init($db); mysqli_stmt_prepare($stmt, 'DELETE FROM x'); "
        "mysqli_stmt_execute($stmt);"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, WhatPhpCallsByAValueCounts) {
  for (absl::string_view code :
       {"pg_query_params($c, \"DELETE FROM x WHERE a=$1\", [1]);",
        "pg_send_query($c, \"DELETE FROM x\");",
        "pg_send_query_params($c, \"DELETE FROM x\", []);",
        "pg_execute($c, \"stmt\", [1]);",
        "pg_prepare($c, \"s\", \"DELETE FROM x\");",
        "pg_send_prepare($c,\"s\",\"DELETE FROM x\");",
        "pg_send_execute($c,\"s\",[]);",
        "pg_insert($c, \"t\", $a);",
        "pg_update($c,\"t\",$a,$b);",
        "pg_delete($c,\"t\",$a);",
        "pg_copy_from($c,\"t\",$r);",
        "pg_put_line($c, \"x\");",
        "pg_lo_unlink($c, 1);",
        "pg_lo_import($c, \"f\");",
        "odbc_exec($c, \"DELETE FROM x\");",
        "odbc_do($c, \"DELETE FROM x\");",
        "oci_parse($c,\"DELETE FROM x\");",
        "sqlsrv_query($c, \"DELETE FROM x\");",
        "db2_exec($c, \"DELETE FROM x\");",
        "sqlite_array_query($db,\"DELETE FROM x\");",
        "call_user_func('mysqli_query', $db, 'DELETE FROM x');",
        "\\call_user_func('mysqli_query', $db, 'DELETE FROM x');",
        "call_user_func_array([$model,'delete'], []);",
        "call_user_func([$model,'delete']);",
        "call_user_func('\\mysqli_query', $db, $q);",
        "call_user_func_array('mysqli_query', [$db, 'DELETE FROM x']);",
        "$f = 'delete'; $m->$f();",
        "$f = 'delete'; $m->{$f}();",
        "$m->$f();",
        "$m->{$f}();",
        "$m->{'de'.'lete'}();",
        "$m->{'delete'}();",
        "$f = 'mysqli_query'; $f($db, 'DELETE FROM x');",
        "$c = [$m,'delete']; $c();",
        "[$m,'delete']();",
        "'mysqli_query'($db, 'DELETE FROM x');",
        "array_map([$m,'delete'], [1]);",
        "\\array_map([$m,'delete'], [1]);",
        "array_walk($rows, [$m, 'insert']);",
        "usort($x, [$m, 'save']);",
        "$d = $m->delete(...);",
        "$d = $m->delete(...); $d();",
        "$d = User::destroy(...);",
        "array_map(fn($u) => $u->delete(), $users);",
        "array_map(function($u) { $u->delete(); }, $users);",
        "Closure::fromCallable([$m, 'delete'])();",
        "\\Closure::fromCallable('mysqli_query')($db, 'DELETE FROM x');",
        "$r = new ReflectionMethod($m, 'delete'); $r->invoke($m);",
        "(new ReflectionMethod('User','delete'))->invoke($m);",
        "$users->map([$m, 'delete']);",
        "$users->each(fn($u) => $u->delete());",
        "$users->each->delete();",
        "$users->each([$m, 'delete']);",
        "collect($x)->each(function ($u) { $u->delete(); });",
        "register_shutdown_function([$m, 'save']);",
        "array_map('mysqli_query', $a);",
        "array_map('User::destroy', $a);",
        "array_map(['User','destroy'], $a);",
        "iterator_apply($it, [$m,'delete']);",
        "is_callable('x') && call_user_func_array(array($m, 'de' . 'lete'), array());",
        "call_user_func(array($m, $f));",
        "call_user_func($f, 1);",
        "$method = 'delete'; call_user_func([$m, $method]);",
        "preg_replace_callback('/x/', [$m,'delete'], 'x');",
        "array_filter($x, 'mysqli_query');",
        "forward_static_call_array(['User','delete_all'], []);",
        "set_error_handler([$m,'delete']);",
        "spl_autoload_register([$m,'delete']);",
        "uasort($a, [$m,'delete']);",
        "array_reduce($a, [$m,'delete']);",
        "array_walk_recursive($a, [$m,'delete']);",
        "use function mysqli_query as q; q($db, 'DELETE FROM x');",
        "$class::destroy(1);",
        "$class::$f();",
        "(function() { User::truncate(); })();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, CodeTasksAndShellCommandsOfPhpAreNotUnderstood) {
  for (absl::string_view code :
       {"eval('User::truncate();');", "system('mysql -e \\\"DROP TABLE x\\\"');",
        "exec('mysql -e x');", "shell_exec('mysql -e x');", "passthru('mysql -e x');",
        "proc_open('mysql', [], $p);", "popen('mysql', 'w');", "`mysql -e x`;", "\\exec('mysql');",
        "pcntl_exec('mysql');", "assert('User::truncate()');", "include 'delete.php'; eval($x);",
        "Artisan::call('migrate:fresh');", "Artisan::call('db:wipe');"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, SqlThatOnlyReadsIsSafeInADriversFunctionToo) {
  for (absl::string_view code :
       {"mysqli_query($db, \"SELECT a FROM x\");",
        "\\mysqli_query($db, \"SELECT a FROM x\");",
        "$r = mysqli_query($db, \"SELECT a FROM x\"); while ($row = mysqli_fetch_assoc($r)) { echo "
        "$row[\"a\"]; }",
        "mysqli_real_escape_string($db, $x);",
        "pg_query($c, \"SELECT a FROM x\");",
        "pg_query(\"SELECT a FROM x\");",
        "pg_query_params($c, \"SELECT a FROM x WHERE b = $1\", [$b]);",
        "$h->query(\"SELECT a FROM x\");",
        "mysql_query(\"SELECT a FROM x\");",
        "mysqli_num_rows($r);",
        "mysqli_connect(\"h\", \"u\", $p);",
        "mysqli_close($db);",
        "pg_fetch_all($r);",
        "array_map('trim', $a);",
        "usort($a, 'strcmp');",
        "call_user_func('strtoupper', $a);",
        "$stmt = mysqli_prepare($db, 'SELECT a FROM x WHERE b=?'); mysqli_stmt_bind_param($stmt, "
        "'i', $b); mysqli_stmt_execute($stmt);",
        "sqlsrv_query($c, 'SELECT a FROM x');",
        "mysqli_set_charset($db, 'utf8mb4');",
        "array_filter($a, fn($x) => $x > 1);",
        "array_map(fn($u) => $u->name, $users);"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, PhpsArraysCollectionsAndDocumentsAreNoDatabase) {
  for (absl::string_view code : {"unset($a[\"x\"]);",
                                 "unset($a);",
                                 "$request->merge([\"a\" => 1]);",
                                 "Arr::set($a, \"x\", 1);",
                                 "Arr::forget($a, \"x\");",
                                 "Arr::add($a, \"x\", 1);",
                                 "Log::info(\"delete\");",
                                 "$collection->push(1);",
                                 "$collection = collect([1]); $collection->push(2);",
                                 "$c = new Collection(); $c->push(1);",
                                 "$c = collect([]); $c->put(\"a\", 1);",
                                 "$c = collect([1]); $c->forget(0);",
                                 "$c = collect([1]); $c->pull(0);",
                                 "$session->remove(\"x\");",
                                 "Cache::forget(\"x\");",
                                 "Cache::forget('x');",
                                 "Cache::put(\"a\", 1);",
                                 "cache()->forget(\"x\");",
                                 "$cache->delete(\"x\");",
                                 "$this->cache->delete(\"x\");",
                                 "array_push($a, 1);",
                                 "$a[] = 1;",
                                 "array_splice($a, 0, 1);",
                                 "$s = new SplObjectStorage(); $s->attach($x);",
                                 "$s = new SplStack(); $s->push(1);",
                                 "$q = new SplQueue(); $q->enqueue(1);",
                                 "$d = new DateTime(); $d->modify(\"+1 day\");",
                                 "Carbon::now()->addDay();",
                                 "Carbon::create(2020, 1, 1);",
                                 "$this->logger->info(\"x\");",
                                 "Log::error(\"delete failed\");",
                                 "Mail::send(\"x\", [], fn($m) => $m);",
                                 "echo \"x\";",
                                 "$str = Str::replace(\"a\", \"b\", \"c\");",
                                 "Str::remove(\"a\", \"b\");",
                                 "$arr = []; $arr[\"x\"] = 1;",
                                 "str_replace(\"a\", \"b\", $x);",
                                 "$response->headers->set(\"X\", \"y\");",
                                 "$response->headers->remove(\"X\");",
                                 "$doc = new DOMDocument(); $doc->createElement(\"x\");",
                                 "$doc = new DOMDocument(); $doc->save(\"x.xml\");",
                                 "$node->removeChild($x);",
                                 "$dom->createElement(\"x\");",
                                 "$img = imagecreate(1, 1);",
                                 "ob_flush();",
                                 "flush();",
                                 "fflush($f);",
                                 "http_build_query($x);",
                                 "$url = parse_url($x, PHP_URL_QUERY);",
                                 "$request->query(\"x\");",
                                 "$request->query->get(\"x\");",
                                 "$this->createForm(X::class);",
                                 "Validator::make($a, $b);",
                                 "Route::delete(\"/x\", \"C@d\");",
                                 "$y = $client->request(\"GET\", \"x\");",
                                 "Cookie::forget(\"x\");",
                                 "View::share(\"a\", 1);",
                                 "Gate::define(\"delete\", fn() => true);",
                                 "$user->can(\"delete\", $x);",
                                 "password_hash($x, PASSWORD_DEFAULT);",
                                 "date_create();",
                                 "array_map(fn($x) => $x * 2, $a);",
                                 "return redirect()->route(\"x\");",
                                 "public function delete() { return 1; }",
                                 "function update($x) { return $x; }",
                                 "$this->assertEquals(1, 2);",
                                 "json_encode($x);",
                                 "Redis::get(\"x\");",
                                 "array_filter($a);"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(PhpCallsTest, WhatWasPreparedIsJudgedWhereItRuns) {
  const auto last = [](absl::string_view code) {
    const auto statements = Split(Target(kPhp), code);
    return Read(kPhp, statements->back()).verdict.safety;
  };
  EXPECT_EQ(last("$s = $pdo->prepare('SELECT a FROM t WHERE b = ?'); $s->execute([$b]);"),
            Safety::kSafe);
  EXPECT_EQ(last("$s = $pdo->prepare('DELETE FROM t WHERE b = ?'); $s->execute([$b]);"),
            Safety::kDestructive);
  EXPECT_EQ(last("$s = $pdo->prepare('DELETE FROM t'); $s = $pdo->prepare('SELECT 1'); "
                 "$s->execute();"),
            Safety::kDestructive);
  EXPECT_EQ(last("$s = $pdo->prepare($sql); $s->execute();"), Safety::kDestructive);
  EXPECT_EQ(last("$s = mysqli_prepare($db, 'SELECT 1'); mysqli_stmt_execute($s);"), Safety::kSafe);
}

}  // namespace
}  // namespace dbfleet::sql
