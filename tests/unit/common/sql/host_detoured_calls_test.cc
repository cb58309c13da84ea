#include "absl/strings/match.h"

#include "tests/unit/common/sql/beside.h"

// What is called by way of something else: functions that call what they are given, code in texts,
// literals, variables that hold a client or something to call, jobs.
namespace dbfleet::sql {
namespace {

TEST(HostDetouredCallsTest, FunctionsThatCallWhatTheyAreGiven) {
  static constexpr absl::string_view kOfPhp[] = {
      "filter_var('DELETE FROM a', FILTER_CALLBACK, ['options' => 'DB::statement']);",
      "$x = filter_var('DELETE FROM a', 1024, ['options' => 'DB::statement']);",
      "$x = filter_var('DELETE FROM a', $f, ['options' => 'DB::statement']);",
      "$x = filter_var(value: 'DELETE FROM a', options: ['options' => 'DB::statement'], filter: "
      "FILTER_CALLBACK);",
      "$x = filter_var('a', ...$args);",
      "$x = filter_var_array($a, ['x' => ['filter' => FILTER_CALLBACK, 'options' => "
      "'DB::statement']]);",
      "$x = filter_var_array($a, $def);",
      "$x = filter_input(INPUT_GET, 'a', FILTER_CALLBACK, ['options' => 'DB::statement']);",
      "$x = filter_input_array(INPUT_GET, ['x' => ['filter' => FILTER_CALLBACK, 'options' => "
      "'DB::statement']]);",
      "$x = array_find($a, 'DB::statement');",
      "function f($svc, $a) { return array_find($a, [$svc, 'purge']); }",
      "function f($f, $a) { return array_find($a, $f); }",
      "function f($f, $a) { return array_any($a, $f); }",
      "function f($f, $a) { return array_all($a, $f); }",
      "function f($f, $a) { return array_find_key($a, $f); }",
      "function f($f, $a) { return array_udiff([1], [2], $f); }",
      "$x = array_udiff([1], [2], 'DB::statement');",
      "$x = preg_replace_callback_array(['/x/' => 'purge'], $s);",
      "$x = preg_replace_callback_array(['/x/' => 'DB::statement'], $s);",
      "function f($f) { $x = Closure::fromCallable($f); }",
      "iterator_apply($it, 'purge');",
      "header_register_callback('purge');",
      "ob_start('purge');",
      "ini_set('unserialize_callback_func', 'purge');",
      "$c = stream_context_create([], ['notification' => 'purge']);",
      "function f($f, $u) { return optional($u, $f); }",
  };
  ExpectWrites(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "assert_predicate user, :purge",
      "assert_predicate(user, :destroy)",
      "its(:delete_all)",
      "x = proc(&:delete_all)",
      "x = lambda(&:destroy)",
  };
  ExpectWrites(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, FunctionsThatCallNothing) {
  static constexpr absl::string_view kOfPhp[] = {
      "$x = filter_var($x, FILTER_VALIDATE_EMAIL);",
      "if (!filter_var($x, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]])) { return; }",
      "$id = filter_input(INPUT_GET, 'id', FILTER_SANITIZE_NUMBER_INT);",
      "$id = filter_input(INPUT_GET, 'id');",
      "$x = filter_var($x, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4 | FILTER_FLAG_NO_PRIV_RANGE);",
      "$x = filter_input_array(INPUT_POST, ['id' => FILTER_VALIDATE_INT, 'tags' => ['filter' => "
      "FILTER_DEFAULT, 'flags' => FILTER_REQUIRE_ARRAY]]);",
      "$x = filter_var($x, FILTER_VALIDATE_BOOLEAN, FILTER_NULL_ON_FAILURE);",
      R"($x = \filter_var($x, \FILTER_VALIDATE_URL);)",
      "$x = filter_input_array(INPUT_POST, FILTER_SANITIZE_SPECIAL_CHARS);",
      "$x = array_find($a, fn($i) => $i > 3);",
      "$x = array_any($a, function ($i) { return $i === 1; });",
      "$c = stream_context_create(['http' => ['method' => 'GET']]);",
  };
  ExpectReads(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "assert_predicate user, :persisted?",
  };
  ExpectReads(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, CodeInTextsIsReadLikeAnyOther) {
  static constexpr absl::string_view kOfPhp[] = {
      R"($f = 'DB::statement'; $q = "{$f('DELETE FROM a')}";)",
      R"($q = "{$svc()}";)",
      R"($q = "{$a['b']('x')}";)",
      R"($q = "{$x[Wiper::run()]}";)",
      R"($q = "{$x[include 'a.php']}";)",
      R"($q = "{$this->wipe()}";)",
      R"($q = "{$svc->handle($order)}";)",
      "$q = <<<T\na {$svc->handle($order)} b\nT;",
      R"($q = "{$this->svc->handle($order)} {$this->x}";)",
  };
  ExpectWrites(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      R"(x = "#{exec_sql 'DELETE FROM a'}")",
      R"(x = "#{wipe 1}")",
      R"(x = "#{wipe_all @a}")",
      R"(x = "#{load 'x.rb'}")",
      R"(x = "#{require_relative 'x'}")",
      R"(x = "#{Wiper.run(1)}")",
      R"(x = "#{Wiper.call(order)}")",
      R"(x = "#{@service.call}")",
      R"(x = "#{User.count} #{@service.call}")",
      R"(x = "#{User.count} #{x ? "#{@service.call}" : 1}")",
      R"(x = "#{WipeJob.perform_now(1)}")",
      R"(x = "#{self.class.wipe(1)}")",
      R"(x = "#{case 1 when 1 then wipe 1 end}")",
      R"(puts "a #{if x then wipe 1 end}")",
      "x = /#{wipe 1}/",
      R"(x = :"a#{wipe 1}")",
      "x = <<~T\n  a #{wipe 1}\nT",
      R"(x = %w[a].map { |y| "#{wipe y}" })",
  };
  ExpectWrites(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, WhatTextsShowIsRead) {
  static constexpr absl::string_view kOfPhp[] = {
      R"($x = "{$user->name} {$order->total()} {$a['b']} {$this->name} {$o->items[0]->name}";)",
      R"($x = "{$user->getName()} {$date->format('Y-m-d')} $name $a[0] ${b}";)",
      R"(class A { function f() { return "{$this->label()} x"; } function label() { return 'x'; } })",
      R"($x = "{$request->input('name')} {$this->getTable()} {$e->getMessage()}";)",
      R"($x = "{$fn(1)}"; $fn = fn($x) => $x + 1;)",
  };
  ExpectReads(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      R"(x = "#{user.name} #{order.total.round(2)} #{t('x')}")",
      R"(x = "#{user.name.upcase} #{i + 1} #{items.map(&:name).join(', ')} #{Time.now.to_i}")",
      R"(puts "#{User.count} users")",
      R"(x = "#{self.class.name}##{__method__} #{Rails.env} #{ENV['A']} #{params[:id]}")",
      R"(x = "#{I18n.t('a.b', count: 3)} #{number_to_currency(order.total)} #{Date.today.strftime('%F')}")",
      R"(x = "#{x ? 'a' : 'b'} #{first_name unless last_name.blank?} #{'%02d' % n}")",
      R"(x = "#{request.path} #{root_path} #{post_url(@post)} #{@user.email.downcase}")",
      R"(def full_name
  "#{first_name} #{last_name}"
end)",
      R"(def label(prefix)
  "#{prefix} #{format_it(1)}"
end
def format_it(x)
  x.to_s
end)",
      R"(x = "#{block.call(1)}")",
      R"(x = "#{[a, b].compact.join(' ')} #{hash.fetch(:a, 1)} #{{a: 1}[:a]}")",
      R"(x = "#{JSON.generate(a: 1)} #{SecureRandom.hex(4)} #{Digest::MD5.hexdigest(email)}")",
  };
  ExpectReads(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, WhatIsCalledOnAHashOrAMatch) {
  static constexpr absl::string_view kOfPhp[] = {
      "(fn() => DB::connection())()->statement('DELETE FROM a');",
      "$x = (fn() => DB::connection())()->statement('DELETE FROM a');",
      "$x = (fn() => User::first())()->archive();",
      "$x = (function () { return User::first(); })()->archive();",
      "[new X, 'purge']();",
      "$x = [new X, 'purge']();",
      "[new X, 'handle']();",
      "$x = (clone $x)->delete();",
      "(clone $x)->archive();",
      "$y = (clone User::first())->archive();",
      "match(true) { default => User::first() }->delete();",
      "match(true) { default => User::first() }->archive();",
      "$x = match(true) { default => User::first() }->archive();",
      "$x = match($a) { 1 => $post, 2 => $user }->delete();",
      "['a' => new X]['a']->delete();",
      "(new class { function f() { DB::statement('DELETE FROM a'); } })->f();",
      "$x = ($a ?: User::first())->archive();",
      "'DB'::statement('DELETE FROM a');",
      R"("{$x}"::truncate();)",
      "('DB::'.'statement')('DELETE FROM a');",
  };
  ExpectWrites(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "{a: Post}[:a].delete_all",
      "x = {a: Post}[:a].delete_all",
      "{a: Post}.fetch(:a).delete_all",
      "{a: Post}.dig(:a).delete_all",
      "{a: Post}.each_value(&:delete_all)",
      "{a: Post}.transform_values(&:delete_all)",
      "x = {a: Post}.transform_values(&:delete_all)",
      "{a: User.first}[:a].destroy",
      "{User.first => 1}.each_key(&:destroy)",
      R"({a: ActiveRecord::Base.connection}[:a].execute("DELETE FROM a"))",
      "foo({a: Post}[:a].delete_all)",
      "return {a: Post}[:a].delete_all",
      "[1].each { |x| {a: Post}[:a].delete_all }",
      "x = y && {a: Post}[:a].delete_all",
      "puts({a: User.first}[:a].archive)",
      "{a: User.first}[:a].archive",
      "{a: User.first}.each { |k, v| v.archive }",
      "{a: User.first}.each_value { |v| v.archive }",
      "{a: User.first}.values.each { |v| v.archive }",
      "x = {a: User.first}.values.first.cancel",
      "users.map do |x| x end.each(&:destroy)",
      "(if x then User.first end).destroy",
      "if x then User.first end.destroy",
      "if x\nUser.first\nend.destroy",
      "case x\nwhen 1 then User.first\nend.destroy",
      "begin\nUser.first\nend.destroy",
      "if x\nUser.first\nend.archive",
      "y = if x\nUser.first\nend.cancel",
      "case x\nwhen 1 then User.first\nend.archive",
      "y = begin\nUser.first\nend.cancel",
      "y = begin\nUser\nend.delete_all",
      "y = if x then Post else User end.delete_all",
      "->(x) { x.destroy }.(User.first)",
      "->(x) { x.archive }.(User.first)",
      "->(x) { x.archive }.call(User.first)",
      "x = ->(x) { x.cancel }[User.first]",
      "<<~S.tap { |s| execute(s) }\nDELETE FROM a\nS",
      "<<~S.tap { |s| ActiveRecord::Base.connection.execute(s) }\nDELETE FROM a\nS",
      "<<~S.then(&method(:exec_it))\nDELETE FROM a\nS",
      R"("Post".constantize.delete_all)",
      ":Post.to_s.constantize.delete_all",
      "x = %w[Post].map(&:constantize).each(&:delete_all)",
      "(1..3).each(&wiper)",
      R"("post".then { |x| x.classify.constantize.delete_all })",
  };
  ExpectWrites(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, HashesAndListsAreData) {
  static constexpr absl::string_view kOfPhp[] = {
      "$x = (fn() => 1)();",
      "$x = match($a) { 1 => 'a', default => 'b' };",
      "$x = (clone $date)->addDays(3);",
  };
  ExpectReads(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "x = {a: 1, b: 2}[:a]",
      "x = {a: 'b'}.fetch(params[:x], 'c')",
      "{a: 1}.each { |k, v| puts k }",
      R"(x = {'a' => 1}.map { |k, v| "#{k}=#{v}" }.join('&'))",
      "render json: {a: 1}.to_json",
      "x = {a: 1}.merge(b: 2).delete(:a)",
      "h = {a: 1}.with_indifferent_access.freeze",
      "x = {a: User.count, b: Post.count}.to_json",
      "x = {a: nil}.compact.presence || {}",
      "a.each { |x| puts x }",
      "scope :x, -> { where(a: 1) }",
      "STATES = {a: 1, b: 2}.freeze",
      "validates :a, inclusion: {in: STATES.keys}",
      "x = begin\nInteger(y)\nend.to_s",
  };
  ExpectReads(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, ClientsOfRedisInVariables) {
  static constexpr absl::string_view kOfPhp[] = {
      "$r = new Redis(); $r->flushAll();",
      "$r = new Redis(); $r->connect('x'); $r->rawCommand('FLUSHALL');",
      R"($r = new \Redis; $r->del('a');)",
      R"($r = new Predis\Client(); $r->flushall();)",
      R"($r = new \Predis\Client(['a' => 1]); $r->set('a', 1);)",
      "$r = Redis::connection(); $r->flushdb();",
      "$this->r = new Redis(); $this->r->del('a');",
      "Cache::getRedis()->flushdb();",
      "Cache::getStore()->getRedis()->flushdb();",
      "Cache::connection()->flushdb();",
      "$x = Cache::getRedis()->del('a');",
      "$r = Cache::getRedis(); $r->flushdb();",
  };
  ExpectWrites(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "r = Redis.new\nr.flushall",
      R"(r = Redis.new
r.call("FLUSHALL"))",
      R"(r = Redis.new
r.eval("x"))",
      "r = Redis.new\nr.script(:flush)",
      R"(r = Redis.new
r.config(:set, "a", 1))",
      R"(r = Redis.new
r.del("a"))",
      R"(r = Redis.new(url: ENV['X'])
x = r.del("a"))",
      R"(r = Redis.current
r.set("a", 1))",
      R"(@r = Redis.new
@r.del("a"))",
      "r = $redis\nr.flushall",
      "r = q = Redis.new\nr.flushdb",
      "r ||= Redis.new\nr.flushdb",
      R"(r = Redis::Namespace.new(:a, redis: Redis.new)
r.del("a"))",
      R"(r = ConnectionPool.new { Redis.new }
