#pragma once

#include <string>
#include <vector>

#include "common/sql/model/facts.h"
#include "common/sql/model/verdict.h"

namespace dbfleet::sql {

// What a dialect's reader found out about one statement. Each dialect's module has one function
//
//   Reading ReadMySql(const Target& target, absl::string_view text, Position origin);
//
// (ReadPostgres, ReadRedis...; `origin` is where the text begins, for places in reasons),
// which is pure, thread-safe, never throws, and takes time and memory in proportion to the text.
// Whatever the text is, it answers: what it cannot read is destructive, with the reason.
struct Reading {
  Verdict verdict;
  Facts facts;
};

// Makes it destructive and not understood, for this reason; nothing of its facts can be relied
// upon.
void Doubt(const std::string& reason, Reading* reading);

}  // namespace dbfleet::sql
