#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/schema_given.h"

// The columns that migrations add, with the indexes and keys that come with them.
namespace dbfleet::sql {

// The server that a migration is for, which tells what SQL in it does. Views.
struct SchemaServer {
  const Target& target;
  EmbeddedReader read;
};

// What a call adds, and why it is not known as a whole.
struct AddedColumns {
  std::vector<Alteration> alterations;
  std::string doubt;
};

Alteration Altered(AlterationKind kind, std::string name, std::string new_name = "");
Name TableName(const std::string& written);

// Ruby's t.string :a, null: false, add_column, t.references, t.timestamps. `names`: of what is
// added; `type` of a column, or the word for what is no single one. `server` may be null.
AddedColumns ColumnsOfRails(const HostProgram& program, absl::Span<const std::string> names,
                            const std::string& type, const Given& given,
                            const SchemaServer* server);

// $table->string('a')->nullable()->index(): the calls from the column on.
AddedColumns ColumnsOfLaravel(const HostProgram& program, absl::Span<const HostCall> calls,
                              const SchemaServer* server);

// $table->foreign('a')->references('id')->on('b'): the calls from the key on.
Alteration KeyOfLaravel(const HostProgram& program, absl::Span<const HostCall> calls);

// add_foreign_key :orders, :users, on_delete: :cascade
Alteration KeyOfRails(const HostProgram& program, std::string parent, const Given& given);

// add_check_constraint :orders, "total > 0", name: "x": as the server reads it; nothing if that is
// not certain.
std::vector<Alteration> CheckOfRails(const HostProgram& program, HostRange expression,
                                     const Given& given, const SchemaServer* server);

// An index over columns, or over expressions as SQL writes them.
Alteration IndexOver(std::vector<std::string> columns);
// The same with what Ruby's options say.
Alteration IndexOfRails(const HostProgram& program, std::vector<std::string> columns,
                        const Given& given);

}  // namespace dbfleet::sql
