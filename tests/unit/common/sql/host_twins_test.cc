#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Everyday code of Laravel, Doctrine, PDO, mysqli, WordPress, RedBean, Rails, Sequel, pg and mysql2
// that looks like what only reads, and does not, or cannot be known to.
namespace dbfleet::sql {
namespace {

constexpr absl::string_view kTwinsOfPhp[] = {
    R"~(class A extends Model { public function x() { return Attribute::make(get: 'purge'); } })~",
    R"~(class A extends Model { public function x() { return new Purger($this); } })~",
    R"~(class A extends Model { public function x() { return array_map('purge', $this->list); } })~",
    R"~(class Post extends Model {
    public function user() { return $this->belongsTo(User::class)->delete(); }
})~",
    R"~(class Post extends Model {
    public function wipe() { $this->posts()->delete(); }
})~",
    R"~(class Post extends Model {
    public function user() { return $this->archiver->archive($this); }
})~",
    R"~(class Post extends Model {
    public function user() { return $this->publishAll(); }
})~",
    R"~(class Post extends Model {
    protected static function booted() { static::creating(function ($p) { $p->delete(); }); }
})~",
    R"~(class User extends Model {
    public function scopeActive($query) { return $query->update(['active' => 1]); }
})~",
    R"~(class User extends Model {
    public function scopeActive($query) { return $query->whereRaw('f(1)'); }
})~",
    R"~(class UserResource extends JsonResource {
    public function toArray($request) { return ['id' => $this->id, 'x' => $this->increment('views')]; }
})~",
    R"~(class User extends Model {
    protected function casts(): array { DB::delete('delete from users'); return []; }
})~",
    R"~(class UserController extends Controller {
    public function index() { User::where('active', 0)->delete(); return view('users.index'); }
})~",
    R"~($users = User::where('a', 1)->where(function ($q) { $q->where('b', 2)->delete(); })->get();)~",
    R"~($users = User::where('a', 1)->where(fn ($q) => $q->delete())->get();)~",
    R"~($users = User::query()->when($x, fn ($q, $role) => $q->where('role', $role)->update(['a' => 1]))->get();)~",
    R"~($users = User::query()->when($x, fn ($q, $role) => $this->purge($q))->get();)~",
    R"~($users = User::query()->when($x, 'purge')->get();)~",
    R"~($users = User::query()->when($x, [$svc, 'purge'])->get();)~",
    R"~($users = User::query()->when($x, $callback)->get();)~",
    R"~($users = User::with(['posts' => function ($query) { $query->delete(); }])->get();)~",
    R"~($users = User::with(['posts' => fn ($query) => $query->forceDelete()])->get();)~",
    R"~($users = User::whereHas('posts', fn ($query) => DB::statement('drop table x'))->get();)~",
    R"~($qb = $em->createQueryBuilder();
$qb->delete(User::class, 'u')->where('u.active = :a')->setParameter('a', true);
$users = $qb->getQuery()->getResult();)~",
    R"~($qb = $em->createQueryBuilder();
$qb->select('u')->from(User::class, 'u');
if ($x) { $qb->delete(); }
$users = $qb->getQuery()->getResult();)~",
    R"~($qb = $conn->createQueryBuilder();
$qb->select('u')->from('users', 'u');
$qb->addSelect('f(1)');
$users = $qb->executeQuery();)~",
    R"~($qb = $conn->createQueryBuilder();
$qb->select('u')->from('users', 'u');
$qb->orderBy('f(1)');
$users = $qb->executeQuery();)~",
    R"~($qb = $conn->createQueryBuilder();
$qb->select('u')->from('users', 'u');
$this->filter($qb);
$users = $qb->executeQuery();)~",
    R"~(function f($qb) { return $qb->getQuery()->getResult(); })~",
    R"~($qb = $conn->createQueryBuilder();
if ($x) { $qb = $this->deleter(); }
$users = $qb->executeQuery();)~",
    R"~($qb = $em->createQueryBuilder()->update(User::class, 'u')->set('u.a', 1);
$qb->getQuery()->execute();)~",
    R"~($qb = $conn->createQueryBuilder();
$qb->select('u')->from('users', 'u')->where("a = $x");
$users = $qb->executeQuery();)~",
    R"~($qb = $conn->createQueryBuilder();
$r = &$qb; $r = $evil;
$users = $qb->executeQuery();)~",
    R"~($qb = $conn->createQueryBuilder();
$f = function () use ($qb) { $qb->delete('x'); }; 
$users = $qb->executeQuery();)~",
    R"~($em->getRepository(User::class)->deleteOld();)~",
    R"~($query = $em->createQuery('DELETE FROM App\Entity\User u');