r.with { |c| c.del("a") })",
  };
  ExpectWrites(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, ClientsOfRedisThatAreAsked) {
  static constexpr absl::string_view kOfPhp[] = {
      "$r = new Redis(); $r->connect('127.0.0.1'); $x = $r->get('a'); $r->exists('b'); "
      "$r->ttl('c'); $r->close();",
  };
  ExpectReads(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      R"(r = Redis.new
x = r.get("a")
r.exists?("a")
r.ttl("b")
r.hgetall("c")
r.close)",
  };
  ExpectReads(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, JobsAndWholeCaches) {
  static constexpr absl::string_view kOfPhp[] = {
      "Queue::push(new Wipe);",
      "Queue::push('Wipe@handle');",
      "Queue::later(60, new Wipe);",
      "Queue::laterOn('q', 60, new Wipe);",
      "Queue::pushOn('q', new Wipe);",
      "Queue::bulk([new Wipe]);",
      "Queue::connection()->push(new Wipe);",
      "Queue::connection('redis')->push('Wipe');",
      "Queue::clear('default');",
      "$x = Queue::push(new Wipe);",
      "Cache::flush();",
      "Cache::store('redis')->flush();",
      "cache()->flush();",
      "Cache::clear();",
      "cache()->clear();",
  };
  ExpectWrites(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      "Rails.cache.clear",
      R"(Rails.cache.delete_matched("*"))",
  };
  ExpectWrites(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, KeysOfCachesAndSizesOfQueues) {
  static constexpr absl::string_view kOfPhp[] = {
      "$n = Queue::size('default');",
      "Cache::tags(['a'])->flush();",
      "Cache::put('a', 1, 60); Cache::forget('a'); $x = Cache::get('a'); $y = Cache::remember('k', "
      "60, fn() => 1);",
      "cache()->put('a', 1); cache()->forget('a'); $x = cache('a');",
  };
  ExpectReads(kPhp, kOfPhp);
  static constexpr absl::string_view kOfRuby[] = {
      R"(Rails.cache.fetch("a") { 1 }
Rails.cache.delete("a")
Rails.cache.write("a", 1)
x = Rails.cache.read("a"))",
  };
  ExpectReads(kRuby, kOfRuby);
}

