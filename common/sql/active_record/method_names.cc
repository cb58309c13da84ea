#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

// What the words of a method's name say.
namespace dbfleet::sql {
namespace {

// Words of names behind which something is written, or run. What has an ending more (created_at,
// updates, importance) says what was done, or what it is about.
constexpr absl::string_view kWrites[] = {"clear", "create",   "delete", "destroy", "drop",
                                         "exec",  "execute",  "import", "insert",  "migrate",
                                         "purge", "query",    "raw",    "remove",  "rename",
                                         "save",  "truncate", "update", "upsert"};
constexpr absl::string_view kEndings[] = {"able", "ance",   "ant",  "d",   "down", "ed",   "er",
                                          "ing",  "ly",     "ness", "or",  "r",    "s",    "ution",
                                          "utor", "utable", "ion",  "ped", "pped", "pping"};

bool IsWriteWord(absl::string_view word) {
  for (absl::string_view write : kWrites) {
    absl::string_view rest = word;
    if (!absl::ConsumePrefix(&rest, write)) continue;
    // Words that run into each other: PHP's names are not told apart by case.
    if (rest.empty() ||
        (rest.size() > 2 && write.size() > 3 && write != "exec" &&
         std::find(std::begin(kEndings), std::end(kEndings), rest) == std::end(kEndings))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool NamesWrite(absl::string_view name) {
  // Words of requests, pages and measurements.
  static constexpr absl::string_view kOthers[] = {"createaccessdeniedexception",
                                                  "createattribute",
                                                  "createelement",
                                                  "createelementns",
                                                  "createform",
                                                  "createformbuilder",
                                                  "createnotfoundexception",
                                                  "createprogressbar",
                                                  "createquerybuilder",
                                                  "createtextnode",
                                                  "createview",
                                                  "execution_time",
                                                  "getquerybuilder",
                                                  "query_parameters",
                                                  "query_params",
                                                  "query_string",
                                                  "raw_post",
                                                  "removeattribute",
                                                  "removechild"};
  static constexpr absl::string_view kOfRedis[] = {"flushall", "flushdb"};
  if (IsOneOf(absl::AsciiStrToLower(name), kOthers)) return false;
  if (IsOneOf(absl::AsciiStrToLower(name), kOfRedis)) return true;
  std::string word;
  for (size_t i = 0; i <= name.size(); ++i) {
    const bool letter = i < name.size() && absl::ascii_isalpha(static_cast<unsigned char>(name[i]));
    const bool begins = letter && absl::ascii_isupper(static_cast<unsigned char>(name[i])) &&
                        i > 0 && absl::ascii_islower(static_cast<unsigned char>(name[i - 1]));
    if (!letter || begins) {
      if (IsWriteWord(word)) return true;
      word.clear();
    }
    if (letter) word.push_back(absl::ascii_tolower(static_cast<unsigned char>(name[i])));
  }
  return false;
}

bool NamesAttribute(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "address",   "age",       "amount",  "author",  "birthday", "body",       "category",
      "city",      "code",      "color",   "comment", "company",  "content",    "country",
      "currency",  "customer",  "date",    "day",     "email",    "first_name", "full_name",
      "last_name", "user_name", "height",  "id",      "key",      "kind",       "label",
      "locale",    "login",     "message", "name",    "notes",    "number",     "owner",
      "parent",    "phone",     "price",   "profile", "quantity", "rating",     "role",
      "score",     "size",      "slug",    "state",   "status",   "street",     "subject",
      "text",      "title",     "token",   "total",   "type",     "url",        "user",
      "username",  "uuid",      "value",   "version", "weight",   "zip"};
  if (NamesWrite(name) || name.empty()) return false;
  if (name.back() == '?' || IsOneOf(name, kNames)) return true;
  // What has more words may be a verb and its object: archive_posts.
  return absl::EndsWith(name, "_at") || absl::EndsWith(name, "_by") ||
         absl::EndsWith(name, "_id") || absl::EndsWith(name, "_ids") ||
         (!absl::StrContains(name, "_") && NamesCollection(name));
}

bool NamesCollection(absl::string_view name) {
  if (name == "children" || name == "people" || name == "attributes") return true;
  return absl::EndsWith(name, "s") && !absl::EndsWith(name, "ss") && !absl::EndsWith(name, "us") &&
         !absl::EndsWith(name, "is");
}

bool ChangesTextOrList(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "capitalize!", "chomp!",      "chop!",           "collect!",
      "compact!",    "deep_merge!", "delete_prefix!",  "delete_suffix!",
      "downcase!",   "encode!",     "except!",         "extract!",
      "fetch!",      "filter!",     "flatten!",        "force_encoding!",
      "gsub!",       "keep_if!",    "lstrip!",         "map!",
      "merge!",      "next!",       "permit!",         "reject!",
      "reverse!",    "rotate!",     "rstrip!",         "scrub!",
      "select!",     "shuffle!",    "slice!",          "sort!",
      "sort_by!",    "squeeze!",    "squish!",         "stringify_keys!",
      "strip!",      "sub!",        "swapcase!",       "symbolize_keys!",
      "titleize!",   "tr!",         "transform_keys!", "transform_values!",
      "uniq!",       "upcase!"};
  return IsOneOf(name, kNames);
}

bool BuildsSql(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  if (lower == "group_by") return false;  // Of lists.
  for (absl::string_view word : {"where", "order", "having", "group", "joins"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return absl::EndsWith(lower, "raw") || absl::EndsWith(lower, "sql");
}

}  // namespace dbfleet::sql
