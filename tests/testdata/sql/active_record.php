<html><?php
// As in active_record.rb, behind "// =>".
$user = User::find(1);                                           // => safe inspection
User::find(1, 2);                                                // => safe inspection
User::count();                                                   // => safe inspection all
User::first();                                                   // => safe inspection
User::all();                                                     // => safe inspection all
User::find('all');                                               // => safe inspection all
User::find('all', array('limit' => 10, 'offset' => 20));         // => safe inspection
User::find('all', array('conditions' => array('name = ?', $n)));  // => safe inspection
User::find('all', array('conditions' => "name = 'bob'"));        // => safe inspection
User::all(['conditions' => ['name' => $n, 'age' => [1, 2]]]);    // => safe inspection
User::find('first', array('order' => 'name desc'));              // => safe inspection
User::find('count', array('conditions' => 'a = 1'));             // => safe inspection
User::find_by_name_and_age($n, 5);                               // => safe inspection
User::find_all_by_name('x');                                     // => safe inspection
User::exists(array('conditions' => 'a = 1'));                    // => safe inspection
\App\Models\User::where('name', $x)->orderBy('id')->limit(5)->get(); // => safe inspection
User::where('name', '=', $x)->first();                           // => safe inspection
User::find_by_sql("SELECT * FROM users WHERE id = ?", array($id)); // => safe inspection
User::find_by_sql('SELECT a ' . 'FROM t');                       // => safe inspection
User::find_by_sql("SELECT a FROM t WHERE id IN (" . implode(',', array_fill(0, count($ids), '?')) . ")", $ids); // => safe inspection clean
User::find_by_sql("SELECT a FROM t WHERE id IN (" . rtrim(str_repeat('?,', count($ids)), ',') . ")", $ids); // => safe inspection clean
$marks = implode(', ', array_fill(0, count($ids), '?'));
User::find_by_sql("SELECT a FROM t WHERE id IN ($marks)", $ids); // => safe inspection clean
User::connection()->query("SELECT a FROM t");                    // => safe inspection
User::connection()  // => safe inspection
    ->query(<<<'SQL'
SELECT a FROM t WHERE b = '$x'
SQL
)->fetch();
$pdo->prepare("SELECT a FROM t WHERE b = ?")->execute([$x]);     // => safe inspection
$this->db->query("SELECT a FROM t");                             // => safe inspection
User::find('all', array('conditions' => "name = '$name'"));      // => destructive inspection joined
User::find('all', array('conditions' => "name = '{$u->name}'")); // => destructive inspection joined
User::find('all', array('conditions' => 'name = ' . $name));     // => destructive inspection joined
User::find('all', array('conditions' => array("name = '$x'")));  // => destructive inspection joined
User::find('first', array('order' => "$sort desc"));             // => destructive inspection joined
User::find_by_sql("SELECT * FROM users WHERE id = " . $id);      // => destructive inspection joined
User::find_by_sql("SELECT a FROM t WHERE id IN (" . implode(',', $ids) . ")"); // => destructive inspection joined
User::find_by_sql(sprintf("SELECT * FROM t WHERE a = '%s'", $x)); // => destructive inspection joined
User::connection()  // => destructive inspection joined
    ->query(<<<SQL
SELECT * FROM users WHERE name = '{$name}'
SQL
);
User::connection()->query("SELECT * FROM {$table}");             // => destructive inspection joined
User::find('all', array('conditions' => $conditions));           // => destructive inspection unclear
User::find_by_sql($sql);                                         // => destructive inspection unclear
User::find('all', array('conditions' => 'sleep(5)'));            // => destructive inspection
User::find(evil());                                              // => destructive inspection unclear
User::find(`ls`);                                                // => destructive inspection unclear
User::find($f(1));                                               // => destructive inspection unclear
User::find(1)->frobnicate();                                     // => destructive inspection unclear
$user->frobnicate();                                             // => destructive control unclear
User::find(1)->$method();                                        // => destructive inspection unclear
User::find(1)->{$method}();                                      // => destructive inspection unclear
User::find('all', array('hint' => 'x'));                         // => destructive inspection all unclear
User::whereRaw('a = 1')->get();                                  // => safe inspection
User::whereRaw("a = $x")->get();                                 // => destructive inspection joined
User::create(array('name' => 'x', 'age' => $age));               // => destructive data-fix adds
User::update_all(array('set' => array('a' => 1), 'conditions' => array('b' => 2))); // => destructive data-fix
User::update_all(array('set' => 'a = a + 1'));                   // => destructive data-fix unguarded
$user->update_attributes(array('name' => 'y'));                  // => destructive data-fix
$user->save();                                                   // => destructive data-fix
(new User(array('a' => 1)))->save();                             // => destructive data-fix
$user->delete();                                                 // => destructive data-fix
User::find($id)->delete();                                       // => destructive data-fix
User::delete_all();                                              // => destructive data-fix unguarded
User::delete_all(array('conditions' => array('age' => 5)));      // => destructive data-fix
DB::table('users')->where('id', 1)->update(['a' => 1]);          // => destructive data-fix
DB::table('users')->delete();                                    // => destructive data-fix unguarded
User::connection()->update("UPDATE t SET a = 1");                // => destructive data-fix
User::connection()->query("DELETE FROM users WHERE id = 1");     // => destructive data-fix
User::connection()->query("DELETE FROM users");                  // => destructive data-fix
User::connection()->execute("TRUNCATE users");                   // => destructive schema-migration
$db->execute($sql);                                              // => destructive control unclear
User::transaction(function() use ($user) {                       // => destructive control
  $user->delete();                                               // => destructive data-fix
});
foreach (User::all() as $u) {                                    // => safe inspection all
  Order::find_by_user_id($u->id);                                // => safe inspection loop
  $u->save();                                                    // => destructive data-fix loop
}
for ($i = 0; $i < 3; ++$i) User::find($i);                       // => safe inspection loop
helper(User::find_by_name('x'));                                 // => destructive inspection
$text = "User::delete_all()"; /* User::delete_all(); */ # User::delete_all();
unset($list[0]);
?>
User::delete_all();
<?= User::count(); // => safe inspection all
