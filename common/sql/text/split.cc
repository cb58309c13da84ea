#include "common/sql/text/split.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/sql/text/statement_stream.h"

namespace dbfleet::sql {

absl::StatusOr<std::vector<Statement>> SplitSql(const Target& target, absl::string_view script) {
  StatementStream::Limits limits;
  // The script is in memory already.
  limits.max_statement_bytes = std::max(limits.max_statement_bytes, script.size());
  limits.chunk_bytes = std::clamp<size_t>(script.size(), 64, limits.chunk_bytes);
  size_t at = 0;
  StatementStream stream(
      target,
      [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
        const size_t count = std::min(size, script.size() - at);
        std::memcpy(buffer, script.data() + at, count);
        at += count;
        return count;
      },
      limits);
  std::vector<Statement> statements;
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<Statement> statement, stream.Next());
    if (!statement.has_value()) {
      if (!statements.empty()) statements.back().behind = std::string(stream.Rest());
      return statements;
    }
    statements.push_back(*std::move(statement));
  }
}

}  // namespace dbfleet::sql
