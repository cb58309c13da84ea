#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Everyday code of Laravel, Doctrine, PDO, mysqli, WordPress, RedBean, Rails, Sequel, pg and mysql2
// that plainly only reads, each a file of its own. Measures how much of it is called destructive.
namespace dbfleet::sql {
namespace {

constexpr absl::string_view kReadsOfPhp[] = {
    R"~(namespace App\Models;
use Illuminate\Database\Eloquent\Model;
class Post extends Model {
    protected $fillable = ['title', 'body'];
    protected $casts = ['published_at' => 'datetime'];
    public function user() { return $this->belongsTo(User::class); }
})~",
    R"~(namespace App\Models;
use Illuminate\Database\Eloquent\Model;
use Illuminate\Database\Eloquent\Relations\HasMany;
class User extends Model {
    protected $table = 'users';
    protected $hidden = ['password', 'remember_token'];
    public function posts(): HasMany { return $this->hasMany(Post::class, 'author_id'); }
    public function profile() { return $this->hasOne(Profile::class); }
    public function roles() { return $this->belongsToMany(Role::class)->withPivot('level')->withTimestamps(); }
})~",
    R"~(class Comment extends Model {
    public function commentable() { return $this->morphTo(); }
    public function images() { return $this->morphMany(Image::class, 'imageable'); }
    public function latestImage() { return $this->morphOne(Image::class, 'imageable')->latestOfMany(); }
})~",
    R"~(class Country extends Model {
    public function posts() { return $this->hasManyThrough(Post::class, User::class); }
    public function deployments() { return $this->hasOneThrough(Deployment::class, Environment::class); }
})~",
    R"~(class User extends Model {
    public function scopeActive($query) { return $query->where('active', 1); }
    public function scopeOfType($query, $type) { return $query->where('type', $type)->orderBy('name'); }
})~",
    R"~(use Illuminate\Database\Eloquent\Builder;
class User extends Model {
    public function scopePopular(Builder $query): Builder { return $query->where('votes', '>', 100); }
})~",
    R"~(class User extends Model {
    protected function casts(): array { return ['email_verified_at' => 'datetime', 'options' => 'array']; }
    public function getFullNameAttribute() { return "{$this->first_name} {$this->last_name}"; }
})~",
    R"~(class User extends Model {
    protected function firstName(): Attribute { return Attribute::make(get: fn (string $value) => ucfirst($value)); }
})~",
    R"~(namespace App\Http\Resources;
use Illuminate\Http\Resources\Json\JsonResource;
class UserResource extends JsonResource {
    public function toArray($request) {
        return ['id' => $this->id, 'name' => $this->name, 'posts' => PostResource::collection($this->whenLoaded('posts'))];
    }
})~",
    R"~(class UserController extends Controller {
    public function index() {
        $users = User::where('active', 1)->orderBy('name')->paginate(20);
        return view('users.index', compact('users'));
    }
    public function show($id) { return response()->json(User::with('posts')->findOrFail($id)); }
})~",
    R"~($users = DB::table('users')->select('id', 'name')->where('votes', '>', 100)->get();)~",
    R"~($rows = DB::table('users')->join('orders', 'users.id', '=', 'orders.user_id')->select('users.id', 'orders.total')->get();)~",
    R"~($users = User::where('a', 1)->where(function ($q) { $q->where('b', 2)->orWhere('c', 3); })->get();)~",
    R"~($posts = Post::whereHas('comments', function ($q) { $q->where('approved', true); })->withCount('comments')->get();)~",
    R"~($rows = DB::select('select id, name from users where id = ?', [$id]);)~",
    R"~($user = User::find(1);
echo $user->name;
foreach ($user->posts as $post) { echo $post->title; })~",
    R"~($names = User::where('active', 1)->get()->map(function ($u) { return $u->name; })->all();)~",
    R"~(if (User::where('email', $email)->exists()) { return redirect()->route('login'); })~",
    R"~($total = Order::where('user_id', auth()->id())->sum('total');
$max = Order::max('total');)~",
    R"~($q = Order::query()->where('status', 'paid');
$orders = $q->latest()->take(10)->get();)~",
    R"~($users = User::query()->when($request->input('role'), fn ($q, $role) => $q->where('role', $role))->get();)~",
    R"~($users = User::with(['posts' => function ($query) { $query->orderBy('created_at', 'desc'); }])->get();)~",
    R"~($qb = $em->createQueryBuilder();
