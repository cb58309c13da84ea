#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// What a program's variables are, by all of its assignments: a variable is taken for one thing only
// if nothing in the program binds it to another. Branches, methods and scopes are not told apart.
// Made in one pass over the program; not changed afterwards.
class HostVariables {
 public:
  explicit HostVariables(const HostProgram& program);

  // It holds a list, text, hash or object in memory that is no record: [], "", Set.new, collect().
  bool IsPlain(absl::string_view name) const;
  // Something in the program binds it.
  bool IsBound(absl::string_view name) const { return Of(name) != nullptr; }
  // It holds a function of PHP that stands in the program, and nothing else.
  bool IsClosure(absl::string_view name) const;
  // It may hold the name of what writes, or a callable that does: 'delete', [$user, 'delete'].
  bool MayHoldWrite(absl::string_view name) const;
  // It may hold something to call that is not seen: a parameter of the type callable or Closure,
  // [$svc, 'handle'], $this->handle(...).
  bool MayHoldCallable(absl::string_view name) const;
  // It may hold the text of a statement that writes: 'DELETE FROM t'.
  bool MayHoldWritingSql(absl::string_view name) const;
  // It may hold a connection: PG.connect, new PDO(...), $this->db.
  bool MayHoldConnection(absl::string_view name) const;
  // It may hold a client of Redis: Redis.new, new Redis(), Cache::getRedis(). "->name" is what the
  // program's own objects hold under a name.
  bool MayHoldRedis(absl::string_view name) const;
  // It holds what a driver gave for SQL, which is no record: res = conn.exec("..."), and nothing
  // else.
  bool IsResult(absl::string_view name) const;
  // It holds a query of a model that only reads, and nothing else: $latest = Post::select('id'), or
  // Arel's table of one: users = User.arel_table.
  bool IsQuery(absl::string_view name) const;
  // What stands for it in SQL, if it holds one of several plain words: see HostContext. "" if not.
  std::string StandInOf(absl::string_view name) const;
  // What of queries, functions and words is named in a range.
  void AddTo(HostRange range, HostContext* context) const;
  // It may hold an association, to which records are added at once: posts = user.posts.
  bool MayHoldAssociation(absl::string_view name) const;

 private:
  struct Bindings {
    bool plain = false;
    bool closure = false;
    bool other = false;
    bool write = false;
    bool sql = false;
    bool connection = false;
    bool association = false;
    bool result = false;
    bool no_result = false;
    bool redis = false;
    bool callable = false;
    bool query = false;
    bool no_query = false;
    std::vector<std::string> words;  // Each of them, if it holds nothing else.
    bool no_words = false;
  };

  // A method of Ruby, or what stands around all of them.
  struct Scope {
    size_t end = 0;
    std::set<std::string, std::less<>> bound;
  };

  // host_bindings.cc
  void Look(size_t i);
  void LookInPhp(size_t i);
  void LookInRuby(size_t i);
  void EnterScope(size_t i);
  void BindInScope(size_t i);
  void BindTargets(size_t sign);
  void NoteCalled(size_t i);
  void Assign(size_t i, size_t value);
  void BindList(size_t begin, size_t end);
  void BindBlocks(size_t i);
  void BindCallables(HostRange parameters);
  bool IsCallable(size_t value) const;
  void BindRedis(absl::string_view name, size_t value);
  bool IsPlainValue(size_t value) const;
  std::vector<std::string> WordsIn(size_t value) const;
  size_t EndOfText(size_t value) const;
  bool EndsValue(size_t i) const;
  void AddWord(absl::string_view name, HostContext* context) const;
  const Bindings* Of(absl::string_view name) const;
  // Ruby: somewhere the name is a call.
  bool IsCalled(absl::string_view name) const;

  const HostProgram& program_;
  std::map<std::string, Bindings, std::less<>> bindings_;
  std::set<std::string, std::less<>> called_;
  std::vector<Scope> scopes_ = {{}};  // While it is made.
  size_t plain_parameters_ = 0;  // Where those of a block begin that is given a file or the like.
};

}  // namespace dbfleet::sql
