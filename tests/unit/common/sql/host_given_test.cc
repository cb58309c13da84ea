#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Records that a program does not get where it uses them: a framework hands them out, another
// method of the file binds them, a parameter's type names them. And what runs more than it shows.
namespace dbfleet::sql {
namespace {

TEST(HostGivenTest, WhatAClassOfLaravelGivesMayBeARecord) {
  ExpectWrites(kPhp, {
                         "Auth::user()->update(['a' => 1]);",
                         "Auth::user()->delete();",
                         "Auth::user()->posts()->delete();",
                         "Auth::user()->posts()->where('a', 1)->delete();",
                         "Auth::user()->purgeAll()->get();",
                         "Archive::user()->posts()->where('a', 1)->get();",
                         "$request->user()->posts()->where('a', 1)->delete();",
                         "auth()->user()->posts()->where('a', 1)->delete();",
                         "Auth::user()->forceFill(['a' => 1])->save();",
                         "Auth::guard('admin')->user()->save();",
                         "\\Illuminate\\Support\\Facades\\Auth::user()->delete();",
                         "$u = Auth::user(); $u->save();",
                         "$u = Auth::user(); $u->posts()->delete();",
                         "Session::get('user')->delete();",
                         "Session::pull('user')->delete();",
                         "$u = Session::get('user'); $u->delete();",
                         "Cache::get('user')->delete();",
                         "Cache::rememberForever('u', fn () => $u)->delete();",
                         "Cache::store('redis')->get('user')->delete();",
                         "Request::user()->delete();",
                         "Request::route('order')->delete();",
                         "Arr::first($orders)->delete();",
                         "$o = Arr::first($orders); $o->delete();",
                         "Config::get('x')->delete();",
                         "session('user')->update(['a' => 1]);",
                         "$u = session('user'); $u->update(['a' => 1]);",
                         "cache('user')->delete();",
                         "$u = cache('user'); $u->delete();",
                         "request('order')->delete();",
                         "$o = request('order'); $o->delete();",
                         "config('x.model')::truncate();",
                         "$m = config('x.model'); $m::truncate();",
                     });
}

TEST(HostGivenTest, WhatClassesOfLaravelGiveOtherwiseIsNone) {
  ExpectReads(kPhp,
              {
                  "Auth::user()->name;",
                  "Auth::user()->posts()->where('a', 1)->get();",
                  "$request->user()->posts()->where('a', 1)->get();",
                  "auth()->user()->posts()->where('a', 1)->paginate(20);",
                  "$id = Auth::id();",
                  "if (Auth::check()) { return 1; }",
                  "Session::get('cart');",
                  "Cache::get('x');",
                  "Cache::store('redis')->get('x');",
                  "Cache::tags(['a'])->flush();",
                  "Cache::forget('x');",
                  "Str::of($x)->remove(' ')->append('y');",
                  "Log::channel('x')->info('y');",
                  "Http::withToken($t)->get('https://example.com');",
                  "Carbon::now()->subDays(3)->toDateString();",
                  "Route::middleware('auth')->get('/orders', [OrderController::class, 'index']);",
                  "$x = config('app.name'); echo $x;",
                  "$x = request('q'); echo trim($x);",
              });
}

// It writes the token by which the user is remembered, or hashes the password anew.
TEST(HostGivenTest, WhoSignsInOrOutIsWrittenDown) {
  ExpectWrites(kPhp, {
                         "Auth::login($user);",
                         "Auth::loginUsingId(1, true);",
                         "Auth::attempt($credentials, true);",
                         "Auth::logout();",
                         "Auth::logoutOtherDevices('x');",
                     });
}

TEST(HostGivenTest, WhatRubyKeepsMayBeARecord) {
  ExpectWrites(kRuby, {
                          "Rails.cache.fetch('u') { 1 }.update(a: 1)",
                          "Rails.cache.read('u').update(a: 1)",
                          "YAML.load(x).save",
                          "Marshal.load(x).save",
                          "Set.new(users).first.update(a: 1)",
                          "users.index_by(&:id)[1].update(a: 1)",
                          "users.group_by(&:a)[1].first.update(a: 1)",
                          "users.index_by(&:id)[1].delete",
                      });
  ExpectReads(kRuby, {
                         "Rails.cache.delete('x')",
                         "Rails.cache.read('x')",
                         "x.split(',').map(&:strip)",
                         "Time.now.strftime('%Y')",
                     });
}

TEST(HostGivenTest, CommandsAndSeedersThatAreCalledAreNotSeen) {
  ExpectWrites(
      kPhp, {
                "class A extends Command { function handle() { $this->call('migrate:fresh'); } }",
                "class A extends Command { function handle() { $this->callSilently('db:wipe'); } }",
                "class A extends Command { function handle() { $this->callSilent('db:wipe'); } }",
                "class A extends Seeder { function run() { $this->call([B::class]); } }",
                "class A extends Seeder { function run() { $this->callOnce(B::class); } }",
                "class A extends Seeder { function run() { $this->callWith(B::class, []); } }",
            });
  // The program's own method is read where it stands.
  ExpectReads(kPhp, {"class A { function f() { return $this->call(1); }\n"
                     "function call($x) { return $x; } }"});
  ExpectWrites(kPhp, {"class A { function f() { return $this->call(1); }\n"
                      "function call($x) { User::truncate(); } }"});
}

// Editors of Windows put it there; PHP prints it and Ruby skips it.
TEST(HostGivenTest, AByteOrderMarkHidesNothing) {
  const absl::string_view kRubyFiles[] = {
      "\xEF\xBB\xBF"
      "DB.run('DROP TABLE x')\nUser.count\n",
      "\xEF\xBB\xBF"
      "R.wipe\nUser.count\n"};
  ExpectDestructive(kRuby, kRubyFiles);
  const absl::string_view kPhpFiles[] = {
      "\xEF\xBB\xBF"
      "<?php\nUser::count();\nDB::statement('DROP TABLE x');\n"};
  ExpectDestructive(kPhp, kPhpFiles);
  EXPECT_FALSE(IsDestructiveFile(kPhp,
                                 "\xEF\xBB\xBF"
                                 "<?php\nUser::count();\n"));
  const auto statements = Split(Target(kPhp),
                                "\xEF\xBB\xBF"
                                "<?php User::count();\n");
  ASSERT_TRUE(statements.ok());
  EXPECT_EQ((*statements)[0].column, 7);
}

// Sequel's connection may be a constant of any name.
TEST(HostGivenTest, SqlInAnIndexIsReadOfWhateverConstant) {
  ExpectWrites(kRuby, {
                          "FOO['DROP TABLE x'].to_a",
                          "FOO[\"DELETE FROM x\"].all",
                          "Shop::FOO['UPDATE x SET a = 1'].first",
                          "DB['DROP TABLE x'].to_a",
                      });
  ExpectReads(kRuby, {
                         "FOO[:orders].to_a",
                         "DB['SELECT a FROM x WHERE b = 1'].to_a",
                     });
}

TEST(HostGivenTest, ClientsOfRedisOnlyReadByCommandsThatRead) {
  ExpectWrites(kRuby, {
                          "Redis.new.flushall",
                          "Redis.new(url: 'x').flushdb",
                          "Redis.current.flushall",
                          "Redis.current.call('FLUSHALL')",
                          "redis.flushall",
                          "redis.call('FLUSHALL')",
                          "redis.del('x')",
                          "redis.pipelined { |p| p.flushall }",
                          "redis.eval('x')",
                          "$redis.set('x', 1)",
                          "@redis.del('x')",
                          "self.redis.del('x')",
                          "client.flushall",
                          "REDIS.keys('*')",
                          "redis.keys('*').each { |key| puts key }",
                          "r.flushdb",
                      });
  ExpectWrites(kPhp, {
                         "$redis->del('a');",
                         "$redis->flushAll();",
                         "$redis->eval('x');",
                         "$redis->rawCommand('FLUSHALL');",
                         "$this->redis->set('a', 1);",
                         "$redis->keys('*');",
                         "Redis::keys('*');",
                         "$predis->pipeline(fn ($p) => $p->flushall());",
                         "$client->flushdb();",
                     });
  ExpectReads(kRuby, {
                         "Redis.new.get('x')",
                         "redis.get('x')",
                         "redis.get('x').to_i",
                         "redis.hgetall('x')",
                         "@redis.exists?('x')",
                         "redis = Redis.new(url: 'x')",
                     });
  ExpectReads(kPhp, {
                        "$redis->get('a');",
                        "$this->redis->hGetAll('a');",
                        "$redis->connect('localhost');",
                        "if ($this->redis) { echo 1; }",
                    });
}

// Its name proves nothing: what is called on it may be anything.
TEST(HostGivenTest, ConstantsNamedLikeClientsOfRedisHideNoCall) {
  for (absl::string_view name : {"REDIS", "REDIS_DB", "CACHE_REDIS", "MY_REDIS_POOL", "RedisPool",
                                 "RedisStore", "::REDIS", "Shop::REDIS", "Shop::REDIS_DB"}) {
    for (absl::string_view call : {".execute(\"DROP TABLE x\")",
                                   ".delete(\"DELETE FROM x\")",
                                   ".update(\"UPDATE x SET a = 1\")",
                                   ".exec(\"DROP TABLE x\")",
                                   ".query(\"DROP TABLE x\")",
                                   ".select(\"DROP TABLE x\")",
                                   ".create(a: 1)",
                                   ".new(a: 1).save",
                                   ".flushall",
                                   "&.flushall",
                                   "::flushall",
                                   ".set(\"a\", 1)",
                                   ".with { |r| r.flushall }",
                                   ".with do |r|\n  r.flushall\nend",
                                   ".then { |r| r.flushall }",
                                   ".method(:flushall).call",
                                   ".send(:flushall)",
                                   ".where(a: 1).delete_all",
                                   ".first.destroy",
                                   ".get(\"a\").destroy",
                                   ".keys(\"*\")",
                                   "[\"DROP TABLE x\"].to_a",
                                   "[:orders].delete",
                                   " << \"DROP TABLE x\"",
                                   ".pipelined { |p| p.set(\"a\", 1) }",
                                   ".tap(&:flushall)",
                                   ".purge"}) {
      const std::string code = absl::StrCat(name, call);
      EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
      EXPECT_TRUE(IsDestructiveFile(kRuby, code)) << code;
      for (const std::string& around :
           {absl::StrCat("def clean\n  ", code, "\nend"), absl::StrCat("x = ", code),
            absl::StrCat("puts(", code, ") if a"), absl::StrCat("puts \"#{", code, "}\""),
            absl::StrCat("Order.where(id: (", code, "))"),
            absl::StrCat("class A\n  X = ", code, "\nend"),
            absl::StrCat("Order.where(a: 1).each { |order| ", code, " }")}) {
        EXPECT_TRUE(HasDestructive(kRuby, around)) << around;
      }
    }
  }
  ExpectWrites(kRuby, {"REDIS_DB::Order.delete_all", "x = REDIS_DB\nx.execute(\"DROP TABLE x\")",
                       "Order.where(id: Redis.new.flushall)", "REDIS.get(REDIS.flushall)",
                       "REDIS.scan_each { |key| REDIS.del(key) }"});
  ExpectWrites(kPhp, {"REDIS_X::truncate();", "REDIS_X::where('a', 1)->delete();",
                      "$a = DB::table('x')->count(); REDIS_X::truncate();", "REDIS::destroy(1);",
                      "X_REDIS::create(['a' => 1]);", "$x = new REDIS_X; $x->save();"});
  ExpectReads(
      kRuby,
      {"REDIS.get(\"a\")", "x = REDIS_DB.hgetall(\"a\")", "CACHE_REDIS.ttl(\"a\").to_i",
       "Shop::REDIS.smembers(\"a\").each { |id| puts id }", "RedisClient.new.get(\"a\")",
       "puts 1 if REDIS.nil?", "Order.where(a: 1).each { |order| puts REDIS.get(order.id) }"});
}

TEST(HostGivenTest, WordsThatEmptyOrLock) {
  ExpectWrites(kRuby, {
                          "user.lock!",
                          "user.avatar.purge",
                          "user.avatar.purge_later",
                          "service.purge_old_orders",
                      });
  ExpectWrites(kPhp, {"$this->orders->purge($days);"});
  ExpectReads(kPhp, {"$order->isPurged();", "$purger = 1;"});
}

// Which method runs first is not told by which stands first.
TEST(HostGivenTest, RecordsThatAnotherMethodBinds) {
  const absl::string_view kRubyFiles[] = {
      "class A\n  def a\n    @order.approve\n  end\n  def b\n    @order = Order.find(1)\n  "
      "end\nend",
      "class A\n  def a\n    @order.items.each { |i| i.approve }\n  end\n"
      "  def b\n    @order ||= Order.find(1)\n  end\nend",
      "class A\n  def a\n    order.approve\n  end\n  def order\n    @order ||= Order.find(1)\n  "
      "end\n"
      "end",
      "class A\n  def a\n    order.approve\n  end\n  def order\n    Order.find(1)\n  end\nend",
      "class A\n  def a\n    order = current_user.orders.find(1)\n    order.approve\n"
      "    Order.count\n  end\nend",
      "class A\n  def a\n    current_user.promote\n    Order.count\n  end\nend",
  };
  ExpectDestructive(kRuby, kRubyFiles);
  const absl::string_view kPhpFiles[] = {
      "<?php class A { function a() { $this->order->approve(); }\n"
      "function b() { $this->order = Order::find(1); } }",
  };
  ExpectDestructive(kPhp, kPhpFiles);
  EXPECT_FALSE(
      IsDestructiveFile(kRuby,
                        "class A\n  def a\n    x = @order.total\n    @order.items.count\n  end\n"
                        "  def b\n    @order = Order.find(1)\n  end\nend"));
  EXPECT_FALSE(IsDestructiveFile(
      kRuby,
      "class A\n  def a\n    order.total\n  end\n  def order\n    Order.find(1)\n  end\nend"));
  EXPECT_FALSE(IsDestructiveFile(kPhp,
                                 "<?php class A { function a() { return $this->order->total; }\n"
                                 "function b() { $this->order = Order::find(1); } }"));
}

// What one method binds another may hand on, again and again.
TEST(HostGivenTest, RecordsThatGoFromMethodToMethod) {
  const auto handed = [](int times) {
    std::string file = "class C\n  def go\n    @v0.promote\n  end\n";
    for (int i = 0; i < times; ++i) {
      absl::StrAppend(&file, "  def m", i, "\n    @v", i, " = @v", i + 1,
                      ".members.find(1)\n  end\n");
    }
    absl::StrAppend(&file, "  def load\n    @v", times, " = User.find(1)\n  end\nend\n");
    return file;
  };
  for (int times : {0, 1, 2, 3, 4, 20}) {
    EXPECT_TRUE(IsDestructiveFile(kRuby, handed(times))) << times;
  }
  const absl::string_view kReads =
      "class C\n  def go\n    @a.name\n  end\n  def mid\n    @a = @b.members.find(1)\n  end\n"
      "  def load\n    @b = User.find(1)\n  end\nend\n";
  EXPECT_FALSE(IsDestructiveFile(kRuby, kReads));
}

// It took time by the square of their number once.
TEST(HostGivenTest, LongChainsBehindManyIndexesAreReadInTime) {
  std::string code = "x";
  for (int i = 0; i < 60000; ++i) absl::StrAppend(&code, "[0]");
  for (int i = 0; i < 60000; ++i) absl::StrAppend(&code, ".a");
  const std::clock_t begin = std::clock();
  EXPECT_TRUE(Split(Target(kRuby), Beside(kRuby, code)).ok());
  EXPECT_LT(std::clock() - begin, 6 * CLOCKS_PER_SEC);
}

// What is called for its effect on what a parameter's type says is a model of Laravel.
TEST(HostGivenTest, ParametersThatAreModels) {
  const absl::string_view kFiles[] = {
      "<?php use App\\Models\\Order;\n"
      "class A { function a() { return Order::count(); }\n"
      "function b(Order $order) { $order->approve(); } }",
      "<?php use App\\Models\\{Order, User as Person};\n"
      "class A { function a() { return Order::count(); }\n"
      "function b(Person $user, ?Order $order = null) { $user->promote(); } }",
      "<?php use App\\Models\\Order as O;\n"
      "class A { function a() { return O::count(); }\n"
      "function b(?O $order) { $order->approve(); } }",
      "<?php class A { function a() { return Order::count(); }\n"
      "function b(\\App\\Models\\Order $order) { $order->approve(); } }",
  };
  ExpectDestructive(kPhp, kFiles);
  EXPECT_FALSE(IsDestructiveFile(
      kPhp,
      "<?php use App\\Models\\Order; use App\\Services\\Clock;\n"
      "class A { function a() { return Order::count(); }\n"
      "function b(Order $order, Clock $clock) { $order->load('items'); $x = $clock->tick();\n"
      "return $order->isPaid(); } }"));
}

// Nothing else has methods of these names.
TEST(HostGivenTest, LocksOfQueriesThatComeFromElsewhere) {
  ExpectWrites(kPhp, {
                         "$query->lockForUpdate()->get();",
                         "$query->sharedLock()->get();",
                         "Auth::user()->posts()->lockForUpdate()->get();",
                         "$this->query->sharedLock()->first();",
                     });
  ExpectReads(kPhp, {"$lock = $factory->lock('x');"});
}

TEST(HostGivenTest, MethodsThatFunctionsAreGivenToCall) {
  ExpectWrites(kPhp, {
                         "usort($xs, [$this->svc, 'archive']);",
                         "array_walk($xs, [$x, 'archive']);",
                         "array_walk($xs, array($x, 'archive'));",
                         "array_map([$this, 'archive'], $xs);",
                         "array_map([Archiver::class, 'archive'], $xs);",
                         "register_shutdown_function([$x, 'archive']);",
                         "iterator_apply($it, [$x, 'archive']);",
                         "set_error_handler([$x, 'archive']);",
                     });
  ExpectReads(kPhp,
              {
                  "class A { function f($xs) { return array_map([$this, 'twice'], $xs); }\n"
                  "function twice($x) { return $x . $x; } }",
                  "class A { function f($xs) { usort($xs, [self::class, 'by']); return $xs; }\n"
                  "static function by($a, $b) { return $a <=> $b; } }",
                  "class A { function f($xs) { usort($xs, array(__CLASS__, 'by')); }\n"
                  "static function by($a, $b) { return $a <=> $b; } }",
              });
  // Of another object, whatever its own methods are called.
  ExpectWrites(kPhp, {"class A { function f($xs) { usort($xs, [$this->svc, 'by']); return $xs; }\n"
                      "function by($a, $b) { return $a <=> $b; } }",
                      "class A { function f($xs) { usort($xs, [self::$svc, 'by']); return $xs; }\n"
                      "static function by($a, $b) { return $a <=> $b; } }"});
  // Read where it stands.
  ExpectWrites(kPhp, {"class A { function f($xs) { return array_map([$this, 'twice'], $xs); }\n"
                      "function twice($x) { User::truncate(); } }"});
}

TEST(HostGivenTest, CommandsOfFrameworksByTheirNames) {
  ExpectWrites(kPhp,
               {
                   "$schedule->command('db:wipe')->daily();",
                   "$schedule->command('migrate:fresh --force');",
                   "$this->getApplication()->find('doctrine:schema:drop')->run($i, $o);",
                   "$application->run(new ArrayInput(['command' => 'doctrine:schema:drop']));",
                   "$this->artisan('migrate');",
                   "$this->seed(UserSeeder::class);",
               });
  ExpectWrites(kRuby, {"Rails.application.load_seed"});
  ExpectReads(kPhp,
              {"$this->trans('migrated');", "$x->find('dba');", "$y = $x->label('database');"});
  // They may be shortened, and put together; a sentence is none.
  ExpectWrites(
      kPhp,
      {"$schedule->command('migrate:ref');", "$schedule->command(\"migrate:$what\");",
       "$schedule->command('migrate:' . $what);", "$schedule->command('migrate:re' . $what);"});
  ExpectReads(kPhp, {"Log::info('migrate: users done');", "trans('migrate:x');",
                     "$this->line('migrate: done');", "$this->line('migrate:freshly done');"});
}

// They are given a table, and no SQL.
TEST(HostGivenTest, WritesOfConnectionsSayWhatTheyAre) {
  const auto reasons = [](absl::string_view code) {
    const auto statements = Split(Target(kPhp), code);
    EXPECT_TRUE(statements.ok());
    const Reading reading = Read(kPhp, statements->back());
    EXPECT_EQ(reading.verdict.safety, Safety::kDestructive) << code;
    EXPECT_EQ(reading.verdict.kind, Kind::kDataFix) << code;
    return absl::StrJoin(reading.verdict.reasons, "; ");
  };
  EXPECT_EQ(reasons("$wpdb->insert('orders', ['a' => 1]);"), "insert changes rows");
  EXPECT_EQ(reasons("$wpdb->insert($wpdb->prefix . 'orders', ['a' => 1]);"), "insert changes rows");
  EXPECT_EQ(reasons("$wpdb->delete('orders', ['id' => 1]);"), "delete deletes rows");
  EXPECT_EQ(reasons("$conn->update('orders', ['a' => 1], ['id' => 1]);"), "update changes rows");
  EXPECT_TRUE(HasDestructive(kPhp, "$conn->insert($table, ['a' => 1]);"));
  EXPECT_TRUE(HasDestructive(kPhp, "$conn->delete('DELETE FROM orders', []);"));
  EXPECT_TRUE(HasDestructive(kPhp, "$conn->insert('orders', ['a' => User::truncate()]);"));
}

TEST(HostGivenTest, WordPressTellsOfItsDatabase) {
  EXPECT_FALSE(HasDestructive(kPhp,
                              "function a() { global $wpdb; $c = $wpdb->get_charset_collate();\n"
                              "return $wpdb->get_var(\"SELECT a FROM {$wpdb->prefix}b\"); }"));
  EXPECT_TRUE(HasDestructive(kPhp,
                             "function a() { global $wpdb; $c = $wpdb->set_prefix($x);\n"
                             "return $wpdb->get_var(\"SELECT a FROM {$wpdb->prefix}b\"); }"));
}

}  // namespace
}  // namespace dbfleet::sql
