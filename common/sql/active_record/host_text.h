#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// An expression of the program that makes a text.
struct HostText {
  bool known = false;         // It is a text, whose pieces are known as far as they can be.
  std::string value;          // With "x" where a value of the program stands.
  bool concatenates = false;  // One does.
  std::string joined_value;   // The first of them, as written.
  bool escapes = false;       // A value in it went through the driver's function for that...
  std::vector<std::string> escapers;  // ... which are these: "$db->quote", "pg_escape_string".
  bool placeholders = false;  // Placeholders are joined in ("?, ?"), and perhaps nothing else.
};

// `clean` are variables that hold nothing but placeholders, `words` those that hold plain words of
// the program, and what stands for them (HostContext); null: none.
HostText ReadHostText(const HostProgram& program, HostRange range,
                      absl::Span<const std::string> clean,
                      const std::map<std::string, std::string>* words = nullptr);

// What stands in SQL for one of several constant words: "ASC" if each is a direction, "x" for
// names;
// "" if one is more than that, or begins a statement.
std::string StandInFor(const std::vector<std::string>& words);

// Whether an expression gives placeholders only, whatever the values are:
// implode(',', array_fill(0, count($ids), '?')), (['?'] * ids.size).join(', ').
bool GivesPlaceholders(absl::string_view expression);

// "name" for an expression that is a word: 'name', :name, name:.
std::optional<std::string> ReadWord(const HostProgram& program, HostRange range);

// The pairs of array('a' => 1), ['a' => 1], {a: 1}, or of arguments `a: 1, b: 2` (one pair each).
// nullopt if it is no such list.
using HostPairs = std::vector<std::pair<std::string, HostRange>>;
std::optional<HostPairs> ReadPairs(const HostProgram& program, HostRange range);

// The elements of array(1, 2), [1, 2]; nullopt if it is no list, or one with keys.
std::optional<std::vector<HostRange>> ReadList(const HostProgram& program, HostRange range);

}  // namespace dbfleet::sql
