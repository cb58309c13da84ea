#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

// Everyday code that only reads: whoever sees it called destructive stops believing the rest.
TEST(HostIdiomsTest, ReadOnlyCodeOfPhpIsSafe) {
  for (absl::string_view code :
       {"$stmt = $pdo->prepare('SELECT a FROM t WHERE b = ?'); $stmt->execute([$b]); $rows = "
        "$stmt->fetchAll();",
        "$stmt = $pdo->prepare('SELECT a FROM t WHERE b = :b'); $stmt->bindValue(':b', $b, "
        "PDO::PARAM_INT); $stmt->execute(); $row = $stmt->fetch(PDO::FETCH_ASSOC);",
        "$stmt = $this->pdo->prepare('SELECT a FROM t WHERE b = :b'); $stmt->bindParam(':b', $b); "
        "$stmt->execute(); while ($row = $stmt->fetch()) { echo $row['a']; } $stmt->closeCursor();",
        "$stmt = $pdo->prepare('SELECT a FROM t'); $stmt->execute(); foreach ($stmt as $row) { "
        "print_r($row); }",
        "$stmt = $pdo->prepare('SELECT a FROM t'); $stmt->setFetchMode(PDO::FETCH_CLASS, 'User'); "
        "$stmt->execute(); $n = $stmt->rowCount(); $stmt = null;",
        "$stmt = $pdo->prepare('SELECT COUNT(*) FROM t'); $stmt->execute(); $n = (int) "
        "$stmt->fetchColumn();",
        "$stmt = $pdo->prepare('SELECT a FROM t WHERE b = ?'); if ($stmt->execute([$b])) { return "
        "$stmt->fetchAll(PDO::FETCH_KEY_PAIR); }",
        "function one($pdo, $id) { $s = $pdo->prepare('SELECT a FROM t WHERE id = ?'); "
        "$s->execute([$id]); return $s->fetch(); } function all($pdo) { $s = $pdo->prepare('SELECT "
        "a FROM u LIMIT 5'); $s->execute(); return $s->fetchAll(); }",
        "$rows = $pdo->query('SELECT a FROM t LIMIT 10')->fetchAll(PDO::FETCH_ASSOC);",
        "foreach ($pdo->query('SELECT a FROM t LIMIT 10') as $row) { echo "
        "htmlspecialchars($row['a']), \"\\n\"; }",
        "$q = $pdo->query('SELECT a FROM t LIMIT 10'); $row = $q->fetch(PDO::FETCH_OBJ); echo "
        "$row->a;",
        "$stmt = $mysqli->prepare('SELECT a FROM t WHERE b = ?'); $stmt->bind_param('i', $b); "
        "$stmt->execute(); $stmt->bind_result($a); $stmt->fetch(); $stmt->close();",
        "$stmt = $mysqli->prepare('SELECT a FROM t WHERE b = ?'); $stmt->bind_param('s', $b); "
        "$stmt->execute(); $result = $stmt->get_result(); while ($row = $result->fetch_assoc()) { "
        "echo $row['a']; }",
        "if (!($stmt = $mysqli->prepare('SELECT a FROM t'))) { die('no'); } $stmt->execute(); "
        "$stmt->store_result(); echo $stmt->num_rows;",
        "$result = $mysqli->query('SELECT a FROM t LIMIT 10'); while ($row = "
        "$result->fetch_assoc()) { printf(\"%s\\n\", $row['a']); } $result->free();",
        "$r = mysqli_query($db, 'SELECT a FROM t LIMIT 10'); $rows = mysqli_fetch_all($r, "
        "MYSQLI_ASSOC); mysqli_free_result($r);",
        "$stmt = mysqli_prepare($db, 'SELECT a FROM t WHERE b = ?'); mysqli_stmt_bind_param($stmt, "
        "'s', $b); mysqli_stmt_execute($stmt); $r = mysqli_stmt_get_result($stmt); "
        "mysqli_stmt_close($stmt);",
        "$r = pg_query_params($c, 'SELECT a FROM t WHERE b = $1', [$b]); while ($row = "
        "pg_fetch_assoc($r)) { echo $row['a']; }",
        "$users = User::where('active', true)->orderBy('name')->take(10)->get();",
        "$user = User::findOrFail($id); return view('users.show', compact('user'));",
        "$names = User::where('active', 1)->pluck('name')->implode(', ');",
        "$users = User::with('posts')->latest()->paginate(20);",
        "$n = User::whereBetween('age', [18, 30])->count();",
        "$users = User::query()->where('a', 1)->limit(5)->get();",
        "$users = User::whereIn('id', [1, 2])->get(); foreach ($users as $user) { echo "
        "$user->name; }",
        "$users = User::where('a', 1)->get()->map(fn($u) => $u->name)->toArray();",
        "$users = User::limit(5)->get(); $names = $users->map(function ($u) { return $u->name; "
        "})->values();",
        "$users = User::limit(5)->get(); if ($users->isEmpty()) { return response()->json(['error' "
        "=> 'none'], 404); }",
        "$user = User::where('email', $email)->first(); if ($user === null) { abort(404); }",
        "$exists = User::where('email', $request->input('email'))->exists();",
        "$rows = DB::table('users')->select('id', 'name')->where('a', '>', "
        "5)->orderByDesc('id')->limit(10)->get();",
        "$rows = DB::select('SELECT a FROM t WHERE b = ?', [$b]);",
        "$n = DB::table('orders')->where('paid', 1)->sum('total');",
        "$rows = DB::table('a')->join('b', 'a.id', '=', 'b.a_id')->where('a.x', 1)->get(['a.id']);",
        "$rows = DB::table('users')->select(DB::raw('count(*) as n'))->groupBy('status')->get();",
        "$v = DB::table('users')->where('id', 1)->value('email');",
        "DB::table('users')->where('a', 1)->orderBy('id')->chunk(100, function ($rows) { foreach "
        "($rows as $row) { echo $row->id; } });",
        "User::where('created_at', '>', new DateTime('-1 day'))->count();",
        "User::where('created_at', '>=', Carbon::now()->subDay())->count();",
        "User::where('created_at', '>=', now()->subDays(3))->count();",
        "$rows = $conn->fetchAllAssociative('SELECT a FROM t WHERE b = ?', [$b]);",
        "$row = $conn->fetchAssociative('SELECT a FROM t WHERE id = :id', ['id' => $id]);",
        "$n = $conn->fetchOne('SELECT COUNT(*) FROM t');",
        "foreach ($conn->iterateAssociative('SELECT a FROM t LIMIT 5') as $row) { echo "
        "json_encode($row); }",
        "$rows = $conn->executeQuery('SELECT a FROM t WHERE b = ?', [$b])->fetchAllAssociative();",
        "$stmt = $conn->prepare('SELECT a FROM t WHERE b = ?'); $stmt->bindValue(1, $b); $rows = "
        "$stmt->executeQuery()->fetchAllAssociative();",
        "$user = $em->getRepository(User::class)->find($id);",
        "$users = $em->getRepository(User::class)->findBy(['active' => true], ['name' => 'ASC'], "
        "10);",
        "$user = $em->find(User::class, $id); echo $user->getName();",
        "use Illuminate\\Support\\Facades\\DB; $rows = DB::select('SELECT 1');",
        "use App\\Models\\User; use Illuminate\\Support\\Str; $u = User::find(1); echo "
        "Str::upper($u->name);",
        "require __DIR__ . '/../vendor/autoload.php'; $rows = $pdo->query('SELECT 1')->fetchAll();",
        "Log::info('found', ['n' => User::count()]);",
        "$out = fopen('php://stdin', 'r'); $line = trim(fgets($out)); $u = User::find((int) "
        "$line);",
        "usort($rows, fn($a, $b) => strcmp($a['n'], $b['n']));",
        "$f = function ($x) { return $x * 2; }; echo $f(2);",
        "function label($u) { return ucfirst(trim($u->name)); } echo label(User::find(1));",
        "echo sprintf('%05.2f', round(array_sum(array_column($rows, 'a')), 2));",
        "try { $u = User::findOrFail(1); } catch (ModelNotFoundException $e) { "
        "error_log($e->getMessage()); }",
        "class UserRepository { private $pdo; public function __construct(PDO $pdo) { $this->pdo = "
        "$pdo; } public function all() { $st = $this->pdo->prepare('SELECT a FROM t'); "
        "$st->execute(); return $st->fetchAll(); } }",
        "$sql = 'SELECT a FROM t WHERE b = ?'; $st = $pdo->prepare($sql); $st->execute([$b]); "
        "$rows "
        "= $st->fetchAll();",
        "$sql = 'SELECT a FROM t LIMIT 5'; foreach ($db->query($sql) as $row) { echo $row['a']; }",
        "$sql = \"SELECT a FROM t\\nWHERE b = ?\"; $rows = DB::select($sql, [$b]);",
        "$sql = 'SELECT a FROM t'; $sql .= ' LIMIT 5'; $r = mysqli_query($db, $sql);",
        "$sql = <<<SQL\nSELECT a\nFROM t\nSQL;\n$rows = $pdo->query($sql)->fetchAll();",
        "$users = $company->users()->where('active', true)->orderBy('name')->get();",
        "$n = $company->users()->count();",
        "echo optional($u)->name;",
        "$rows = $qb->select('u.id')->from('users', 'u')->where('u.a = :a')->setParameter('a', "
        "$a)->executeQuery()->fetchAllAssociative();",
        "$rows = $conn->createQueryBuilder()->select('u.id')->from('users', 'u')->where('u.a = "
        ":a')->setParameter('a', $a)->setMaxResults(5)->fetchAllAssociative();",
        "$users = $em->createQueryBuilder()->select('u')->from(User::class, "
        "'u')->leftJoin('u.posts', "
        "'p')->where('u.a = :a')->setParameter('a', $a)->getQuery()->getResult();",
        "$users = $this->createQueryBuilder('u')->andWhere('u.a = :a')->setParameter('a', "
        "$a)->orderBy('u.id', 'ASC')->setMaxResults(10)->getQuery()->getOneOrNullResult();",
        "$users = $em->createQuery('SELECT u FROM User u WHERE u.a > :a')->setParameter('a', "
        "$a)->getResult();",
        "$a = ['x' => 1]; unset($a['x']); ksort($a); echo implode(',', array_keys($a));"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostIdiomsTest, ReadOnlyCodeOfRubyIsSafe) {
  for (absl::string_view code :
       {"User.find(1)&.name",
        "User.find_by(email: email)&.posts&.count",
        "User.where(active: true).order(:name).limit(10).each { |u| puts u.name }",
        "User.where(active: true).each_slice(10) { |us| puts us.size }",
        "User.where(active: true).each_with_index { |u, i| puts \"#{i} #{u.name}\" }",
        "User.where(active: true).in_groups_of(3) { |us| puts us.size }",
        "User.limit(5).each_with_object({}) { |u, h| h[u.id] = u.name }",
        "User.where(active: true).find_each { |u| puts u.email }",
        "User.where(active: true).find_each(batch_size: 100) do |u|\n  puts u.email\nend",
        "User.where(active: true).in_batches.each { |r| puts r.count }",
        "User.where(id: ids).pluck(:id, :name)",
        "User.where(active: true).pluck(:name).uniq.sort.join(\", \")",
        "User.where(active: true).map(&:name).reject(&:blank?).sort_by(&:downcase)",
        "User.group(:status).count",
        "User.joins(:posts).where(posts: { a: 1 }).distinct.count",
        "User.includes(:posts).where(a: 1).to_a",
        "User.left_joins(:posts).where(posts: { id: nil }).limit(5).to_a",
        "User.where(\"a > ?\", 5).exists?",
        "User.where.not(a: nil).first",
        "User.order(created_at: :desc).first(3)",
        "User.where(a: 1).or(User.where(b: 2)).count",
        "User.select(:id, :name).limit(10).as_json",
        "User.where(a: 1).sum(:total)",
        "User.where(a: 1).average(:age).to_f.round(2)",
        "User.where(a: 1).to_sql",
        "user = User.find(1)\nputs user.name\nputs user.posts.count",
        "user = User.find_by(id: 1)\nreturn if user.nil?\nputs user.name",
        "users = User.where(a: 1).to_a\nusers.each { |u| puts u.name }\nputs users.size",
        "users = User.where(a: 1).index_by(&:id)",
        "users = User.where(a: 1).group_by(&:status)\nusers.each { |k, v| puts \"#{k}: #{v.size}\" "
        "}",
        "puts User.where(a: 1).count",
        "Rails.logger.info(\"n: #{User.count}\")",
        "names = User.limit(3).map { |u| u.name.upcase }\nputs names.inspect",
        "User.where(created_at: 1.day.ago..Time.current).count",
        "User.where(created_at: Date.today.all_day).count",
        "User.find_by_sql([\"SELECT a FROM t WHERE b = ?\", b])",
        "ActiveRecord::Base.connection.select_value(\"SELECT COUNT(*) FROM t\")",
        "ActiveRecord::Base.connection.select_all(\"SELECT a FROM t LIMIT 5\").to_a",
        "rows = ActiveRecord::Base.connection.exec_query(\"SELECT a FROM t LIMIT 5\")\nrows.each { "
        "|r| puts r[\"a\"] }",
        "conn = PG.connect(dbname: \"x\")\nconn.exec(\"SELECT a FROM t LIMIT 5\").each { |r| puts "
        "r[\"a\"] }",
        "conn = PG.connect(dbname: \"x\")\nres = conn.exec_params(\"SELECT a FROM t WHERE b = "
        "$1\", [b])\nputs res.ntuples\nputs res.values.inspect",
        "client = Mysql2::Client.new(host: \"h\")\nclient.query(\"SELECT a FROM t LIMIT 5\").each "
        "{ |r| puts r[\"a\"] }",
        "client = Mysql2::Client.new(host: \"h\")\nrows = client.query(\"SELECT a FROM t LIMIT "
        "5\", symbolize_keys: true).to_a\nputs rows.size",
        "client = Mysql2::Client.new(host: \"h\")\nst = client.prepare(\"SELECT a FROM t WHERE b = "
        "?\")\nst.execute(1).each { |r| puts r[\"a\"] }\nst.close",
        "DB = Sequel.connect(ENV[\"URL\"])\nDB[:users].where(id: 1).all.each { |u| puts u[:name] }",
        "DB[:users].where(active: true).order(:name).limit(5).select_map(:name)",
        "DB[:users].where(id: 1).first",
        "DB[:users].where(Sequel.lit(\"a > ?\", 1)).count",
        "DB[\"SELECT a FROM t WHERE b = ?\", 1].all",
        "DB.fetch(\"SELECT a FROM t LIMIT 5\") { |r| puts r[:a] }",
        "require \"json\"\nputs JSON.generate(User.limit(3).as_json)",
        "CSV.generate { |csv| User.where(a: 1).each { |u| csv << [u.id, u.name] } }",
        "def label(u)\n  u.name.strip\nend\nputs label(User.find(1))",
        "class User < ApplicationRecord\n  has_many :posts, dependent: :destroy\n  validates "
        ":name, presence: true\n  scope :active, -> { where(active: true) }\n  def full\n    "
        "\"#{first} #{last}\"\n  end\nend\nUser.where(a: 1).count",
        "class ReportJob\n  def self.call(id)\n    user = User.find(id)\n    puts user.name\n  "
        "end\nend",
        "def index\n  @users = User.where(active: true).limit(20)\n  render json: @users\nend",
        "before_action :authenticate\ndef show\n  @user = User.find(params[:id])\n  respond_to { "
        "|f| f.json { render json: @user } }\nend",
        "begin\n  User.find(1)\nrescue ActiveRecord::RecordNotFound => e\n  warn e.message\nend",
        "sql = \"SELECT a FROM t\"\nconn.query(sql).each { |r| puts r[\"a\"] }",
        "sql = <<~SQL\n  SELECT a\n  FROM t\nSQL\nrows = "
        "ActiveRecord::Base.connection.select_all(sql).to_a\nputs rows.size",
        "sql = \"SELECT a FROM t WHERE b = ?\"\nUser.find_by_sql([sql, b])",
        "sql = \"SELECT a FROM t\"\nsql << \" WHERE b = 1\" if x\nDB.fetch(sql).all",
        "u = User.find(1)\nputs u.name if u.respond_to?(:name)",
        "File.readlines(\"ids.txt\").each { |l| puts User.find(l.to_i).name }",
        "total = 0\nUser.limit(3).each { |u| total += u.age }\nputs total"}) {
    EXPECT_FALSE(HasDestructive(kRuby, code)) << code;
  }
}

// Their neighbours that write, or of which nobody knows.
TEST(HostIdiomsTest, WhatBuildersAreNotKnownToSelectIsDestructive) {
  for (absl::string_view code :
       {"$rows = $qb->where('u.a = 1')->executeQuery();",
        "$qb->delete('users', 'u')->where('u.a = 1')->executeQuery();",
        "$qb->select('u')->from('users', 'u')->delete('t')->executeQuery();",
        "$qb->select('u')->from('users', 'u')->update('t')->set('a', 1)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->set('a', 1)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->setSQL($x)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->where($x)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->where('a = ' . $x)->executeQuery();",
        "$qb->select('u')->from($x, 'u')->executeQuery();",
        "$qb->select('u')->from('users', $x)->executeQuery();",
        "$qb->select($x)->from('users', 'u')->executeQuery();",
        "$qb->select('u')->from('users', 'u')->leftJoin('u', 'p', 'p', $x)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->orderBy($x)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->addOrderBy($x)->executeQuery();",
        "$qb->select('u')->from('users', 'u')->executeQuery($x);",
        "$qb->select('DELETE FROM t')->where('a = 1')->fetchAll();",
        "$qb->select('u')->from('users', 'u')->executeStatement();",
        "$qb->select('u')->from('users', 'u')->getQuery()->execute($x);",
        "$qb->select('u')->from('users', 'u')->getQuery()->setDQL($x)->getResult();",
        "$em->createQueryBuilder()->where('u.a = 1')->getQuery()->getResult();",
        "$em->createQueryBuilder()->delete('User', 'u')->getQuery()->getResult();",
        "$this->createQueryBuilder('u')->delete()->getQuery()->getResult();",
        "$this->createQueryBuilder($x)->getQuery()->getResult();",
        "$em->createQuery('DELETE FROM User u')->getResult();",
        "$em->createQuery('UPDATE User u SET u.a = 1')->setParameter('a', 1)->getResult();",
        "$em->createQuery($x)->getResult();",
        "$em->createQuery('SELECT u' . $x)->getResult();",
        "$em->createQuery('SELECT u FROM User u')->setDQL($x)->getResult();",
        "$em->createQuery('SELECT u FROM User u')->setSQL('DELETE FROM t')->getResult();",
        "$company->users()->where('a', 1)->delete();",
        "$company->users()->delete();",
        "$company->users()->where('a', 1)->update(['a' => 2]);",
        "$company->users()->where('a', 1)->each(function ($u) { $u->delete(); });",
        "$company->archiveUsers()->where('a', 1)->get();",
        "$company->users($x)->where('a', 1)->purge();",
        "$company->users()->purge()->where('a', 1)->get();",
        "$company->users()->whereRaw($x)->get();",
        "$company->creates()->updates()->delete();",
        "User::purge()->get();",
        "optional($u)->delete();",
        "optional($u)->archive();",
        "function optional2($u) { } optional($u)->posts()->delete();",
        "$db->query(\"SELECT 1 -- x\\n; DELETE FROM t\");"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
  EXPECT_TRUE(HasDestructive(kRuby, "conn.query(\"SELECT 1 -- x\\n; DELETE FROM t\")"));
}

}  // namespace
}  // namespace dbfleet::sql