TEST(HostDetouredCallsTest, CallablesInVariables) {
  static constexpr absl::string_view kOfPhp[] = {
      "function f(callable $f) { return DB::table('a')->get()->first($f); }",
      R"(function f(\Closure $f) { return DB::table('a')->get()->contains($f); })",
      "function f(Closure $f) { return DB::table('a')->get()->sole($f); }",
      "function f(?callable $f) { return DB::table('a')->get()->firstOrFail($f); }",
      "function f(callable|string $f) { return DB::table('a')->get()->sortBy($f); }",
      "function f(callable $f) { return DB::table('a')->get()->keyBy($f); }",
      "function f(callable $f) { return DB::table('a')->get()->implode($f); }",
      "function f(callable $f) { return $this->x->get()->groupBy($f); }",
      "$f = [$svc, 'purge']; $x = DB::table('a')->get()->first($f);",
      "$f = $this->wiper(...); $x = DB::table('a')->get()->keyBy($f);",
      "$f = Closure::fromCallable('purge'); $x = DB::table('a')->get()->keyBy($f);",
  };
  ExpectWrites(kPhp, kOfPhp);
}

TEST(HostDetouredCallsTest, ColumnsInVariables) {
  static constexpr absl::string_view kOfPhp[] = {
      "function f(string $f) { return DB::table('a')->get()->sortBy($f); }",
      "$f = 'name'; $x = DB::table('a')->get()->keyBy($f);",
      "function f($col) { return DB::table('a')->get()->sortBy($col); }",
      "$f = fn($x) => $x->id; $x = DB::table('a')->get()->keyBy($f);",
      "$f = fn($x) => $x->id; $x = DB::table('a')->get()->first($f);",
      "$x = DB::table('a')->get()->contains($value);",
  };
  ExpectReads(kPhp, kOfPhp);
}

