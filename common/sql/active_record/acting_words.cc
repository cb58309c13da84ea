#include "common/sql/active_record/acting_words.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// To add a word: ask whether a column, an association, a scope, or a method that every request,
// list, stream, form or date has, is called so, too. If so it is none of the first list.
// clang-format off
constexpr absl::string_view kDeeds[] = {
    "activate", "anonymise", "anonymize", "approve", "archive", "ban", "cancel", "deactivate",
    "decline", "decommission", "demote", "disable", "downgrade", "enable", "enrol", "enroll",
    "erase", "escalate", "fulfil", "fulfill", "grant", "impersonate", "notify", "obliterate",
    "onboard", "pay", "promote", "provision", "publish", "quarantine", "reactivate", "recalculate",
    "reconcile", "redeem", "refuse", "reindex", "reinstate", "reissue", "renew", "reopen", "repay",
    "reprocess", "requeue", "reschedule", "resend", "retire", "revert", "revoke", "settle",
    "suspend", "terminate", "trash", "unapprove", "unarchive", "unassign", "unban", "unenroll",
    "unflag", "unfollow", "unlock", "unpublish", "unregister", "unsubscribe", "untrash", "upgrade",
    "wipe", "withdraw",
};
// Words that columns, forms, clients and the like have as well.
constexpr absl::string_view kDeedsOfRecords[] = {
    "abandon", "accept", "adopt", "allocate", "apply", "assign", "capture", "charge", "close",
    "confirm", "debit", "deliver", "deny", "dispatch", "dispose", "expire", "fail", "finalise",
    "finalize", "forbid", "hide", "invite", "kill", "perform", "process", "rebuild", "recompute",
    "refund", "register", "reserve", "reset", "restart", "retry", "ship", "submit", "subscribe",
    "sync", "synchronise", "synchronize", "transition", "void",
};
// With an object behind them: set_defaults, send_invoice. A word alone is something else.
constexpr absl::string_view kWithObjects[] = {
    "add", "bump", "change", "fill", "fix", "flush", "generate", "mark", "move", "populate", "put",
    "regenerate", "run", "send", "set", "start", "stop", "store", "switch", "trigger", "write",
};
// In front of the verb: force_close, find_and_cancel.
constexpr absl::string_view kBeforeVerbs[] = {
    "auto", "batch", "bulk", "force", "hard", "mass", "maybe", "safely", "soft", "try",
};
// What a name ends with that is a column's: cancel_reason, ship_date.
constexpr absl::string_view kOfColumns[] = {
    "account", "address", "after", "amount", "at", "before", "by", "card", "code", "comment",
    "config", "cost", "count", "date", "day", "days", "deadline", "email", "fee", "flag", "hash",
    "hours", "id", "ids", "key", "kind", "label", "limit", "link", "message", "method", "minutes",
    "mode", "month", "name", "note", "notes", "number", "on", "options", "params", "path",
    "percentage", "period", "policy", "price", "quantity", "rate", "reason", "settings", "state",
    "status", "text", "time", "title", "token", "total", "type", "until", "uri", "url", "value",
    "version", "window", "year",
};
// What only reads of all: select_all, findAll.
constexpr absl::string_view kReadsAll[] = {
    "all", "any", "are", "at", "count", "each", "fetch", "find", "for", "get", "has", "in",
    "include", "is", "list", "load", "of", "over", "read", "scope", "select", "show", "where",
    "with",
};
// clang-format on

std::vector<std::string> WordsOf(absl::string_view name) {
  std::vector<std::string> words;
  std::string word;
  for (size_t i = 0; i <= name.size(); ++i) {
    const bool letter = i < name.size() && absl::ascii_isalpha(static_cast<unsigned char>(name[i]));
    const bool begins = letter && absl::ascii_isupper(static_cast<unsigned char>(name[i])) &&
                        i > 0 && absl::ascii_islower(static_cast<unsigned char>(name[i - 1]));
    if ((!letter || begins) && !word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
    if (letter) word.push_back(absl::ascii_tolower(static_cast<unsigned char>(name[i])));
  }
  return words;
}

template <size_t N>
bool Acts(const std::vector<std::string>& words, const absl::string_view (&verbs)[N]) {
  for (size_t i = 0; i < words.size(); ++i) {
    const bool verb =
        i == 0 || words[i - 1] == "and" || (i == 1 && IsOneOf(words[0], kBeforeVerbs));
    if (verb && IsOneOf(words[i], verbs)) return true;
  }
  return false;
}

// cancelled?, mark?: it asks.
bool Asks(absl::string_view name) { return name.empty() || name.back() == '?'; }

// markAsPaid, mark_read, transition_to
bool Marks(const std::vector<std::string>& words) {
  return words.size() > 1 && (words[0] == "mark" || (words[0] == "transition" && words[1] == "to"));
}

bool EndsLikeColumn(const std::vector<std::string>& words) {
  return words.size() > 1 && IsOneOf(words.back(), kOfColumns);
}

}  // namespace

bool NamesDeed(absl::string_view name) {
  if (Asks(name)) return false;
  const std::vector<std::string> words = WordsOf(name);
  if (words.empty() || EndsLikeColumn(words)) return false;
  return Acts(words, kDeeds) || Marks(words);
}

bool NamesDeedOfRecord(absl::string_view name, bool bare) {
  if (Asks(name)) return false;
  const std::vector<std::string> words = WordsOf(name);
  if (words.empty() || (bare && EndsLikeColumn(words))) return false;
  if (Acts(words, kDeeds) || Acts(words, kDeedsOfRecords) || Marks(words)) return true;
  if (words.size() > 1 && IsOneOf(words[0], kWithObjects)) return true;
  return words.size() > 1 && words.back() == "all" && !IsOneOf(words[0], kReadsAll);
}

}  // namespace dbfleet::sql
