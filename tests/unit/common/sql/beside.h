#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "common/sql/sql.h"

// For tests of PHP and Ruby: each piece stands beside a harmless call, so that the file is not
// destructive as a whole.
namespace dbfleet::sql {

inline constexpr Dialect kPhp = Dialect::kActiveRecordPhp;
inline constexpr Dialect kRuby = Dialect::kActiveRecordRuby;

inline std::string Beside(Dialect dialect, absl::string_view code) {
  return absl::StrCat(dialect == kPhp ? "User::find(1); " : "User.find(1)\n", code);
}

// Whether some statement of a file is destructive.
inline bool IsDestructiveFile(Dialect dialect, absl::string_view file) {
  const auto statements = Split(Target(dialect), file);
  EXPECT_TRUE(statements.ok()) << file;
  if (!statements.ok()) return true;
  bool destructive = false;
  for (const Statement& statement : *statements) {
    destructive = destructive || Read(dialect, statement).verdict.safety == Safety::kDestructive;
  }
  return destructive;
}

// Of each file by itself.
template <size_t N>
void ExpectDestructive(Dialect dialect, const absl::string_view (&files)[N]) {
  for (absl::string_view file : files) EXPECT_TRUE(IsDestructiveFile(dialect, file)) << file;
}

// Whether some statement is destructive; each of those says why.
inline bool HasDestructive(Dialect dialect, absl::string_view code) {
  const auto statements = Split(Target(dialect), Beside(dialect, code));
  if (!statements.ok()) return true;
  bool found = false;
  for (const Statement& statement : *statements) {
    const Verdict verdict = Read(dialect, statement).verdict;
    if (verdict.safety != Safety::kDestructive) continue;
    EXPECT_THAT(verdict.reasons, testing::Not(testing::IsEmpty())) << statement.text;
    found = true;
  }
  return found;
}

// Each piece beside the call.
template <size_t N>
void ExpectWrites(Dialect dialect, const absl::string_view (&pieces)[N]) {
  for (absl::string_view code : pieces) EXPECT_TRUE(HasDestructive(dialect, code)) << code;
}
template <size_t N>
void ExpectReads(Dialect dialect, const absl::string_view (&pieces)[N]) {
  for (absl::string_view code : pieces) EXPECT_FALSE(HasDestructive(dialect, code)) << code;
}

}  // namespace dbfleet::sql