$users = $query->getResult();)~",
    R"~($query = $em->createQuery('SELECT f(1) FROM App\Entity\User u');
$users = $query->getResult();)~",
    R"~($user = $em->find(User::class, 1);
$em->remove($user); $em->flush();)~",
    R"~(#[ORM\Entity]
class A { public function x() { purge(); } })~",
    R"~($pdo->exec('DELETE FROM t');)~",
    R"~($stmt = $pdo->prepare('DELETE FROM users WHERE id = :id');
$stmt->execute(['id' => $id]);)~",
    R"~(class UserDao {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('DELETE FROM users WHERE id = ?'); }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); }
    public function b(PDO $pdo) { $this->st = $pdo->prepare('DELETE FROM t'); }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    public $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); }
    public function set($st) { $this->st = $st; }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); }
    public function set($k, $st) { $this->$k = $st; }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); change($this->st); }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class UserDao {
    public function __construct(PDO $pdo, private PDOStatement $st) { $this->st = $pdo->prepare('SELECT 1'); }
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~(class A {
    private $st;
    public function __construct(PDO $pdo) { $this->st = $pdo->prepare('SELECT 1'); }
}
class B extends C {
    public function find(int $id) { $this->st->execute([$id]); }
})~",
    R"~($rows = $pdo->query("SELECT * FROM t WHERE name = '" . $pdo->quote($name) . "'");)~",
    R"~($rows = $pdo->query("SELECT * FROM t WHERE name = " . $pdo->quote(purge($name)));)~",
    R"~($rows = $pdo->query("SELECT * FROM t WHERE name = " . $this->quote($name));)~",
    R"~($rows = $pdo->query("DELETE FROM t WHERE name = " . $pdo->quote($name));)~",
    R"~($rows = $pdo->query("SELECT * FROM t WHERE name = " . $pdo->quote($name) . " AND a = " . $a);)~",
    R"~($res = mysqli_query($link, "SELECT * FROM users WHERE id = " . mysqli_real_escape_string($link, $id));)~",
    R"~($res = mysqli_query($link, "SELECT * FROM `" . mysqli_real_escape_string($link, $id) . "`");)~",
    R"~($res = mysqli_query($link, "SELECT 1 -- '" . mysqli_real_escape_string($link, $id) . "'");)~",
    R"~(mysqli_query($link, 'SET NAMES gbk');
$res = mysqli_query($link, "SELECT * FROM users WHERE name = '" . mysqli_real_escape_string($link, $id) . "'");)~",
    R"~($res = mysqli_query($link, "SELECT * FROM users WHERE name = '" . addslashes($id) . "'");)~",
    R"~($rows = $pdo->query(sprintf("SELECT * FROM t WHERE id = '%s'", $id));)~",
    R"~($rows = $pdo->query(sprintf('DELETE FROM t WHERE id = %d', $id));)~",
    R"~($rows = $pdo->query(sprintf('SELECT * FROM t WHERE id = %d', purge($id)));)~",
    R"~($rows = $pdo->query(sprintf('SELECT * FROM t WHERE id = %d ' . $x, $id));)~",
    R"~($rows = $pdo->query(sprintf("SELECT * FROM t WHERE id = %'s10s", $id));)~",
    R"~(global $wpdb;
$wpdb->query($wpdb->prepare("DELETE FROM {$wpdb->prefix}orders WHERE user_id = %d", $user_id));)~",
    R"~($wpdb->delete($wpdb->posts, ['ID' => 1]);)~",
    R"~($rows = $wpdb->get_results("SELECT * FROM {$wpdb->$t}");)~",
    R"~($rows = $wpdb->get_results("SELECT * FROM {$wpdb->posts} WHERE a = $x");)~",
    R"~($rows = $wpdb->get_results($wpdb->prepare("SELECT * FROM {$wpdb->posts} WHERE a = $x AND b = %d", $b));)~",
    R"~($rows = $wpdb->get_results($wpdb->prepare($sql, $b));)~",
    R"~($rows = $wpdb->get_results($wpdb->prepare("SELECT * FROM {$wpdb->posts} WHERE b = %d", purge()));)~",
    R"~($opt = get_option('a'); $posts = get_posts([]); update_option('a', 1);)~",
    R"~(foreach (get_posts([]) as $p) { wp_delete_post($p->ID); })~",
    R"~($book = R::load('book', $id); R::store($book);)~",
    R"~($rows = R::getAll('DELETE FROM page RETURNING id');)~",
    R"~($rows = R::getAll($sql);)~",
    R"~(R::exec('DELETE FROM page');)~",
    R"~($x = R::find('book', ' f(1) ');)~",
};

