#include "common/sql/model/target.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::sql {
namespace {

// The versions that there are rules for, by their first number.
struct Known {
  absl::string_view name;
  Dialect dialect;
  Version lowest;
  Version highest;
};
constexpr int kAny = 1 << 20;
constexpr Known kKnown[] = {
    {"mysql", Dialect::kMySql, {5, 7, 0}, {9, kAny, kAny}},
    {"mariadb", Dialect::kMariaDb, {10, 0, 0}, {12, kAny, kAny}},
    {"postgresql", Dialect::kPostgres, {13, 0, 0}, {17, kAny, kAny}},
    {"redis", Dialect::kRedis, {6, 0, 0}, {7, kAny, kAny}},
    {"activerecord-php", Dialect::kActiveRecordPhp, {}, {}},
    {"activerecord-ruby", Dialect::kActiveRecordRuby, {}, {}},
};

absl::Status BadDialect(absl::string_view name, absl::string_view problem) {
  return Error(
      absl::StatusCode::kInvalidArgument, "BAD_DIALECT",
      absl::StrCat("the dialect \"", SanitizeForDisplay(Truncate(name, 60)), "\" ", problem,
                   "; write one of mysql-5.7 to mysql-9, mariadb-10 to mariadb-12, "
                   "postgresql-13 to postgresql-17, redis-6, redis-7, activerecord-php, "
                   "activerecord-ruby, or a name without its version"));
}

// A number at the head of `text`, which it takes away with the dot after it.
bool TakeNumber(absl::string_view* text, int* number) {
  size_t digits = 0;
  while (digits < text->size() && absl::ascii_isdigit((*text)[digits])) ++digits;
  if (digits == 0 || digits > 6 || !absl::SimpleAtoi(text->substr(0, digits), number)) return false;
  text->remove_prefix(digits);
  return true;
}

// Without what stands in front of the number: SELECT version() of PostgreSQL prints "PostgreSQL
// 15.8 (Debian ...) on ...", and MariaDB tells clients that ask in the protocol of old
// "5.5.5-10.11.6-MariaDB".
absl::string_view FromNumber(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  constexpr absl::string_view kPostgres = "PostgreSQL ";
  if (absl::StartsWithIgnoreCase(text, kPostgres)) text.remove_prefix(kPostgres.size());
  if (absl::StrContains(text, "MariaDB")) absl::ConsumePrefix(&text, "5.5.5-");
  return text;
}

}  // namespace

absl::StatusOr<Version> ParseVersion(absl::string_view text) {
  const absl::string_view whole = text;
  text = FromNumber(text);
  Version version;
  constexpr int kServerVersionNum = 10'000;  // PostgreSQL 15.4 calls itself 150004 as well.
  if (!TakeNumber(&text, &version.major) || version.major == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_VERSION",
                 absl::StrCat("\"", SanitizeForDisplay(Truncate(whole, 60)),
                              "\" is not a server's version; write one like 10.11.6 or 15.4"));
  }
  if (version.major >= kServerVersionNum) {
    version.minor = version.major % kServerVersionNum;
    version.major /= kServerVersionNum;
    return version;
  }
  if (absl::ConsumePrefix(&text, ".") && TakeNumber(&text, &version.minor) &&
      absl::ConsumePrefix(&text, ".")) {
    TakeNumber(&text, &version.patch);
  }
  return version;
}

int CountVersionParts(absl::string_view text) {
  int parts = 0;
  text = FromNumber(text);
  for (int number = 0; parts < 3 && TakeNumber(&text, &number);) {
    ++parts;
    if (!absl::ConsumePrefix(&text, ".")) break;
  }
  return parts;
}

absl::StatusOr<Target> ParseTarget(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const Known& known : kKnown) {
    absl::string_view rest = lower;
    if (!absl::ConsumePrefix(&rest, known.name)) continue;
    if (rest.empty()) return Target(known.dialect);
    if (!absl::ConsumePrefix(&rest, "-") || !known.lowest.known()) continue;
    const absl::StatusOr<Version> version = ParseVersion(rest);
    if (!version.ok()) return BadDialect(name, "has no version that can be read");
    if (*version <
            Version{known.lowest.major, rest.find('.') == rest.npos ? 0 : known.lowest.minor, 0} ||
        *version > known.highest) {
      return BadDialect(name, "has a version that there are no rules for");
    }
    const bool skipped =
        known.dialect == Dialect::kMySql && (version->major == 6 || version->major == 7);
    if (skipped) return BadDialect(name, "has a version that there never was: 8.0 came after 5.7");
    Target target(known.dialect, *version);
    target.version_parts = CountVersionParts(rest);
    return target;
  }
  return BadDialect(name, "is not known");
}

Target ServerTarget(Dialect dialect, absl::string_view version) {
  const absl::StatusOr<Version> parsed = ParseVersion(version);
  if (!parsed.ok()) return Target(dialect);
  const absl::StatusOr<Target> known =
      ParseTarget(absl::StrCat(NameOf(dialect), "-", NameOf(*parsed, 3)));
  return known.ok() ? *known : Target(dialect);
}

absl::string_view NameOf(Dialect dialect) {
  for (const Known& known : kKnown) {
    if (known.dialect == dialect) return known.name;
  }
  return "unknown";
}

std::string NameOf(const Version& version, int parts) {
  if (!version.known()) return "";
  std::string name = absl::StrCat(version.major);
  const bool patch = version.patch > 0 || parts > 2;
  if (version.minor > 0 || patch || parts > 1) absl::StrAppend(&name, ".", version.minor);
  if (patch) absl::StrAppend(&name, ".", version.patch);
  return name;
}

std::string NameOf(const Target& target) {
  if (!target.version.known()) return std::string(NameOf(target.dialect));
  return absl::StrCat(NameOf(target.dialect), "-", NameOf(target.version, target.version_parts));
}

}  // namespace dbfleet::sql
