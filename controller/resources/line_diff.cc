#include "controller/resources/line_diff.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"

namespace dbfleet::controller {
namespace {

std::vector<absl::string_view> LinesOf(absl::string_view text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

using Lines = absl::Span<const absl::string_view>;

void Add(char mark, Lines lines, std::vector<std::string>* out) {
  for (absl::string_view line : lines) out->push_back(absl::StrCat(std::string(1, mark), line));
}

// Of lines that differ at their beginnings and ends.
void DiffMiddle(Lines a, Lines b, std::vector<std::string>* out) {
  const size_t width = b.size() + 1;
  if ((a.size() + 1) > kMostDiffCells / width) {
    Add('-', a, out);
    Add('+', b, out);
    return;
  }
  // common[i * width + j]: how many lines a[i..] and b[j..] have in common.
  std::vector<int> common((a.size() + 1) * width, 0);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i * width + j] =
          a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                       : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      Add(' ', a.subspan(i++, 1), out);
      ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      Add('-', a.subspan(i++, 1), out);
    } else {
      Add('+', b.subspan(j++, 1), out);
    }
  }
}

}  // namespace

std::vector<std::string> DiffLines(absl::string_view before, absl::string_view after) {
  if (before == after) return {};
  const std::vector<absl::string_view> a = LinesOf(before), b = LinesOf(after);
  const size_t least = std::min(a.size(), b.size());
  size_t first = 0, last = 0;
  while (first < least && a[first] == b[first]) ++first;
  while (last < least - first && a[a.size() - 1 - last] == b[b.size() - 1 - last]) ++last;
  const Lines whole_a = a, whole_b = b;
  std::vector<std::string> lines;
  Add(' ', whole_a.first(first), &lines);
  DiffMiddle(whole_a.subspan(first, a.size() - first - last),
             whole_b.subspan(first, b.size() - first - last), &lines);
  Add(' ', whole_a.last(last), &lines);
  return lines;
}

}  // namespace dbfleet::controller
