#include "common/sql/lint/session.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/script.h"
#include "common/sql/model/engines.h"

namespace dbfleet::sql {
namespace {

// Those that rules ask for; others are not kept.
constexpr std::string_view kKept[] = {"lock_timeout", "statement_timeout", "role", "search_path"};

bool IsKept(const std::string& name) {
  return std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
}

// A limit of PostgreSQL's that is at least a millisecond, to which the server rounds: not "0", "0.0
// s", "100us". What is not understood is none.
bool IsLimit(absl::string_view value) {
  const auto strip = [&value] {
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  };
  strip();
  if (absl::StartsWith(value, "+")) value.remove_prefix(1);
  const size_t digits = std::min<size_t>(value.find_first_not_of("0123456789."), value.size());
  double number = 0;
  if (!absl::SimpleAtod(value.substr(0, digits), &number)) return false;
  value.remove_prefix(digits);
  strip();
  if (value == "us") number /= 1000;
  const bool known = value.empty() || value == "us" || value == "ms" || value == "s" ||
                     value == "min" || value == "h" || value == "d";
  const bool whole = value.empty() || value == "ms" || value == "us";
  // Half a millisecond is rounded to the even one, which is none.
  return known && (whole ? number > 0.5 : number * 1000 > 0.5);
}

bool IsOff(const SettingChange& change) {
  absl::string_view value = change.values.empty() ? absl::string_view() : change.values[0];
  if (value.size() > 1 && (value.front() == '\'' || value.front() == '"')) {
    value = value.substr(1, value.size() - 2);
  }
  return value == "0" || absl::EqualsIgnoreCase(value, "off") ||
         absl::EqualsIgnoreCase(value, "false");
}

bool HasValue(const SettingChange& change) {
  if (change.in_doubt || change.values.empty() || change.values[0].empty()) return false;
  if (change.name == "role") return change.values[0] != "none";
  return !absl::EndsWith(change.name, "_timeout") || IsLimit(change.values[0]);
}

}  // namespace

Session::Session(const Target& target) : postgres_(target.postgres()) {
  path_ = UnknownPath();
  if (!postgres_ && !target.database.empty()) path_ = {target.database, true, true, {}};
}

Session::Path Session::UnknownPath() {
  return {absl::StrCat("\x01", unknown_++), false, !names_temporary_, {}};
}

bool Session::place_guessed() const {
  return path_.known && !path_.behind.empty() && made_.count(path_.place) == 0;
}

bool Session::MayMean(const std::string& place, const std::string& other) const {
  const auto behind = behind_of_.find(place);
  return behind != behind_of_.end() &&
         std::any_of(behind->second.begin(), behind->second.end(), [&](const std::string& schema) {
           return schema == other || absl::StartsWith(schema, "$");  // "$user"
         });
}

bool Session::has_setting(const std::string& name) const {
  const auto local = local_.find(name);
  return local != local_.end() ? local->second : settings_.count(name) > 0;
}

void Session::Begin(int statement) {
  if (begin_ >= 0) return;
  begin_ = statement;
  path_at_begin_ = path_;
  path_is_local_ = path_changed_ = false;
  settings_at_begin_ = settings_;
}

void Session::End(bool takes_back) {
  if (begin_ >= 0 && takes_back) settings_ = settings_at_begin_;
  // A database of MySQL's stays the current one. Outside of a transaction that the script shows,
  // the path may have been any before it.
  if (postgres_ && takes_back) {
    path_ = begin_ >= 0 ? path_at_begin_ : UnknownPath();
  } else if (postgres_ && path_is_local_) {
    path_ = path_behind_local_;
  }
  path_is_local_ = false;
  local_.clear();
  begin_ = -1;
}

void Session::SetPath(const SettingChange& change) {
  bool temporary_first = !change.in_doubt || !change.values.empty();
  for (const std::string& schema : change.values) {
    if (absl::StartsWith(schema, "pg_temp")) temporary_first = false;
  }
  names_temporary_ = names_temporary_ || !temporary_first;
  Path path = UnknownPath();
  const bool knows = !change.in_doubt && !change.values.empty() && !change.values[0].empty() &&
                     !absl::StartsWith(change.values[0], "$") &&
                     !absl::StartsWith(change.values[0], "pg_temp");
  if (knows) {
    path.place = change.values[0];
    path.known = true;
    path.temporary_first = temporary_first;
    path.behind.assign(change.values.begin() + 1, change.values.end());
    // What was found by the one path need not be what the other one finds.
    if (!path.behind.empty()) {
      const auto before = behind_of_.emplace(path.place, path.behind).first;
      if (before->second != path.behind && made_.count(path.place) == 0) path = UnknownPath();
    }
  }
  // Without a transaction it changes nothing; but whoever runs the script may have begun one.
  if (change.local && begin_ < 0) path = UnknownPath();
  const bool local = change.local && begin_ >= 0;
  if (local && !path_is_local_) path_behind_local_ = path_;
  path_is_local_ = local;
  path_changed_ = true;
  path_ = std::move(path);
}

// What the server's own default is, is not known to be another one.
void Session::SetEngine(const SettingChange& change) {
  std::string engine = change.values.empty() ? "" : absl::AsciiStrToLower(change.values[0]);
  if (engine.size() > 1 && (engine.front() == '\'' || engine.front() == '"')) {
    engine = engine.substr(1, engine.size() - 2);
  }
  bool* doubt = change.name == "enforce_storage_engine" ? &engine_forced_ : &engine_in_doubt_;
  if (change.in_doubt || !KeepsItsOwnRows(engine)) {
    *doubt = true;
  } else if (engine != "default" && change.name == "default_storage_engine") {
    *doubt = false;
  }
}

void Session::Set(const SettingChange& change) {
  if (absl::EndsWith(change.name, "storage_engine")) return SetEngine(change);
  if (change.name == "foreign_key_checks") {
    foreign_keys_off_ = !change.in_doubt && IsOff(change);
    foreign_keys_in_doubt_ = change.in_doubt;
    return;
  }
  if (change.name == "autocommit") {
    autocommit_ = !IsOff(change);
    if (autocommit_) uncommitted_ = -1;
    return;
  }
  if (change.name == "search_path" || change.name == "database") SetPath(change);
  if (change.name == "all") {
    SetPath(change);
    const bool role = settings_.count("role") > 0;  // RESET ALL leaves it.
    settings_.clear();
    local_.clear();
    if (role) settings_.insert("role");
    return;
  }
  // "$user" in the path is another one.
  if (change.name == "role" || change.name == "session_authorization") {
    if (!path_.known) path_ = UnknownPath();
  }
  if (!IsKept(change.name)) return;
  if (change.local) {
    if (begin_ >= 0) local_[change.name] = HasValue(change);
    return;
  }
  local_.erase(change.name);
  if (HasValue(change)) {
    settings_.insert(change.name);
  } else {
    settings_.erase(change.name);
  }
}

void Session::NoteUncommitted(int statement, const Facts& facts) {
  const bool ends = facts.verb == Verb::kCommit || facts.verb == Verb::kRollback ||
                    facts.verb == Verb::kBegin || (IsDdl(facts.verb) && !facts.temporary);
  if (ends) uncommitted_ = -1;
  if (!autocommit_ && begin_ < 0 && uncommitted_ < 0 && ChangesRows(facts)) {
    uncommitted_ = statement;
  }
}

// What has the name of the place may be another schema then, or none.
void Session::NoteSchema(const Facts& facts) {
  if (facts.verb == Verb::kCreateSchema && !facts.objects.empty()) {
    made_.insert(facts.objects[0].name);
  } else if (facts.verb == Verb::kAlterSchema || facts.verb == Verb::kDropSchema ||
             facts.takes_back) {
    made_.clear();
  }
  const bool renames =
      facts.verb == Verb::kAlterSchema &&
      std::any_of(facts.alterations.begin(), facts.alterations.end(),
                  [](const Alteration& alteration) { return !alteration.new_name.empty(); });
  const bool drops = facts.verb == Verb::kDropSchema &&
                     std::any_of(facts.objects.begin(), facts.objects.end(), [&](const Name& name) {
                       return absl::EqualsIgnoreCase(name.name, path_.place);
                     });
  if (renames || drops) path_ = UnknownPath();
}

void Session::Forget() {
  foreign_keys_off_ = false;
  foreign_keys_in_doubt_ = true;
  made_.clear();
  path_ = UnknownPath();
  path_is_local_ = false;
  path_changed_ = true;
  for (const char* limit : {"lock_timeout", "statement_timeout"}) {
    settings_.erase(limit);
    local_.erase(limit);
  }
}

void Session::Note(int statement, const Facts& facts) {
  if (facts.new_session) {
    path_ = UnknownPath();
    made_.clear();
    engine_in_doubt_ = engine_forced_ = foreign_keys_off_ = false;
    settings_.clear();
    local_.clear();
    begin_ = uncommitted_ = -1;
    autocommit_ = true;
    return;
  }
  if (facts.verb == Verb::kBegin) Begin(statement);
  if (facts.verb == Verb::kCommit || facts.verb == Verb::kRollback) {
    const bool goes_on = facts.chain && (in_transaction() || !postgres_);
    End(facts.takes_back || facts.verb == Verb::kRollback);
    if (goes_on) Begin(statement);
  } else if (facts.takes_back && begin_ >= 0) {
    // To a savepoint: what was set since then is not told apart from what was set before it.
    settings_ = settings_at_begin_;
    local_.clear();
    if (path_changed_) {
      path_ = UnknownPath();
      path_is_local_ = false;
    }
  }
  NoteUncommitted(statement, facts);
  // MySQL's and MariaDB's DDL commits what is open.
  if (!postgres_ && begin_ >= 0 && IsDdl(facts.verb) && !facts.temporary) End(false);
  NoteSchema(facts);
  for (const SettingChange& change : facts.settings) Set(change);
  // Readers that say no more than the name.
  if (facts.verb == Verb::kSet && facts.settings.empty() && IsKept(facts.setting)) {
    settings_.insert(facts.setting);
  }
}

}  // namespace dbfleet::sql
