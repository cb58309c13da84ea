#pragma once

#include <string>
#include <vector>

#include "common/sql/mysql/draft.h"

// Parts that several definitions share. Each begins where the parser stands, and leaves it behind
// the part; what it does not know, it says to the draft.
namespace dbfleet::sql::mysql {

// name type attributes
void ReadColumn(Parser* p, ColumnFacts* column);
// REFERENCES table (columns) [MATCH x] [ON DELETE x] [ON UPDATE x]
void ReadReferences(Parser* p, ForeignKeyFacts* key);
// "(" condition ")" [[NOT] ENFORCED]; the columns that it compares, if they are asked for.
void ReadCheck(Parser* p, std::vector<std::string>* columns = nullptr);
// "(" parts ")": columns with lengths and directions, or expressions.
void ReadIndexParts(Parser* p, IndexFacts* index);
// USING x, COMMENT 'x', VISIBLE, KEY_BLOCK_SIZE = 8 ..., as many as there are.
void ReadIndexOptions(Parser* p, IndexFacts* index);

// What a definition inside CREATE TABLE ( ) or behind ALTER TABLE ... ADD is.
struct Definition {
  enum Kind { kNone, kIndex, kForeignKey, kCheck, kPeriod } kind = kNone;
  IndexFacts index;
  ForeignKeyFacts foreign_key;
  std::string name;
  std::vector<std::string> check_columns;
  bool if_not_exists = false;
};
// A key, constraint or check. kNone, with nothing read, where a column stands.
Definition ReadDefinition(Parser* p);

// One option of a table or database; false, with nothing read, where there is none.
bool ReadTableOption(Parser* p, Facts* facts);
// ALGORITHM = x, LOCK = x.
bool ReadOnlineOption(Parser* p, Facts* facts);
// WAIT n | NOWAIT
void ReadWait(Parser* p);
// What ALGORITHM and LOCK say about the effects, when everything else is known.
void ApplyOnlineOptions(Draft* draft);

}  // namespace dbfleet::sql::mysql