$qb->select('u')->from(User::class, 'u')->where('u.active = :a')->setParameter('a', true);
$users = $qb->getQuery()->getResult();)~",
    R"~($qb = $conn->createQueryBuilder();
$qb->select('id', 'name');
$qb->from('users');
$qb->where('email = :email');
$qb->setParameter('email', $email);
$rows = $qb->executeQuery()->fetchAllAssociative();)~",
    R"~(class UserRepository extends ServiceEntityRepository {
    public function findActive(): array {
        return $this->createQueryBuilder('u')->andWhere('u.active = :v')->setParameter('v', true)->orderBy('u.id', 'ASC')->setMaxResults(10)->getQuery()->getResult();
    }
})~",
    R"~(class UserRepository extends ServiceEntityRepository {
    public function findByRole(string $role): array {
        $qb = $this->createQueryBuilder('u')->where('u.role = :role')->setParameter('role', $role);
        return $qb->getQuery()->getResult();
    }
})~",
    R"~($user = $em->getRepository(User::class)->find($id);
$users = $em->getRepository(User::class)->findBy(['active' => true], ['name' => 'ASC']);)~",
    R"~($query = $em->createQuery('SELECT u FROM App\Entity\User u WHERE u.age > 20');
$users = $query->getResult();)~",
    R"~($rows = $conn->fetchAllAssociative('SELECT * FROM users WHERE id = ?', [$id]);
$one = $conn->executeQuery('SELECT COUNT(*) FROM users')->fetchOne();)~",
    R"~(namespace App\Entity;
use Doctrine\Common\Collections\ArrayCollection;
use Doctrine\ORM\Mapping as ORM;
#[ORM\Entity(repositoryClass: UserRepository::class)]
class User {
    #[ORM\Id] #[ORM\GeneratedValue] #[ORM\Column] private ?int $id = null;
    #[ORM\OneToMany(mappedBy: 'user', targetEntity: Post::class)] private Collection $posts;
    public function __construct() { $this->posts = new ArrayCollection(); }
    public function getId(): ?int { return $this->id; }
    public function getPosts(): Collection { return $this->posts; }
})~",
    R"~($pdo = new PDO('mysql:host=localhost;dbname=shop', $user, $pass);
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$stmt = $pdo->query('SELECT id, name FROM products ORDER BY name');
while ($row = $stmt->fetch(PDO::FETCH_ASSOC)) { echo htmlspecialchars($row['name']); })~",
    R"~($stmt = $pdo->prepare('SELECT * FROM users WHERE id = :id');
$stmt->execute(['id' => $id]);
$user = $stmt->fetch();)~",
    R"~(class UserDao {
    private $pdo;
    public function __construct(PDO $pdo) { $this->pdo = $pdo; }
    public function find(int $id) {
        $stmt = $this->pdo->prepare('SELECT * FROM users WHERE id = ?');
        $stmt->execute([$id]);
        return $stmt->fetch(PDO::FETCH_ASSOC);
    }
})~",
    R"~(class UserDao {
    private $pdo; private $st;
    public function __construct(PDO $pdo) {
        $this->pdo = $pdo;
        $this->st = $pdo->prepare('SELECT * FROM users WHERE id = ?');
    }
    public function find(int $id) {
        $this->st->execute([$id]);
        return $this->st->fetch(PDO::FETCH_ASSOC);
    }
})~",
    R"~($rows = $pdo->query("SELECT * FROM t WHERE name = " . $pdo->quote($name))->fetchAll();)~",
    R"~($rows = $pdo->query(sprintf('SELECT * FROM t WHERE id = %d LIMIT %u', $id, $n))->fetchAll();)~",
    R"~(try {
    $stmt = $pdo->prepare('SELECT COUNT(*) FROM orders WHERE created_at > ?');
    $stmt->bindValue(1, $since);
    $stmt->execute();
    $n = (int) $stmt->fetchColumn();
} catch (PDOException $e) { error_log($e->getMessage()); })~",
    R"~($mysqli = new mysqli('localhost', $user, $pass, 'shop');
$result = $mysqli->query('SELECT id, name FROM users');
while ($row = $result->fetch_assoc()) { printf("%s\n", $row['name']); }
$result->free();
$mysqli->close();)~",
    R"~($link = mysqli_connect('localhost', $u, $p, 'shop');
$res = mysqli_query($link, 'SELECT * FROM users');
while ($row = mysqli_fetch_assoc($res)) { echo $row['name']; }
mysqli_close($link);)~",
    R"~($stmt = $mysqli->prepare('SELECT name FROM users WHERE id = ?');
