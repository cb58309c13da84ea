#include "common/sql/report/redact.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/rules.h"
#include "common/sql/report/pieces.h"
#include "common/sql/report/redact_host.h"
#include "common/sql/report/redact_redis.h"
#include "common/sql/report/redact_sql.h"
#include "common/sql/report/secret_words.h"

namespace dbfleet::sql {
namespace {

// A reason shows no longer text of a statement; a shorter one says nothing. What is said of a
// statement with more hidden texts names nothing.
constexpr size_t kShortestKept = 3;
constexpr size_t kLongestKept = 256;
constexpr size_t kMostKept = 200;
// In quotes in what we advise: SET lock_timeout = '5s'.
constexpr absl::string_view kOwnText = "5s";

bool IsOfWord(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The apostrophe of "server's", which opens no text: N's has one, too.
bool IsApostrophe(absl::string_view said, size_t i) {
  size_t begin = i;
  while (begin > 0 && IsOfWord(said[begin - 1])) --begin;
  const absl::string_view word = said.substr(begin, i - begin);
  const bool plain = word.size() > 2 && std::all_of(word.begin(), word.end(), [](char c) {
                       return absl::ascii_isalpha(static_cast<unsigned char>(c));
                     });
  return plain && said[i] == '\'' && i + 1 < said.size() && said[i + 1] == 's' &&
         (i + 2 >= said.size() || said[i + 2] == ' ');
}

// How long the name in quotes is that stands at `i` and may be shown; 0: none does.
size_t ShownAt(absl::string_view said, size_t i, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (absl::StartsWith(said.substr(i), name)) return name.size();
  }
  return 0;
}

// From the first quote to the last one, but for those of `names`.
std::string WithoutQuoted(absl::string_view said, const std::vector<std::string>& names) {
  size_t first = absl::string_view::npos;
  size_t last = 0;
  for (size_t i = 0; i < said.size(); ++i) {
    if (!absl::StrContains("'\"", said.substr(i, 1)) || IsApostrophe(said, i)) continue;
    if (const size_t shown = ShownAt(said, i, names); shown > 0) {
      i += shown - 1;
      continue;
    }
    if (first == absl::string_view::npos) first = i;
    last = i;
  }
  if (first == absl::string_view::npos) return std::string(said);
  return absl::StrCat(said.substr(0, first), kHiddenText,
                      last > first ? said.substr(last + 1) : absl::string_view());
}

// Where it stands as a whole word, in any case.
void HideIn(absl::string_view lower, std::string* said) {
  const std::string where = absl::AsciiStrToLower(*said);
  std::string out;
  size_t pos = 0;
  for (size_t at = where.find(lower.data(), 0, lower.size()); at != std::string::npos;
       at = where.find(lower.data(), at + 1, lower.size())) {
    const size_t end = at + lower.size();
    const bool inside = at < pos ||
                        (IsOfWord(lower.front()) && at > 0 && IsOfWord(where[at - 1])) ||
                        (IsOfWord(lower.back()) && end < where.size() && IsOfWord(where[end]));
    if (inside) continue;
    absl::StrAppend(&out, said->substr(pos, at - pos), kHiddenText);
    pos = end;
  }
  if (pos > 0) *said = absl::StrCat(out, said->substr(pos));
}

// What is said in words of lower case is our own.
std::string WithoutNames(absl::string_view said) {
  std::string out;
  for (size_t begin = 0; begin < said.size();) {
    size_t end = begin;
    while (end < said.size() && IsOfWord(said[end])) ++end;
    const absl::string_view word = said.substr(begin, end - begin);
    const bool ours = std::all_of(word.begin(), word.end(), [](char c) {
      return absl::ascii_islower(static_cast<unsigned char>(c));
    });
    absl::StrAppend(&out, ours ? word : kHiddenText);
    begin = end;
    if (begin < said.size()) out.push_back(said[begin++]);
  }
  return out;
}

}  // namespace

void Hidden::Add(absl::string_view text) {
  any_ = true;
  text = absl::StripAsciiWhitespace(text);
  const auto is_quote = [](char c) { return c == '\'' || c == '"' || c == '`'; };
  if (text.size() > 1 && is_quote(text.back())) {
    // U&'x', x'61', $$x$$ stays as it is.
    const size_t open = text.find(text.back());
    if (open < 3) text = text.substr(open + 1, text.size() - open - 2);
  }
  if (text == kOwnText) own_ = false;
  if (text.size() < kShortestKept || text.size() > kLongestKept) return;
  if (texts_.size() == kMostKept) {
    more_ = true;
    return;
  }
  std::string lower = absl::AsciiStrToLower(text);
  const auto longer = [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  };
  const auto at = std::lower_bound(texts_.begin(), texts_.end(), lower, longer);
  if (at == texts_.end() || *at != lower) texts_.insert(at, std::move(lower));
}

void Hidden::ShowName(absl::string_view quoted) {
  constexpr size_t kMostNames = 100;
  if (quoted.size() < 3 || quoted.size() > kLongestKept || names_.size() == kMostNames) return;
  // One with a quote inside cannot be told from what stands beside it.
  if (quoted.substr(1, quoted.size() - 2).find_first_of("'\"`\n") != absl::string_view::npos)
    return;
  if (std::find(names_.begin(), names_.end(), quoted) == names_.end()) names_.emplace_back(quoted);
}

std::string Hidden::Say(absl::string_view said) const {
  if (empty()) return std::string(said);
  std::vector<std::string> names = names_;
  if (own_) names.push_back(absl::StrCat("'", kOwnText, "'"));
  return SayName(WithoutQuoted(said, names));
}

std::string Hidden::SayName(absl::string_view name) const {
  std::string shown(name);
  for (const std::string& text : texts_) HideIn(text, &shown);
  return more_ ? WithoutNames(shown) : shown;
}

void Hidden::SayFinding(Finding* finding) const {
  // What a rule says of each statement alike holds nothing of this one.
  const LintRule* rule = FindRule(finding->rule_id);
  if (rule == nullptr || finding->message != rule->message)
    finding->message = Say(finding->message);
  if (rule == nullptr || finding->advice != rule->advice) finding->advice = Say(finding->advice);
  if (absl::StartsWith(finding->rule_id, "dbf-ignore-") && SpeaksOfSecret(finding->message)) {
    finding->message = WithoutQuoted(finding->message, {});
  }
  if (SpeaksOfSecret(finding->ignore_reason)) finding->ignore_reason = std::string(kHiddenText);
}

namespace {

// What stands behind a command of psql (\set, \!) may be anything, but for those that connect,
// whose secrets are found by their form, and for conditions.
bool MayHoldSecret(const Statement& statement) {
  static constexpr absl::string_view kShown[] = {"\\c ",    "\\connect ", "\\encoding ",
                                                 "\\elif ", "\\if ",      "\\watch "};
  return statement.client_command &&
         std::none_of(std::begin(kShown), std::end(kShown), [&](absl::string_view shown) {
           return absl::StartsWith(statement.text, shown);
         });
}

}  // namespace

Redacted Redact(const Target& target, absl::string_view text, size_t place) {
  if (target.dialect == Dialect::kRedis) return RedactRedis(text);
  if (target.active_record()) return RedactHost(target, text, place);
  return RedactSql(target, text, place);
}

Hidden HideSecrets(const Target& target, const Statement& statement, StatementReport* report) {
  Target server = target;
  server.modes = ModesFor(target, statement);
  Redacted shown = server.active_record()
                       ? RedactHost(server, statement.text, statement.content, &statement.host)
                       : Redact(server, statement.text, statement.content);
  const size_t word = shown.text.find_first_of(" \t");
  if (MayHoldSecret(statement) && word != std::string::npos) {
    shown.text = absl::StrCat(shown.text.substr(0, word + 1), kHiddenText);
    shown.place = 0;
  }
  report->text = std::move(shown.text);
  report->content = shown.place;
  Verdict& verdict = report->verdict;
  for (std::string& reason : verdict.reasons) reason = shown.hidden.Say(reason);
  for (ObjectUse& use : verdict.uses) use.name = shown.hidden.SayName(use.name);
  return std::move(shown.hidden);
}

}  // namespace dbfleet::sql