// What a record is asked for without arguments, where something takes its value.
constexpr absl::string_view kAround[] = {
    "@user = User.find(1)\ntoken = @user.",
    "user = User.find_by(id: 1)\nrender json: user.",
    "def a(id)\n  user = User.find(id)\n  user.name if user.",
};

std::string Asked(absl::string_view around, absl::string_view name) {
  return absl::StrCat(around, name, absl::StartsWith(around, "def") ? "\nend" : "");
}

TEST(HostDetouredCallsTest, VerbsOfRecordsAreNoColumns) {
  for (absl::string_view name : {"regenerate_auth_token",
                                 "generate_confirmation_token",
                                 "lock_account",
                                 "unlock_account",
                                 "revoke_access",
                                 "rotate_keys",
                                 "activate_account",
                                 "deactivate_account",
                                 "block_user",
                                 "credit_account",
                                 "debit_wallet",
                                 "deposit_funds",
                                 "collect_payment",
                                 "issue_token",
                                 "invalidate_sessions",
                                 "end_session",
                                 "expire_token",
                                 "assign_owner",
                                 "reserve_seat",
                                 "adjust_stock",
                                 "decrease_stock",
                                 "reduce_balance",
                                 "correct_balance",
                                 "increment_views",
                                 "toggle_active",
                                 "record_login",
                                 "change_email",
                                 "set_default_address",
                                 "close_account",
                                 "pause_subscription",
                                 "resume_subscription",
                                 "link_account",
                                 "leave_group",
                                 "provision_server",
                                 "replace_items",
                                 "duplicate_order",
                                 "book_room",
                                 "schedule_delivery",
                                 "touch_later",
                                 "valid_for_authentication?",
                                 "set_reset_password_token",
                                 "generate_code",
                                 "cancel_order",
                                 "approve_account"}) {
    for (absl::string_view around : kAround) {
      const std::string code = Asked(around, name);
      EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
    }
  }
}

