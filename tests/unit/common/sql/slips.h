#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "absl/strings/string_view.h"

#include "common/sql/sql.h"

// For tests of statements that must be destructive in every dialect named in front of them.
namespace dbfleet::sql {

struct Slip {
  absl::string_view dialects;  // M: MySQL and MariaDB, P: PostgreSQL, R: Redis.
  absl::string_view text;
};

inline void ExpectAllDestructive(std::initializer_list<Slip> slips) {
  for (const Slip& slip : slips) {
    for (const auto& [letter, dialect] : {std::pair{'M', Dialect::kMySql},
                                          {'M', Dialect::kMariaDb},
                                          {'P', Dialect::kPostgres},
                                          {'R', Dialect::kRedis}}) {
      if (slip.dialects.find(letter) == absl::string_view::npos) continue;
      const Verdict verdict = Classify(dialect, slip.text);
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << letter << ": " << slip.text;
      EXPECT_FALSE(verdict.reasons.empty()) << letter << ": " << slip.text;
    }
  }
}

}  // namespace dbfleet::sql
