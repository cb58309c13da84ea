#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

#include "common/sql/active_record/host_reader.h"

namespace dbfleet::sql {

// Gathers what the arguments of a chain's calls say into the query that it becomes. Conditions are
// pairs of names and values, texts with placeholders, or lists that begin with such a text; what is
// none of these is a problem. Not thread-safe; lives as long as one chain is read.
class QueryBuilder {
 public:
  QueryBuilder(const HostProgram& program, HostScope scope, HostFindings* findings)
      : program_(program), scope_(scope), findings_(findings) {}

  void Conditions(absl::Span<const HostRange> arguments);
  // order, group, select, from: names or fragments of SQL, appended to `out`.
  void Fragments(absl::Span<const HostRange> arguments, absl::string_view what, std::string* out);
  void Joins(absl::Span<const HostRange> arguments);
  void Options(const HostPairs& pairs);  // array('conditions' => ..., 'limit' => 5)
  void Set(HostRange value);             // What an update sets.
  void ById();
  void Limit() { query.limit = call.has_limit = true; }
  // A fragment of SQL; "" if it is none that is known.
  std::string Fragment(HostRange range, absl::string_view where_it_stands);

  void Note(const HostText& text);
  void NoteValue(HostRange range);
  void NoteTexts(const HostCall& from);
  void Plain(HostRange range, bool is_table = false) {
    NoteRaw(range, is_table);
    Block(range, false);
  }
  // SQL in the place of a value or a name: DB::raw("..."), Arel.sql("...").
  void NoteRaw(HostRange range, bool is_table);
  void Block(HostRange range, bool for_effect);
  void PlainFrom(const HostCall& call, size_t from);
  // What stands in the place of SQL, and is none: a function, a query of a model.
  bool IsClosure(HostRange range) const;
  bool IsCallable(HostRange range) const;  // Or &:name of Ruby.
  bool IsQuery(HostRange range) const;     // Or a variable that holds one.
  void Closure(HostRange range);
  bool TakeQuery(HostRange range);
  void Problem(std::string text) { problems.push_back(std::move(text)); }

  ModelQuery query;
  CallFacts call;
  std::string caller;  // What the method that runs SQL is called on, as written.
  std::vector<std::string> problems;

 private:
  void Columns(const HostPairs& pairs);
  void Given(HostRange range, bool is_table);
  bool NoteTextsIn(HostRange range);
  void OfName(HostRange argument);

  const HostProgram& program_;
  const HostScope scope_;
  HostFindings* findings_;
};

bool IsPlainColumn(absl::string_view text);

// Item::select('id')->limit(1), DB::table('items')->where(...), Item.where(a: 1): it is read where
// it stands. What a model is asked for that gives a value (value('sql')) is none.
bool IsQueryOfModel(const HostProgram& program, HostRange range);

}  // namespace dbfleet::sql
