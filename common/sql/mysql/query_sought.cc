// Which columns a condition looks rows up by: facts for rules, never for the class.
#include <string>
#include <utility>
#include <vector>

#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMostSought = 512;
constexpr int kMostLevels = 8;

}  // namespace

// `negated`: it is compared by what no index can look up: <>, NOT IN.
void QueryScan::Filter(ptrdiff_t column, bool negated) {
  if (frames_.back().having) return;
  List(&draft_.reading.facts.query.filtered_columns, Unquoted(tokens_[column]));
  if (!negated && sought_.size() < kMostSought) sought_.push_back(column);
}

// (a, t.b) IN (...), (a, b) = (1, 2): the row of columns that ends at `close`.
void QueryScan::FilterRow(ptrdiff_t close, bool negated) {
  constexpr ptrdiff_t kMostTokens = 64;
  ptrdiff_t open = close - 1;
  for (; open > close - kMostTokens && !tokens_[open].IsSymbol('('); --open) {
    if (!tokens_[open].IsSymbol(',') && !tokens_[open].IsSymbol('.') && !IsColumn(open)) return;
  }
  if (!tokens_[open].IsSymbol('(') || !BoundaryBefore(open - 1)) return;
  for (ptrdiff_t i = open + 1; i < close; ++i) {
    if (tokens_[i + 1].IsSymbol(',') || i + 1 == close) Filter(i, negated);
  }
}

// One list for each part of an OR, if that is what the condition of the outermost WHERE is.
void QueryScan::NoteSought() {
  if (where_ < 0) return;
  ptrdiff_t from = where_;
  ptrdiff_t to = EndOfWhere();
  // Each looks for its other end.
  for (int level = 0; level < kMostLevels && from < to && tokens_[from].IsSymbol('('); ++level) {
    if (tokens_.AfterParen(from) != to) break;
    ++from;
    --to;
  }
  std::vector<std::vector<std::string>> arms(1);
  auto sought = sought_.begin();
  while (sought != sought_.end() && *sought < from) ++sought;
  int depth = 0;
  for (ptrdiff_t i = from; i < to; ++i) {
    if (tokens_[i].IsSymbol('(')) ++depth;
    if (tokens_[i].IsSymbol(')')) --depth;
    const bool pipes = tokens_[i].IsSymbol('|') && tokens_[i + 1].IsSymbol('|');
    if (depth == 0 && (tokens_[i].Is(K("OR")) || pipes)) arms.emplace_back();
    while (sought != sought_.end() && *sought <= i) {
      List(&arms.back(), Unquoted(tokens_[*sought]));
      ++sought;
    }
  }
  draft_.reading.facts.query.sought_columns = std::move(arms);
}

}  // namespace dbfleet::sql::mysql
