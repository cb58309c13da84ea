#include "common/sql/active_record/association_walk.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/base/text.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/whole_tables.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// In tokens: as far in front of a body its parameters are looked for.
constexpr size_t kMostParameters = 60;

bool LoadsAhead(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"eager_load",  "includes", "load",
                                                 "loadmissing", "preload",  "with"};
  return IsOneOf(name, kNames);
}

// What follows is over other things than records.
bool GivesOthers(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "chunk",      "chunkbyid", "column_names", "columns",  "count",           "each_cons",
      "each_slice", "group",     "group_by",     "groupby",  "find_in_batches", "in_batches",
      "ids",        "in_groups", "keyby",        "index_by", "in_groups_of",    "partition",
      "pick",       "pluck",     "select_map"};
  return IsOneOf(name, kNames);
}

// An attribute that records have, and neither texts, numbers nor times: o.customer.name is one of
// another record, o.created_at.year and o.email.size are not.
bool IsAttributeOfRecord(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "address", "city",       "code", "company", "country",   "description",
      "email",   "first_name", "id",   "label",   "last_name", "name",
      "phone",   "price",      "slug", "title",   "username"};
  return IsOneOf(name, kNames) || absl::EndsWith(name, "_name") || absl::EndsWith(name, "_id");
}

// Not o.class.name, nor what by its name is an enumeration, a file or a text.
bool MayBeAssociation(absl::string_view name) {
  static constexpr absl::string_view kOthers[] = {
      "avatar", "class", "constructor", "errors",          "file",  "image",  "kind", "model_name",
      "pivot",  "role",  "settings",    "singleton_class", "state", "status", "type"};
  return !IsOneOf(name, kOthers) && !absl::EndsWith(name, "_type") &&
         !absl::EndsWith(name, "_status") && !absl::EndsWith(name, "_state") &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
         });
}

std::string WalkedIn(const HostProgram& program, absl::string_view record, HostRange body,
                     bool in_text);

// "{$order->customer->name}"
std::string WalkedInText(const HostProgram& program, absl::string_view record,
                         const HostToken& text) {
  for (const StringPart& part : text.parts) {
    if (!part.is_code || !absl::StrContains(part.text, record)) continue;
    const auto code = HostProgram::Read(
        program.php() ? Dialect::kActiveRecordPhp : Dialect::kActiveRecordRuby, part.text);
    if (!code.ok()) continue;
    std::string walked = WalkedIn(*code, record, {0, code->size()}, true);
    if (!walked.empty()) return walked;
  }
  return "";
}

std::string WalkedIn(const HostProgram& program, absl::string_view record, HostRange body,
                     bool in_text) {
  for (size_t i = body.begin; i < body.end; ++i) {
    const HostToken& token = program[i];
    if (token.kind == HostTokenKind::kString && !in_text) {
      std::string walked = WalkedInText(program, record, token);
      if (!walked.empty()) return walked;
    }
    if (token.text != record || program.IsMember(i - 1) || !program.IsMember(i + 1) ||
        !program.IsMember(i + 3)) {
      continue;
    }
    const HostToken& first = program[i + 2];
    const HostToken& second = program[i + 4];
    const bool names = first.kind == HostTokenKind::kName && second.kind == HostTokenKind::kName;
    if (names && !program[i + 5].Is("(") && MayBeAssociation(first.text) &&
        IsAttributeOfRecord(second.text)) {
      return SanitizeForDisplay(Truncate(first.text, 60));
    }
  }
  return "";
}

}  // namespace

std::string WalkedAssociation(const HostProgram& program, const HostChain& chain,
                              absl::string_view record, HostRange body) {
  if (record.empty() || chain.receiver_kind != Receiver::kClass || !IsModelClass(chain.receiver) ||
      !IsNamedAsModel(chain.receiver)) {
    return "";
  }
  for (const HostCall& call : chain.calls) {
    const std::string name = absl::AsciiStrToLower(call.name);
    if (LoadsAhead(name) || GivesOthers(name)) return "";
  }
  return WalkedIn(program, record, body, false);
}

absl::string_view FirstParameter(const HostProgram& program, size_t body) {
  absl::string_view first;
  if (!program.php()) {
    if (!program[body - 1].Is("|")) return "";
    for (size_t i = body - 2; i + kMostParameters > body && i > 0; --i) {
      if (program[i].Is("|")) return first;
      if (program[i].Is("(") || program[i].Is(")")) return "";
      if (program[i].kind == HostTokenKind::kName) first = program[i].text;
    }
    return "";
  }
  for (size_t i = body - 1; i + kMostParameters > body && i > 0; --i) {
    if (program[i].IsName("function")) return first;
    if (program[i].IsName("use")) first = "";
    if (program[i].kind == HostTokenKind::kVariable) first = program[i].text;
  }
  return "";
}

}  // namespace dbfleet::sql