constexpr absl::string_view kTwinsOfRuby[] = {
    R"~(class A < ApplicationRecord
  scope :x, Evil
end)~",
    R"~(class Post < ApplicationRecord
  belongs_to :user
  after_find { destroy }
end)~",
    R"~(class Post < ApplicationRecord
  belongs_to :user
  def wipe
    comments.delete_all
  end
end)~",
    R"~(class Post < ApplicationRecord
  belongs_to :user
  def wipe
    archiver.archive(self)
  end
end)~",
    R"~(class Post < ApplicationRecord
  belongs_to :user
  def wipe
    obliterate
  end
end)~",
    R"~(class Post < ApplicationRecord
  belongs_to :user
  def wipe
    x = obliterate
  end
end)~",
    R"~(class Post < ApplicationRecord
  has_many :users do
    def wipe
      proxy_association.owner.obliterate
    end
  end
end)~",
    R"~(class User < ApplicationRecord
  scope :active, -> { delete_all }
end)~",
    R"~(class User < ApplicationRecord
  scope :active, -> { where("a = #{x}") }
end)~",
    R"~(class User < ApplicationRecord
  include Evil
  belongs_to :user
end)~",
    R"~(class User < ApplicationRecord
  belongs_to :user
  def x
    send(params[:m])
  end
end)~",
    R"~(class UsersController < ApplicationController
  def index
    @users = User.all
    @users.each { |u| u.update(a: 1) }
  end
end)~",
    R"~(User.where(active: true).find_each do |user|
  user.archive!
end)~",
    R"~(class UserSerializer < ActiveModel::Serializer
  attributes :id, :name
  def name
    object.touch
  end
end)~",
    R"~(rows = ActiveRecord::Base.connection.select_all("SELECT * FROM users WHERE name = '#{ActiveRecord::Base.connection.quote(name)}'"))~",
    R"~(module Searchable
  extend ActiveSupport::Concern
  included do
    delete_all
  end
end)~",
    R"~(DB[:users].where(active: false).delete)~",
    R"~(DB[:items].where { sleep(5) }.all)~",
    R"~(DB[:orders].group_and_count(Sequel.lit("f(1)")).all)~",
    R"~(DB[:orders].exclude("f(1)").all)~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec("DELETE FROM users")
res.clear)~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec("SELECT 1")
res = user.posts
res.clear)~",
    R"~(def f(res)
  res.clear
end)~",
    R"~(conn = PG.connect(dbname: "shop")
conn.prepare("by_id", "DELETE FROM users WHERE id = $1")
res = conn.exec_prepared("by_id", [1]))~",
    R"~(conn = PG.connect(dbname: "shop")
conn.prepare("by_id", "SELECT 1")
res = conn.exec_prepared("other", [1]))~",
    R"~(conn = PG.connect(dbname: "shop")
conn.prepare(name, "DELETE FROM t")
conn.prepare("by_id", "SELECT 1")
res = conn.exec_prepared("by_id", [1]))~",
    R"~(conn = PG.connect(dbname: "shop")
conn.prepare("by_id", sql)
res = conn.exec_prepared("by_id", [1]))~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec("SELECT * FROM users WHERE name = #{conn.escape_literal(User.delete_all)}"))~",
    R"~(client = Mysql2::Client.new(host: "localhost")
statement = client.prepare("DELETE FROM users WHERE country = ?")
result = statement.execute("DE"))~",
    R"~(client = Mysql2::Client.new(host: "localhost")
statement.execute("DELETE FROM t"))~",
    R"~(client = Mysql2::Client.new(host: "localhost")
rows = client.query("SELECT * FROM users WHERE id = #{client.escape(id)}"))~",
    R"~(class Repo
  def initialize(client)
    @st = client.prepare("DELETE FROM users WHERE id = ?")
  end

  def find(id)
    @st.execute(id).first
  end
end)~",
    R"~(class Repo
  attr_writer :st
  def initialize(client)
    @st = client.prepare("SELECT 1")
  end

  def find(id)
    @st.execute(id).first
  end
end)~",
    R"~(class Repo < Base
  def initialize(client)
    @st = client.prepare("SELECT 1")
  end

  def find(id)
    @st.execute(id).first
  end
end)~",
};

TEST(HostEverydayTest, TheDestructiveTwinsOfPhpStayDestructive) {
  ExpectDestructive(kPhp, kTwinsOfPhp);
}

TEST(HostEverydayTest, TheDestructiveTwinsOfRubyStayDestructive) {
  ExpectDestructive(kRuby, kTwinsOfRuby);
}

}  // namespace
}  // namespace dbfleet::sql