$stmt->bind_param('i', $id);
$stmt->execute();
$stmt->bind_result($name);
$stmt->fetch();
$stmt->close();)~",
    R"~($res = mysqli_query($link, "SELECT * FROM users WHERE name = '" . mysqli_real_escape_string($link, $name) . "'");)~",
    R"~($name = $mysqli->real_escape_string($_GET['name']);
$res = $mysqli->query("SELECT * FROM users WHERE name = '$name'");)~",
    R"~($id = (int) $_GET['id'];
$res = $mysqli->query("SELECT * FROM users WHERE id = $id");)~",
    R"~(global $wpdb;
$rows = $wpdb->get_results($wpdb->prepare("SELECT * FROM {$wpdb->prefix}orders WHERE user_id = %d", $user_id));)~",
    R"~(global $wpdb;
$n = $wpdb->get_var("SELECT COUNT(*) FROM $wpdb->posts WHERE post_status = 'publish'");)~",
    R"~(function get_orders($user_id) {
    global $wpdb;
    $sql = $wpdb->prepare("SELECT * FROM {$wpdb->posts} WHERE post_author = %d AND post_status = %s", $user_id, 'publish');
    return $wpdb->get_results($sql, ARRAY_A);
})~",
    R"~($query = new WP_Query(['post_type' => 'page', 'posts_per_page' => 5]);
while ($query->have_posts()) { $query->the_post(); the_title(); }
wp_reset_postdata();)~",
    R"~($opt = get_option('my_plugin_options');
$posts = get_posts(['numberposts' => 5]);
foreach ($posts as $post) { echo esc_html($post->post_title); })~",
    R"~(global $wpdb;
$row = $wpdb->get_row($wpdb->prepare("SELECT * FROM $wpdb->users WHERE ID = %d", $id));)~",
    R"~($book = R::load('book', $id);
$books = R::find('book', ' rating > ? ', [4]);
$one = R::findOne('book', ' title = ? ', [$title]);)~",
    R"~($rows = R::getAll('SELECT * FROM page WHERE id = :id', [':id' => $id]);
$n = R::count('book');
$cell = R::getCell('SELECT name FROM page LIMIT 1');)~",
    R"~($all = R::findAll('book', ' ORDER BY title LIMIT 10 ');
foreach ($all as $b) { echo $b->title; })~",
};

constexpr absl::string_view kReadsOfRuby[] = {
    R"~(class Post < ApplicationRecord
  belongs_to :user, optional: true
  has_many :comments, dependent: :destroy
  has_one :cover
  validates :title, presence: true, length: { maximum: 200 }
end)~",
    R"~(class User < ApplicationRecord
  scope :active, -> { where(active: true) }
  scope :recent, -> { order(created_at: :desc).limit(10) }
  scope :older_than, ->(age) { where("age > ?", age) }
  enum :role, { admin: 0, member: 1 }
  delegate :name, to: :company, prefix: true
end)~",
    R"~(class Order < ApplicationRecord
  enum status: { pending: 0, paid: 1, shipped: 2 }
  has_and_belongs_to_many :tags
  belongs_to :customer, class_name: "User", foreign_key: :customer_id, inverse_of: :orders
  validates_presence_of :total
  validate :total_is_positive

  def total_is_positive
    errors.add(:total, "must be positive") if total.to_f <= 0
  end
end)~",
    R"~(class User < ApplicationRecord
  has_secure_password
  before_validation :normalize_email

  def full_name
    "#{first_name} #{last_name}"
  end

  def self.by_email(email)
    find_by(email: email)
  end

  private

  def normalize_email
    self.email = email.to_s.downcase.strip
  end
end)~",
    R"~(class UsersController < ApplicationController
  before_action :set_user, only: [:show]

  def index
    @users = User.active.order(:name).page(params[:page])
  end

  def show
    respond_to do |format|
      format.html
      format.json { render json: @user }
    end
  end

  private

  def set_user
    @user = User.find(params[:id])
  end
end)~",
    R"~(users = User.where(active: true).includes(:posts).order(created_at: :desc).limit(10)
users.each { |u| puts u.name })~",
    R"~(puts User.where("created_at > ?", 1.week.ago).count
puts Order.group(:status).count
puts Order.sum(:total))~",
    R"~(User.where(active: true).find_each do |user|
  puts "#{user.name}: #{user.posts.count}"
end)~",
    R"~(Post.joins(:user).where(users: { active: true }).pluck(:id, :title))~",
    R"~(return head :not_found unless User.exists?(email: params[:email]))~",
    R"~(rows = ActiveRecord::Base.connection.select_all("SELECT id, name FROM users LIMIT 10")
