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
// With an object behind them, where nothing is given: lock_account, collect_payment.
constexpr absl::string_view kWithObjectsAlone[] = {
    "adjust", "attach", "block", "book", "collect", "consume", "correct", "credit",
    "debit", "decrease", "decrement", "deposit", "detach", "duplicate", "end", "increase",
    "increment", "invalidate", "issue", "leave", "link", "lock", "pause", "record", "reduce",
    "release", "replace", "resume", "rotate", "schedule", "swap", "toggle", "touch", "transfer",
    "unblock", "unlink",
};
// What a name ends with that is a column's, whatever verb stands in front of it: cancel_reason,
// ship_date.
constexpr absl::string_view kOfColumns[] = {
    "after", "amount", "at", "before", "by", "code", "cost", "count", "date", "day", "days",
    "deadline", "fee", "flag", "hours", "id", "ids", "kind", "label", "limit", "method", "minutes",
    "mode", "month", "name", "note", "notes", "number", "on", "path", "percentage", "period",
    "policy", "price", "quantity", "rate", "reason", "state", "status", "text", "time", "title",
    "total", "type", "until", "uri", "url", "value", "version", "window", "year",
};
// Verbs that make or change what is named behind them, so that few columns are called so.
constexpr absl::string_view kMakes[] = {
    "adjust", "correct", "decrease", "decrement", "duplicate", "fill", "fix", "generate",
    "increase", "increment", "invalidate", "populate", "put", "rebuild", "recalculate", "recompute",
    "reduce", "regenerate", "replace", "rotate", "set", "swap", "toggle", "touch", "write",
};
constexpr absl::string_view kOfMade[] = {
    "at", "by", "date", "id", "ids", "on", "reason", "type",
};
// Of sets of whatever: set_count.
constexpr absl::string_view kOfSets[] = {"count", "name", "number", "size", "time", "version"};
// Words that are nouns as often as verbs, and what stands behind the noun: credit_card, book_title,
// block_list.
constexpr absl::string_view kNouns[] = {
    "block", "book", "credit", "debit", "deposit", "end", "issue", "leave", "link", "lock",
    "record", "release", "resume", "schedule", "touch", "transfer",
};
constexpr absl::string_view kBehindNouns[] = {
    "address", "author", "authors", "balance", "card", "cards", "config", "cover", "data",
    "duration", "entries", "entry", "error", "errors", "events", "file", "files", "form", "format",
    "frequency", "genre", "hash", "height", "history", "holder", "interval", "isbn", "key", "level",
    "line", "lines", "list", "location", "log", "logs", "memo", "memos", "message", "options",
    "page", "pages", "params", "percent", "person", "point", "points", "position", "publisher",
    "queue", "request", "requests", "result", "results", "score", "scores", "seconds", "settings",
    "size", "tag", "tags", "template", "tracker", "transactions", "types", "unit", "units", "width",
};
// Columns by their whole name: ship_address, reset_token.
constexpr absl::string_view kColumns[] = {
    "accept_token", "activate_token", "bill_address", "bill_email", "cancel_comment", "cancel_link",
    "cancel_message", "cancel_token", "change_log", "change_logs", "change_message",
    "close_comment", "close_message", "confirm_link", "confirm_message", "confirm_token",
    "decline_comment", "decline_message", "deliver_address", "deny_comment", "deny_message",
    "dispatch_address", "end_user", "end_users", "fail_message", "invite_email", "invite_link",
    "invite_message", "invite_token", "notify_email", "notify_options", "notify_settings",
    "process_config", "process_options", "publish_options", "refund_comment", "register_address",
    "register_token", "reset_digest", "reset_link", "reset_password_token", "reset_token",
    "run_config", "run_options", "schedule_items", "ship_address", "ship_email", "ship_options",
    "start_address", "store_address", "store_config", "store_email", "store_options",
    "store_settings", "submit_comment", "submit_message", "subscribe_token", "sync_config",
    "sync_key", "sync_options", "sync_settings", "sync_token", "trigger_config", "unlock_token",
    "unsubscribe_hash", "unsubscribe_key", "unsubscribe_link", "unsubscribe_token",
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

bool IsColumn(absl::string_view name, const std::vector<std::string>& words) {
  if (words.size() < 2) return false;
  if (IsOneOf(name, kColumns)) return true;
  const std::string& verb = words[0];
  const std::string& noun = words.back();
  if (IsOneOf(verb, kMakes)) {
    return IsOneOf(noun, kOfMade) || (verb == "set" && words.size() == 2 && IsOneOf(noun, kOfSets));
  }
  if (IsOneOf(noun, kOfColumns)) return true;
  return IsOneOf(verb, kNouns) && IsOneOf(noun, kBehindNouns);
}

}  // namespace

bool NamesDeed(absl::string_view name) {
  if (Asks(name)) return false;
  const std::vector<std::string> words = WordsOf(name);
  if (words.empty() || IsColumn(name, words)) return false;
  return Acts(words, kDeeds) || Marks(words);
}

bool NamesDeedOfRecord(absl::string_view name, bool bare) {
  if (name == "valid_for_authentication?") return true;  // Devise's, which counts the failures.
  if (Asks(name)) return false;
  const std::vector<std::string> words = WordsOf(name);
  if (words.empty() || (bare && IsColumn(name, words))) return false;
  if (bare && words.size() > 1 && Acts(words, kWithObjectsAlone)) return true;
  if (Acts(words, kDeeds) || Acts(words, kDeedsOfRecords) || Marks(words)) return true;
  if (words.size() > 1 && IsOneOf(words[0], kWithObjects)) return true;
  return words.size() > 1 && words.back() == "all" && !IsOneOf(words[0], kReadsAll);
}

}  // namespace dbfleet::sql
