# What each call is called, behind "# =>": class, kind, and in this order what else is said of it:
# adds (only adds rows), joined (SQL joined with a value), clean (with placeholders only), all (reads
# without conditions or limit), unguarded (a write on a model without conditions), loop (inside a loop),
# unclear (not understood). A line without it has no call that reaches the database.
user = User.find(params[:id])                                # => safe inspection
User.find(1, 2, 3)                                           # => safe inspection
User.count                                                   # => safe inspection all
User.first                                                   # => safe inspection
User.last                                                    # => safe inspection
User.all                                                     # => safe inspection all
User.all.to_a                                                # => safe inspection all
User.where(name: x, age: [1, 2]).order(:name).limit(10)      # => safe inspection
User.where("name = ?", params[:name])                        # => safe inspection
User.where("name = :n", n: x).pluck(:id)                     # => safe inspection
User.where(["name = ?", x]).exists?                          # => safe inspection
User.where.not(deleted_at: nil).size                         # => safe inspection
User.limit(5)                                                # => safe inspection
User.find_by(name: "bob")                                    # => safe inspection
User.find_by_name("bob")                                     # => safe inspection
User.find(:all, :conditions => ["a = ?", b])                 # => safe inspection
User.find(:first, :order => "name")                          # => safe inspection
User.exists?(1)                                              # => safe inspection
User.joins("JOIN o ON o.uid = users.id").where("o.a = 1")    # => safe inspection
User.includes(:orders).where(orders: { id: Order.select(:id) }).to_a # => safe inspection
user.orders.where(status: 1).count                           # => safe inspection
User.group(:name).having("count(*) > ?", 5).count            # => safe inspection all
User                                                         # => safe inspection
  .where(name: x)
  .order(:name)
User.find_by_sql("SELECT name FROM users WHERE id = 1")      # => safe inspection
User.find_by_sql(["SELECT * FROM users WHERE a = ?", a])     # => safe inspection
User.find_by_sql(%q(SELECT name FROM users WHERE id = 1))    # => safe inspection
User.find_by_sql("SELECT * FROM t WHERE a IN (#{(['?'] * ids.size).join(',')})", *ids) # => safe inspection clean
User.find_by_sql("SELECT a FROM t WHERE a IN (" + ids.map { '?' }.join(', ') + ")") # => safe inspection clean
marks = Array.new(ids.length, '?').join(',')
User.where("id IN (#{marks})", *ids)                         # => safe inspection clean
User.find_by_sql("SELECT a " + "FROM t")                     # => safe inspection
ActiveRecord::Base.connection.select_all("SELECT 1")         # => safe inspection
ActiveRecord::Base.connection.execute("SELECT a FROM t").to_a # => safe inspection
ActiveRecord::Base.connection.select_all(<<~SQL.squish, "Load")  # => safe inspection
  SELECT * FROM users -- User.delete_all
SQL
User.where("name = '#{name}'").first                         # => destructive inspection joined
User.where("name = '" + params[:name] + "'")                 # => destructive inspection joined
User.where("name = '%s'" % name)                             # => destructive inspection joined
User.where("name = #@name")                                  # => destructive inspection joined
User.where("id IN (#{ids.join(',')})")                       # => destructive inspection joined
User.order("#{params[:sort]} DESC")                          # => destructive inspection joined all
User.find_by_sql("SELECT * FROM users WHERE id = " + id)     # => destructive inspection joined
User.find_by_sql(<<-SQL)                                     # => destructive inspection joined
  SELECT * FROM #{table}
  SQL
