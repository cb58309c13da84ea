#pragma once

#include <optional>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// Texts of a program that are SQL by their look, whatever they are given to.
namespace dbfleet::sql {

// Whether a text is a statement that writes: DELETE FROM t, UPDATE t SET ..., DROP TABLE t. Prose
// ("Delete from the cart", "Update your profile") is none: SQL is written in one case. Where `any`
// case counts, also "Delete from t".
bool LooksLikeWrite(absl::string_view text, bool any);

// Whether there is such a text in an expression, also joined with values: "DELETE FROM t WHERE id =
// $id", ["DELETE ...", $x], DB::raw("DELETE ..."). Of long ones it looks at the beginning only.
bool BeginsLikeWrite(const HostProgram& program, HostRange range, bool any);

// Which of a call's arguments is such a text, if it is handed to what may run it: to no method that
// prints, logs or asks.
std::optional<size_t> WriteAmong(const HostProgram& program, const HostChain& chain,
                                 const HostCall& call);

// Whether a method may run a text that it is given: not one that prints, logs or asks.
bool MayRunText(const HostProgram& program, const HostChain& chain, const HostCall& call);

}  // namespace dbfleet::sql
