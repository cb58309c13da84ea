#include "common/sql/mysql/words.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kLongest = 40;
constexpr size_t kSlots = 2048;
static_assert(std::size(kWords) * 2 < kSlots);

constexpr bool Sorted() {
  for (size_t i = 0; i < std::size(kWords); ++i) {
    if (kWords[i].size() > kLongest) return false;
    if (i > 0 && !(kWords[i - 1] < kWords[i])) return false;
  }
  return true;
}
static_assert(Sorted());

constexpr uint32_t kBasis = 2166136261u;
constexpr uint32_t Mix(uint32_t hash, char upper) {
  return (hash ^ static_cast<unsigned char>(upper)) * 16777619u;
}
constexpr size_t SlotOf(uint32_t hash) { return (hash ^ (hash >> 15)) % kSlots; }

// Open addressing, made by the compiler.
constexpr std::array<Word, kSlots> MakeTable() {
  std::array<Word, kSlots> table{};
  for (size_t i = 0; i < std::size(kWords); ++i) {
    uint32_t hash = kBasis;
    for (char c : kWords[i]) hash = Mix(hash, c);
    size_t slot = SlotOf(hash);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<Word>(i + 1);
  }
  return table;
}
constexpr std::array<Word, kSlots> kTable = MakeTable();

constexpr Word kEndsName[] = {
    K("ALL"),       K("AND"),           K("AS"),        K("ASC"),      K("BETWEEN"), K("BY"),
    K("CASE"),      K("CROSS"),         K("DESC"),      K("DISTINCT"), K("DIV"),     K("ELSE"),
    K("END"),       K("ESCAPE"),        K("EXCEPT"),    K("EXISTS"),   K("FALSE"),   K("FETCH"),
    K("FOR"),       K("FROM"),          K("GROUP"),     K("HAVING"),   K("IF"),      K("IN"),
    K("INNER"),     K("INTERSECT"),     K("INTERVAL"),  K("INTO"),     K("IS"),      K("JOIN"),
    K("LEFT"),      K("LIKE"),          K("LIMIT"),     K("LOCK"),     K("NATURAL"), K("NOT"),
    K("NULL"),      K("OFFSET"),        K("ON"),        K("OR"),       K("ORDER"),   K("OUTER"),
    K("PROCEDURE"), K("REGEXP"),        K("RETURNING"), K("RIGHT"),    K("RLIKE"),   K("SELECT"),
    K("SET"),       K("STRAIGHT_JOIN"), K("THEN"),      K("TRUE"),     K("UNION"),   K("USING"),
    K("VALUES"),    K("WHEN"),          K("WHERE"),     K("WINDOW"),   K("WITH"),    K("XOR")};
static_assert(std::is_sorted(std::begin(kEndsName), std::end(kEndsName)));

constexpr Word kBeginsStatement[] = {K("ALTER"), K("CALL"),   K("CREATE"), K("DELETE"),
                                     K("DROP"),  K("GRANT"),  K("INSERT"), K("KILL"),
                                     K("LOAD"),  K("RENAME"), K("REVOKE"), K("UPDATE")};
static_assert(std::is_sorted(std::begin(kBeginsStatement), std::end(kBeginsStatement)));

}  // namespace

Word WordOf(absl::string_view text) {
  if (text.size() > kLongest) return 0;
  char upper[kLongest];
  uint32_t hash = kBasis;
  for (size_t i = 0; i < text.size(); ++i) {
    upper[i] = absl::ascii_toupper(text[i]);
    hash = Mix(hash, upper[i]);
  }
  const std::string_view wanted(upper, text.size());
  for (size_t slot = SlotOf(hash); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    if (kWords[kTable[slot] - 1] == wanted) return kTable[slot];
  }
  return 0;
}

bool EndsName(Word word) {
  return word != 0 && std::binary_search(std::begin(kEndsName), std::end(kEndsName), word);
}

bool BeginsStatement(Word word) {
  return word != 0 &&
         std::binary_search(std::begin(kBeginsStatement), std::end(kBeginsStatement), word);
}

}  // namespace dbfleet::sql::mysql
