#pragma once

#include <optional>
#include <string>

#include "common/sql/active_record/held_rows.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/query_builder.h"

namespace dbfleet::sql {

// Reads one chain, link by link: what its calls say goes into the statement that it becomes, or
// into the SQL that it hands over. Not thread-safe; Read is called once.
class ChainReader {
 public:
  ChainReader(const HostProgram& program, const HostChain& chain, HostScope scope,
              HostFindings* findings);

  Reading Read();

 private:
  void Take(const HostCall& call);
  std::optional<size_t> SqlAmong(const HostCall& call, const ModelMethod* method) const;
  bool IsNamedPrepare(const HostCall& call, absl::string_view name) const;
  std::string CallerOf(const HostCall& call) const;
  std::string Holder(const HostCall& call) const;
  void TakeSymbols(const HostCall& call);  // inject(:delete) calls what it names.
  void Dispatch(const HostCall& call, const std::string& name, MethodRole role);
  void NoteRows(const HostCall& call, const std::string& name);
  void Schema(const HostCall& call, const std::string& name);
  void Unknown(const HostCall& call, const std::string& name);
  void TakeTable(const HostCall& call);  // DB::table('users')
  void TakeIndex();                      // DB["SELECT ..."], DB[:users]
  // chain_calls.cc
  void Function(const HostCall& call, const HostFunction& function);
  bool RunsPrepared(const HostCall& call) const;
  void RunPrepared(absl::string_view statement);
  void Refine(const HostCall& call, const std::string& name);
  void CommonTables(const HostCall& call);
  bool RefineInPhp(const HostCall& call, const std::string& name);   // eloquent_calls.cc
  bool RefineInRuby(const HostCall& call, const std::string& name);  // eloquent_calls.cc
  void Subquery(HostRange query, absl::string_view where_it_stands);
  void Relation(const HostCall& call, size_t callable);
  const ModelMethod* TakeHeld(const HostCall& call, const std::string& name);
  bool MayCallByName(const HostCall& call, Held before) const;
  void Comments(const HostCall& call);
  void TakeRead(const HostCall& call, const std::string& name);
  void Raw(const HostCall& call, size_t sql);
  void Write(const HostCall& call, const std::string& name);
  bool WritesTable(const HostCall& call, const std::string& name);

  // builder_calls.cc
  void FindBeans(const HostCall& call, const std::string& name);
  bool TakeBean(const HostCall& call, const std::string& name);
  bool TakeBuilder(const HostCall& call, const std::string& name);
  void Expression(HostRange argument, absl::string_view where_it_stands);
  bool RunBuilder();
  bool IsSignedIn(const HostCall& call) const;  // Laravel's Auth::user(), $request->user().
  bool IsRelation(const HostCall& call) const;

  Reading Finish();
  void NoteBatch();
  Reading OfModel(MethodRole role);
  void Judge(MethodRole role, bool raw, Reading* reading);

  const HostProgram& program_;
  const HostChain& chain_;
  const HostScope scope_;
  QueryBuilder build_;
  bool connection_ = false;
  bool schema_ = false;    // Laravel's Schema.
  bool loaded_ = false;    // A record has been read.
  bool all_rows_ = false;  // So far it is a query of every row of a model.
  bool ran_raw_ = false;
  Held held_ = Held::kOther;  // What the next link is called on.
  bool had_rows_ = false;     // Some link was called on rows.
  bool builder_ = false;      // Doctrine's, ...
  bool selects_ = false;      // ... which selects, ...
  bool from_ = false;         // ... from what is named, ...
  bool got_query_ = false;    // ... and was asked for its query, ...
  bool ran_builder_ = false;  // ... or was run.
  bool dql_ = false;          // createQuery('SELECT ...')
  MethodRole role_ = MethodRole::kInMemory;
  const ModelMethod* method_ = nullptr;
  ModelMethod function_;  // What method_ points to, of a function.
  std::string raw_sql_;
};

}  // namespace dbfleet::sql