User.where(cond)                                             # => destructive inspection unclear
User.order(sort)                                             # => destructive inspection all unclear
User.find_by_sql(sql)                                        # => destructive inspection unclear
User.where("sleep(10)")                                      # => destructive inspection
User.where("1 = 1); DELETE FROM users; --")                  # => destructive inspection
User.where(name: `rm -rf /`)                                 # => destructive inspection unclear
User.where(name: system("x"))                                # => destructive control unclear
User.where(name: "#{User.delete_all}")                       # => destructive data-fix unguarded
User.find(1).nuke                                            # => destructive inspection unclear
User.lock.find(1)                                            # => destructive control
User.create(name: "x")                                       # => destructive data-fix adds
User.create!(name: params[:name])                            # => destructive data-fix adds
User.insert_all([{ name: "a" }])                             # => destructive data-fix adds
User.find_or_create_by(name: "x")                            # => destructive data-fix adds
User.update_all("a = a + 1")                                 # => destructive data-fix unguarded
User.update_all(a: 1)                                        # => destructive data-fix unguarded
User.where(id: 1).update_all(a: 1)                           # => destructive data-fix
User.where(id: 1).update_all("name = '#{x}'")                # => destructive data-fix joined
user.update_attributes(name: "y")                            # => destructive data-fix
user.update_attribute(:name, "y")                            # => destructive data-fix
user.update(name: "x")                                       # => destructive data-fix
user.save                                                    # => destructive data-fix
user.save!                                                   # => destructive data-fix
User.new(name: "x").save                                     # => destructive data-fix
User.delete(1)                                               # => destructive data-fix
User.delete_all                                              # => destructive data-fix unguarded
User.destroy_all                                             # => destructive data-fix unguarded
User.where(id: 1).delete_all                                 # => destructive data-fix
User.delete_all("a = 1")                                     # => destructive data-fix
user.destroy                                                 # => destructive data-fix
User.find(1).destroy                                         # => destructive data-fix
user&.delete                                                 # => destructive data-fix
ActiveRecord::Base.connection.execute("DELETE FROM users WHERE id = 1") # => destructive data-fix
ActiveRecord::Base.connection.execute("DELETE FROM users")   # => destructive data-fix
ActiveRecord::Base.connection.update("UPDATE t SET a = 1")   # => destructive data-fix
ActiveRecord::Base.connection.execute("DROP TABLE t")        # => destructive schema-migration
ActiveRecord::Base.connection.execute("SELECT 1; DROP TABLE t") # => destructive schema-migration
ActiveRecord::Base.connection.execute(sql)                   # => destructive control unclear
User.all.each do |u|                                         # => safe inspection all
  u.orders.where(status: 1).count                            # => safe inspection loop
  Order.find_by(user_id: u.id)                               # => safe inspection loop
  puts u.name
  u.nuke!                                                    # => destructive control loop unclear
end
User.find_each(batch_size: 100) { |x| x }                    # => safe inspection
ids.each { |i| User.find(i) }                                # => safe inspection loop
while x < 3 do
  User.find(x)                                               # => safe inspection loop
end
User.all.each(&:destroy)                                     # => destructive inspection all unclear
User.find_each(&:archive)                                    # => destructive inspection unclear
User.all.map(&:name)                                         # => safe inspection all
User.all.each do |record|                                    # => safe inspection all
  record.archive                                             # => destructive control loop unclear
  total = record.price
end
User.find(1).(x)                                             # => destructive inspection unclear
User.where("it\'s = 'a'")                                    # => destructive inspection
User.transaction do                                          # => destructive control
  user.save!                                                 # => destructive data-fix
end
class AddName < ActiveRecord::Migration[7.0]
  def change
    add_column :users, :x, :string                           # => destructive schema-migration
    execute "UPDATE users SET x = 1 WHERE x IS NULL"         # => destructive data-fix
    execute <<~'SQL'                                         # => destructive schema-migration
      ALTER TABLE users ADD y INT
    SQL
    create_table :t do |t|                                   # => destructive schema-migration
      t.string :name
    end
  end
end
x = hash.delete(:a)
File.delete("x")  # => destructive control
list.first
puts "User.delete_all #{1 + 1}"
r = a / 2; s = "User.find" # User.delete_all
=begin
User.delete_all
=end
