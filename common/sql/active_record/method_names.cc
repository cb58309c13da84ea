#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

// What the words of a method's name say.
namespace dbfleet::sql {
namespace {

// Words of names behind which something is written, or run. What has an ending more (created_at,
// updates, importance) says what was done, or what it is about.
constexpr absl::string_view kWrites[] = {
    "clear",   "create", "delete", "destroy", "drop",   "exec", "execute",  "import", "insert",
    "migrate", "query",  "raw",    "remove",  "rename", "save", "truncate", "update", "upsert"};
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
  if (IsOneOf(absl::AsciiStrToLower(name), kOthers)) return false;
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

}  // namespace dbfleet::sql
