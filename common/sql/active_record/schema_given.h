#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/active_record/host_text.h"
#include "common/sql/model/facts.h"

// What the calls of migrations are given.
namespace dbfleet::sql {

// Names in front, and options behind them.
struct Given {
  std::vector<std::string> names;  // Up to the first that is none; those of lists, too.
  size_t separate = 0;             // How many of the names stand in no list.
  HostPairs options;
  bool more = false;  // There is what is none of these: **options.
};

Given Take(const HostProgram& program, absl::Span<const HostRange> arguments);

// An argument without PHP's name for it: of "column: 'a'" the 'a'.
HostRange WithoutLabel(const HostProgram& program, HostRange argument);

// Null if it is not given.
const HostRange* OptionOf(const Given& given, absl::string_view name);

// Whether an option certainly is that word...
bool Is(const HostProgram& program, const Given& given, absl::string_view option,
        absl::string_view word);
// ... or may be: what is not written out may be anything.
bool MayBe(const HostProgram& program, const Given& given, absl::string_view option,
           absl::string_view word);

// ", unique: true": but for what an advice says itself, and for `without`.
std::string OptionsAsWritten(const HostProgram& program, const Given& given,
                             absl::Span<const absl::string_view> without = {});

// A text, number, symbol, true, nil, a class's name, or a list of those: nothing is called.
bool IsLiteral(const HostProgram& program, HostRange range);

// The constant SQL that a value is in place of a literal: -> { "now()" }, DB::raw('now()').
std::optional<std::string> ReadSqlValue(const HostProgram& program, HostRange value);
// Whether an argument is such a default of Ruby's: default: -> { "now()" }.
bool IsSqlDefault(const HostProgram& program, HostRange argument);

}  // namespace dbfleet::sql
