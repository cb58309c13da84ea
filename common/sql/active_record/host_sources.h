#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// Where the values of a program come from, as far as an expression says.
namespace dbfleet::sql {

// Whether an expression is what a request brought: params[:q], $_GET['q'], $request->input('q'). A
// number made of it is not.
bool IsRequestValue(const HostProgram& program, HostRange range);

// Whether it makes a text out of pieces, whatever those are: $q . $x, q % x, sprintf($q, $x),
// q.gsub(":x", x).
bool JoinsValues(const HostProgram& program, HostRange range);

// Whether an expression gives a number, which breaks out of nothing: x.to_i, (int)$x, intval($x).
bool GivesNumber(absl::string_view expression);
// Whether it is PHP's implode(',', array_map('intval', $ids)): numbers with commas between them.
bool GivesNumbers(absl::string_view code);

// What marks a text as SQL, without that mark: "a" for Arel.sql("a"), DB::raw("a"), and for
// sanitize_sql(["a = ?", x]), whose values are quoted.
HostRange UnwrapSql(const HostProgram& program, HostRange range);

}  // namespace dbfleet::sql