TEST(HostDetouredCallsTest, ColumnsOfRecordsAreNoVerbs) {
  for (absl::string_view name : {"block_height",
                                 "credit_limit",
                                 "credit_card",
                                 "book_title",
                                 "record_type",
                                 "link_url",
                                 "end_date",
                                 "set_count",
                                 "schedule_time",
                                 "change_log",
                                 "order_items",
                                 "ship_address",
                                 "bill_address",
                                 "return_policy",
                                 "contact_person",
                                 "cancel_reason",
                                 "ship_date",
                                 "refund_amount",
                                 "reset_token",
                                 "unlock_token",
                                 "locked_account",
                                 "archived_posts",
                                 "issued_tokens",
                                 "lock_version",
                                 "credit_balance",
                                 "leave_requests",
                                 "resume_url",
                                 "block_list",
                                 "notify_email",
                                 "process_options",
                                 "start_date",
                                 "issue_number",
                                 "charge_id",
                                 "transfer_fee",
                                 "active_for_authentication?",
                                 "email_confirmed?",
                                 "full_name",
                                 "order_number",
                                 "remember_token",
                                 "reset_password_sent_at",
                                 "password_digest",
                                 "support_tickets"}) {
    for (absl::string_view around : kAround) {
      const std::string code = Asked(around, name);
      EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
