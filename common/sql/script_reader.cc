#include "common/sql/script_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/text.h"
#include "common/sql/script_effects.h"
#include "common/sql/script_words.h"
#include "common/sql/sql.h"
#include "common/sql/text/psql_commands.h"

namespace dbfleet::sql {
namespace {

// Beyond this many, any name may be one of them.
constexpr size_t kMostNames = 100'000;
constexpr size_t kMostDatabases = 4;

bool IsUse(absl::string_view head) { return head == "USE" || absl::StartsWith(head, "USE "); }

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

// What the server takes when it reads its settings again, or for a new session.
bool SetsForLater(absl::string_view head) {
  return head == "ALTER SYSTEM" || head == "ALTER ROLE" || head == "ALTER USER" ||
         head == "ALTER DATABASE";
}

bool Promises(const Verdict& verdict) {
  return verdict.safety == Safety::kSafe || verdict.adds_only;
}

std::string Place(const Statement& statement) { return absl::StrCat("line ", statement.line); }

}  // namespace

ScriptReader::ScriptReader(const Target& target) : target_(target), databases_({target.database}) {}

Reading ScriptReader::Read(const Statement& statement) {
  Reading reading =
      statement.client_command ? ReadClientCommand(statement) : ReadWhereItMayRun(statement);
  if (!target_.mysql_family() && !target_.postgres()) return reading;
  if (!statement.client_command) {
    HoldAgainstScript(statement, &reading);
    Note(statement, reading);
    NoteFresh(reading);
  }
  TellOnce(statement, &reading);
  return reading;
}

// One cause that is told with each of a thousand statements hides the others.
void ScriptReader::TellOnce(const Statement& statement, Reading* reading) {
  Verdict& verdict = reading->verdict;
  const std::string* const causes[] = {&strings_, &unseen_, &beneath_, &serializable_,
                                       &statement.client_doubt};
  for (const std::string* cause : causes) {
    if (cause->empty()) continue;
    const auto reason = std::find(verdict.reasons.begin(), verdict.reasons.end(), *cause);
    if (reason == verdict.reasons.end()) continue;
    const auto [told, first] = told_.emplace(*cause, statement.line);
    if (first) continue;
    // Where it began, if that is known: what is told of one statement may be told of it alone.
    const auto begun = begun_.find(*cause);
    const std::string reference =
        begun != begun_.end()
            ? absl::StrCat("in doubt since the statement at line ", begun->second)
            : absl::StrCat("in doubt for the reason that is told at line ", told->second);
    if (verdict.doubt == *cause) verdict.doubt = reference;
    verdict.reasons.erase(reason);
    AddReason(reference, &verdict.reasons);
  }
}

// \connect and \encoding of psql, which no server sees. What has one word or two behind it is a
// database and a role; "-" is the one at hand.
Reading ScriptReader::ReadClientCommand(const Statement& statement) {
  Reading reading;
  Verdict& verdict = reading.verdict;
  verdict.kind = Kind::kControl;
  constexpr size_t kMostWords = 3;
  const std::vector<absl::string_view> words =
      absl::StrSplit(statement.text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const bool plain = words.size() <= kMostWords &&
                     std::all_of(statement.text.begin() + 1, statement.text.end(), [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                              absl::StrContains(" \t_-", absl::string_view(&c, 1));
                     });
  const absl::string_view word = words.empty() ? "" : words[0].substr(1);
  reading.facts.new_session = word == "c" || word == "connect";
  verdict.transactional = !reading.facts.new_session;
  if (!ChangesConnection(word)) {
    Doubt(
        "a command of psql that runs or changes what is not in this script; remove it, or put "
        "what it stands for into the script",
        &reading);
    if (!LeavesStatements(word, statement.text)) {
      MadeUnseen("may run what is not in this script", statement);
    }
    return reading;
  }
  if (!statement.client_doubt.empty()) {
    Doubt(statement.client_doubt, &reading);
    return reading;
  }
  if (!plain) {
    Doubt("it may connect to another server, of which nothing is known", &reading);
    MadeUnseen("may connect to another server", statement);
    return reading;
  }
  verdict.understood = reading.facts.complete = true;
  verdict.effects.undo = Undo::kNothingToUndo;
  if (reading.facts.new_session && words.size() == kMostWords && words[2] != "-") {
    AddReason("changes the session: role, transaction and settings", &verdict.reasons);
    return reading;
  }
  verdict.safety = Safety::kSafe;
  return reading;
}

Reading ScriptReader::ReadWhereItMayRun(const Statement& statement) const {
  Target there = target_;
  there.database = databases_[0];
  Reading reading = sql::Read(there, statement);
  for (size_t i = 1; i < databases_.size(); ++i) {
    there.database = databases_[i];
    Reading other = sql::Read(there, statement);
    if (!other.verdict.credentials || reading.verdict.credentials) continue;
    for (const std::string& reason : other.verdict.reasons) Doubt(reason, &reading);
    reading.verdict.credentials = true;
  }
  return reading;
}

// Whether a name in the statement is one of `names`.
bool ScriptReader::NamesMade(const Statement& statement, const std::set<std::string>& names,
                             std::string* which) const {
  if (names.empty()) return false;
  for (const Token& token : TokensOf(target_, statement.text)) {
    if (!MayBeName(target_, token)) continue;
    *which = PlainName(token);
    if (names.count(*which) > 0) return true;
    // An escaped name may be any; beyond ASCII a server may take two names for one.
    if (which->empty() || !IsAscii(*which)) {
      *which = std::string(token.text);
      return true;
    }
  }
  return false;
}

// The same of views and tables, whose names may also stand for something else.
bool ScriptReader::ReadsMade(const Statement& statement, const Verdict& verdict,
                             std::string* which) const {
  if (!NamesMade(statement, relations_, which)) return false;
  if (!target_.postgres()) {
    Statement tables = statement;
    const std::string names = PlacesOfTables(target_, statement.text);
    tables.text = names;
    return NamesMade(tables, relations_, which);
  }
  return std::any_of(verdict.uses.begin(), verdict.uses.end(), [&](const ObjectUse& use) {
    Statement name;
    name.text = use.name;
    return NamesMade(name, relations_, which);
  });
}

void ScriptReader::HoldAgainstScript(const Statement& statement, Reading* reading) const {
  if (!strings_.empty()) return Doubt(strings_, reading);
  if (!Promises(reading->verdict)) return;
  const std::string head = HeadOfStatement(statement);
  if (!lost_ && (absl::StartsWith(head, "SHOW") || IsUse(head))) return;
  if (!unseen_.empty()) return Doubt(unseen_, reading);
  std::string which;
  const bool adds = reading->verdict.safety != Safety::kSafe;
  if (ReadsMade(statement, reading->verdict, &which) || NamesMade(statement, made_, &which) ||
      (adds && NamesMade(statement, triggered_, &which))) {
    Doubt(absl::StrCat("names ", SanitizeForDisplay(Truncate(which, 64)),
                       IsAscii(which) ? ", which" : ", which the server may take for a name that",
                       " the script itself made or changed; what it does is not known to only "
                       "read"),
          reading);
  }
  if (!beneath_.empty() && !reading->verdict.uses.empty() && !FillsFreshTable(*reading)) {
    Doubt(beneath_, reading);
  }
  const bool describes = head == "DESC" || absl::StartsWith(head, "DESCRIBE");
  if (!serializable_.empty() && !adds && !describes && !reading->verdict.uses.empty()) {
    reading->verdict.safety = Safety::kDestructive;
    reading->verdict.effects.locks_rows = true;
    AddReason(serializable_, &reading->verdict.reasons);
  }
}

// Whatever the statement's own class is.
bool ScriptReader::MayRunMade(const Statement& statement, const Reading& reading) const {
  if (!target_.postgres() || !unseen_.empty() ||
      !RunsCodeOfObjects(reading.facts, HeadOfStatement(statement))) {
    return false;
  }
  const Verdict& verdict = reading.verdict;
  std::string which;
  return (!beneath_.empty() && !verdict.uses.empty()) || (fires_ && ChangesRowsOf(verdict)) ||
         NamesMade(statement, made_, &which) || ReadsMade(statement, verdict, &which);
}

std::string ScriptReader::HeadOfStatement(const Statement& statement) const {
  constexpr size_t kEnough = 500;
  const absl::string_view text = statement.text;
  return HeadOf(TokensOf(target_, text.substr(std::min(statement.content, text.size()), kEnough)));
}

void ScriptReader::MadeUnseen(absl::string_view what, const Statement& statement) {
  if (!unseen_.empty()) return;
  unseen_ = absl::StrCat("the script's statement at ", Place(statement), " ", what,
                         ", so that names may stand for what is not known to only read");
  begun_[unseen_] = statement.line;
}

// All that the statement is about, by the last part of its name.
void ScriptReader::Make(const Reading& reading, std::set<std::string>* names) {
  bool beyond_ascii = false;
  const auto add = [&](absl::string_view name) {
    if (!name.empty() && names->size() < kMostNames) names->insert(absl::AsciiStrToLower(name));
    beyond_ascii = beyond_ascii || !IsAscii(name);
  };
  for (const Name& name : reading.facts.objects) add(name.name);
  for (const Alteration& alteration : reading.facts.alterations) {
    const bool partition = alteration.kind == AlterationKind::kAttachPartition ||
                           alteration.kind == AlterationKind::kDetachPartition;
    if (!partition) add(alteration.new_name);
  }
  // INHERIT and ATTACH PARTITION change the other table as well.
  const bool all = reading.facts.verb == Verb::kAlterTable;
  for (const ObjectUse& use : reading.verdict.uses) {
    if (!all && use.access != Access::kDefine) continue;
    std::string last;
    for (const Token& token : TokensOf(target_, use.name)) {
      if (token.IsName()) last = PlainName(token);
    }
    add(last);
  }
  if (beyond_ascii && unseen_.empty()) {
    unseen_ =
        "the script makes something with a name beyond ASCII, which the server may take for "
        "another name";
  }
}

// Also where rows of another table are changed.
void ScriptReader::MakeFiring(const Reading& reading) {
  Make(reading, &triggered_);
  fires_ = true;
}

// Views of PostgreSQL hold on to what they read, not to its name: what is new is in none of them.
void ScriptReader::MakeCode(const Statement& statement, const Reading& reading,
                            std::set<std::string>* names) {
  Make(reading, names);
  const Facts& facts = reading.facts;
  const bool creates = facts.verb == Verb::kCreateView || facts.verb == Verb::kCreateRoutine ||
                       facts.verb == Verb::kCreateType || facts.verb == Verb::kCreateDomain;
  if (!beneath_.empty() || (target_.postgres() && creates && !facts.or_replace && !removed_))
    return;
  beneath_ = absl::StrCat("the script's statement at ", Place(statement),
                          " makes what views that are there already may read; what it does is not "
                          "known to only read");
  begun_[beneath_] = statement.line;
}

// CREATE VIEW ... AS query: what the query does.
void ScriptReader::NoteView(const Statement& statement, const Reading& reading) {
  if (reading.facts.as_query) return;  // A materialized one holds rows.
  int depth = 0;
  bool view = false;
  for (const Token& token : TokensOf(target_, statement.text)) {
    view = view || token.IsWord("VIEW");
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth != 0 || !view || !token.IsWord("AS")) continue;
    Statement body = statement;
    body.text = statement.text.substr(token.offset + token.text.size());
    body.content = 0;
    Reading inner = ReadWhereItMayRun(body);
    HoldAgainstScript(body, &inner);
    // What is changed through it.
    const auto is_own = [&](const ObjectUse& use) {
      return IsServersOwnUse(target_, databases_, use);
    };
    if (std::any_of(inner.verdict.uses.begin(), inner.verdict.uses.end(), is_own)) {
      MakeFiring(reading);
    }
    if (inner.verdict.safety == Safety::kSafe) return;
    break;
  }
  MakeCode(statement, reading, &relations_);
}

void ScriptReader::NoteTable(const Statement& statement, const Reading& reading) {
  const Facts& facts = reading.facts;
  const bool elsewhere = facts.object_type == "foreign table" ||
                         (target_.mysql_family() && NamesForeignEngine(target_, statement.text));
  bool enables = false;  // Triggers, rules, policies.
  for (const Token& token : TokensOf(target_, statement.text)) {
    enables = enables || token.IsWord("ENABLE");
  }
  enables = enables && target_.postgres() && facts.verb == Verb::kAlterTable;
  // Also LIKE and ENGINE=MERGE UNION=(...).
  std::string which;
  const bool made = NamesMade(statement, made_, &which) || NamesMade(statement, relations_, &which);
  if (elsewhere || enables || made) MakeCode(statement, reading, &relations_);
  const bool defines = reading.verdict.defines_unknown_code != UnknownCode::kNone;
  if (enables || defines || DefinesCalls(target_, statement.text) ||
      NamesMade(statement, triggered_, &which)) {
    MakeFiring(reading);
  }
}

void ScriptReader::NoteUse(const Statement& statement) {
  const std::vector<Token> tokens = TokensOf(target_, statement.text);
  const bool commented = std::any_of(tokens.begin(), tokens.end(), IsMark);
  std::string database;
  for (const Token& token : tokens) {
    if (MayBeName(target_, token)) database = PlainName(token);
  }
  // A server may skip the comment.
  if (!commented) databases_.clear();
  if (std::find(databases_.begin(), databases_.end(), database) == databases_.end()) {
    databases_.push_back(database);
  }
  if (databases_.size() > kMostDatabases) {
    databases_.pop_back();
    MadeUnseen("may have changed the database", statement);
  }
}

void ScriptReader::NoteOther(const Statement& statement, const Reading& reading) {
  const std::string head = HeadOfStatement(statement);
  const std::string& type = reading.facts.object_type;
  if (absl::StrContains(head, " POLICY") || absl::StrContains(head, " RULE")) {
    MakeCode(statement, reading, &relations_);
    return Make(reading, &made_);  // Its own name stands beside the table's.
  }
  if (head == "ALTER VIEW") {
    std::string which;
    if (NamesMade(statement, relations_, &which)) MakeCode(statement, reading, &relations_);
    return;
  }
  // CREATE SCHEMA ... CREATE VIEW ...
  const bool holds_others = target_.postgres() && head == "CREATE SCHEMA" && type == "schema" &&
                            !reading.verdict.uses.empty();
  if (!MakesNothing(head) || holds_others) {
    MadeUnseen("may make or run code that is not in the script", statement);
  }
}

void ScriptReader::NoteRemoved(const Statement& statement, const Facts& facts) {
  if (removed_ || facts.verb == Verb::kSelect) return;
  const std::string head = HeadOfStatement(statement);
  removed_ = absl::StartsWith(head, "DROP ");
  if (!absl::StartsWith(head, "ALTER ")) return;
  for (const Token& token : TokensOf(target_, statement.text)) {
    removed_ = removed_ || token.IsWord("RENAME") || token.IsWord("SCHEMA");
  }
}

// MySQL and MariaDB: what a stored function sets of the session stays set, but what decides how
// statements are read.
void ScriptReader::NoteIsolation(const Statement& statement, const Reading& reading) {
  if (!serializable_.empty()) return;
  const Verb verb = reading.facts.verb;
  const bool sets = verb == Verb::kSet || verb == Verb::kCreateRoutine;
  const bool calls = verb != Verb::kCreateRoutine && verb != Verb::kCreateView &&
                     reading.verdict.runs_unknown_code != UnknownCode::kNone;
  if (!calls && !(sets && MaySetSerializable(target_, statement.text))) return;
  serializable_ = absl::StrCat("the script's statement at ", Place(statement),
                               calls ? " runs code that is not in the script, which" : "",
                               " may set the isolation level SERIALIZABLE, in which a query locks "
                               "the rows that it reads until its transaction ends");
}

void ScriptReader::Note(const Statement& statement, const Reading& reading) {
  const Facts& facts = reading.facts;
  const Verdict& verdict = reading.verdict;
  if (facts.strings_in_doubt && strings_.empty()) {
    strings_ = absl::StrCat("where it begins depends on where the strings of the statement at ",
                            Place(statement), " end, which is not known");
    begun_[strings_] = statement.line;
  }
  if (target_.mysql_family() && IsUse(HeadOfStatement(statement))) return NoteUse(statement);
  if (target_.mysql_family()) NoteIsolation(statement, reading);
  if (target_.postgres() && verdict.runs_unknown_code != UnknownCode::kNone) {
    return MadeUnseen("runs code that is not in the script", statement);
  }
  if (ChangesServersOwn(target_, databases_, facts, verdict)) {
    return MadeUnseen("changes one of the server's own tables", statement);
  }
  if (MayRunMade(statement, reading)) {
    MadeUnseen("may run what the script made or changed", statement);
  }
  NoteRemoved(statement, facts);
  const std::string lower = target_.postgres() ? absl::AsciiStrToLower(statement.text) : "";
  if (target_.postgres() && (facts.verb == Verb::kSet || absl::StrContains(lower, "set_config") ||
                             SetsForLater(HeadOfStatement(statement)))) {
    if (MayHideBuiltIns(target_, statement.text)) {
      MadeUnseen("sets a search_path that may hide built-in names", statement);
    }
    if (absl::StrContains(lower, "default_table_access_method")) {
      MadeUnseen("sets an access method, which may be a library's", statement);
    }
  }
  if (target_.mysql_family() && facts.verb == Verb::kSet &&
      absl::StrContains(absl::AsciiStrToLower(statement.text), "storage_engine") &&
      NamesForeignEngine(target_, statement.text)) {
    MadeUnseen("sets a storage engine whose tables stand elsewhere", statement);
  }
  if (verdict.safety == Safety::kSafe && facts.verb != Verb::kOther) return;
  switch (facts.verb) {
    case Verb::kSelect:
    case Verb::kInsert:
    case Verb::kUpdate:
    case Verb::kDelete:
    case Verb::kMerge:
    case Verb::kCopy:
    case Verb::kTruncate:
      // MySQL's functions make no objects. What of PostgreSQL's is unknown was looked at.
      if (absl::StrContains(lower, "pg_settings") &&
          (facts.verb != Verb::kSelect || absl::StrContains(lower, "update") ||
           absl::StrContains(lower, "merge"))) {
        MadeUnseen("may change settings", statement);
      }
      return;
    case Verb::kExecutesText:
      return MadeUnseen("runs code that is not in the script", statement);
    default:
      break;
  }
  if (target_.mysql_family() && OnlyShows(TokensOf(target_, statement.text))) return;
  if (!verdict.understood && facts.verb == Verb::kOther) {
    lost_ = true;
    return MadeUnseen("is not understood", statement);
  }
  switch (facts.verb) {
    case Verb::kCreateView:
      return NoteView(statement, reading);
    case Verb::kCreateRoutine:
    case Verb::kAlterRoutine:
      if (facts.object_type == "trigger") return MakeFiring(reading);
      if (facts.object_type == "event trigger" || facts.objects.empty()) {
        return MadeUnseen("makes code that statements run", statement);
      }
      // A routine runs where something fires it.
      Make(reading, &triggered_);
      fires_ = fires_ || facts.object_type == "rule";
      return MakeCode(statement, reading, &made_);
    case Verb::kCreateType:
    case Verb::kAlterType:
    case Verb::kCreateDomain:
    case Verb::kAlterDomain:
      return MakeCode(statement, reading, &made_);
    case Verb::kCreateIndex:
      if (verdict.defines_unknown_code != UnknownCode::kNone) MakeFiring(reading);
      return;
    case Verb::kCreateTable:
    case Verb::kAlterTable:
    case Verb::kRenameTable:
    case Verb::kAlterSchema:
      return NoteTable(statement, reading);
    case Verb::kCreateSchema:
    case Verb::kOther:
      return NoteOther(statement, reading);
    default:
      return;
  }
}

}  // namespace dbfleet::sql