rows.each { |r| puts r["name"] })~",
    R"~(result = ActiveRecord::Base.connection.exec_query("SELECT count(*) AS n FROM users")
puts result.first["n"])~",
    R"~(users = User.find_by_sql(["SELECT * FROM users WHERE age > ?", 18]))~",
    R"~(module Searchable
  extend ActiveSupport::Concern
  included do
    scope :search, ->(q) { where("name LIKE ?", "%#{q}%") }
  end
end)~",
    R"~(class UserSerializer < ActiveModel::Serializer
  attributes :id, :name, :email
  has_many :posts
  def name
    object.full_name
  end
end)~",
    R"~(name = ActiveRecord::Base.connection.quote(params[:name])
rows = ActiveRecord::Base.connection.select_all("SELECT * FROM users WHERE name = #{name}"))~",
    R"~(DB = Sequel.connect(ENV["DATABASE_URL"])
users = DB[:users].where(active: true).order(:name).all
users.each { |u| puts u[:name] })~",
    R"~(DB[:items].where { price > 100 }.select(:id, :name).each { |r| puts r[:name] })~",
    R"~(class Post < Sequel::Model
  many_to_one :user
  one_to_many :comments
end
Post.where(published: true).first)~",
    R"~(DB.fetch("SELECT * FROM users WHERE id = ?", id) { |row| puts row[:name] }
ds = DB["SELECT id FROM users"])~",
    R"~(puts DB[:orders].sum(:total)
puts DB[:orders].group_and_count(:status).all
puts DB[:orders].select(:status).distinct.map(:status))~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec("SELECT id, name FROM users")
res.each { |row| puts row["name"] }
res.clear
conn.close)~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec_params("SELECT * FROM users WHERE id = $1", [id])
puts res.ntuples
puts res[0]["name"]
res.clear)~",
    R"~(conn = PG.connect(dbname: "shop")
conn.prepare("by_id", "SELECT * FROM users WHERE id = $1")
res = conn.exec_prepared("by_id", [1])
res.each { |r| puts r["name"] })~",
    R"~(conn = PG.connect(dbname: "shop")
res = conn.exec("SELECT * FROM users WHERE name = #{conn.escape_literal(name)}"))~",
    R"~(client = Mysql2::Client.new(host: "localhost", username: "root")
results = client.query("SELECT * FROM users WHERE active = 1")
results.each { |row| puts row["name"] }
client.close)~",
    R"~(client = Mysql2::Client.new(host: "localhost")
statement = client.prepare("SELECT * FROM users WHERE country = ?")
result = statement.execute("DE")
result.each { |row| puts row["id"] })~",
    R"~(client = Mysql2::Client.new(host: "localhost")
rows = client.query("SELECT * FROM users WHERE name = '#{client.escape(name)}'"))~",
    R"~(class Repo
  def initialize(client)
    @client = client
    @st = client.prepare("SELECT * FROM users WHERE id = ?")
  end

  def find(id)
    @st.execute(id).first
  end
end)~",
};

template <size_t N>
int CountDestructive(Dialect dialect, const absl::string_view (&files)[N]) {
  int destructive = 0;
  for (absl::string_view file : files) {
    const auto statements = Split(Target(dialect), file);
    EXPECT_TRUE(statements.ok()) << file;
    if (!statements.ok()) continue;
    std::string why;
    for (const Statement& statement : *statements) {
      const Verdict verdict = Read(dialect, statement).verdict;
      if (verdict.safety != Safety::kDestructive) continue;
      why = verdict.reasons.empty() ? "?" : verdict.reasons[0];
    }
    if (why.empty()) continue;
    ++destructive;
    GTEST_LOG_(INFO) << why << ": " << file;
  }
  return destructive;
}

TEST(HostEverydayTest, FewFilesThatPlainlyReadAreCalledDestructive) {
  const size_t all = std::size(kReadsOfPhp) + std::size(kReadsOfRuby);
  EXPECT_GE(all, 60u);
  const int destructive =
      CountDestructive(kPhp, kReadsOfPhp) + CountDestructive(kRuby, kReadsOfRuby);
  RecordProperty("files", static_cast<int>(all));
  RecordProperty("destructive", destructive);
  EXPECT_LT(destructive * 100, static_cast<int>(all) * 5) << destructive << " of " << all;
}

}  // namespace
}  // namespace dbfleet::sql
