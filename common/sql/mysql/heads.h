#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>

#include "common/sql/mysql/draft.h"
#include "common/sql/mysql/statement_table.h"

// The readers of the forms of statements. Each begins where its comment says, and takes what the
// table says of its head.
namespace dbfleet::sql::mysql {

// The row of these one to three words; null if there is none.
const MySqlStatement* FindStatement(std::initializer_list<Word> words);

// Kind and what it does to transactions, from the row of these words, which has to be there; and
// the objection that such a statement is no read, unless the row says that it may be safe.
void ApplyRow(Draft* draft, std::initializer_list<Word> words);

// Whole statements; `at` is where the verb stands.
void ReadStatement(Parser* p);       // Any, from its first token.
void ReadQuery(Parser* p);           // SELECT, WITH, VALUES, TABLE, "(".
void ReadShow(Parser* p);            // Behind SHOW.
void ReadExplain(Parser* p);         // Behind EXPLAIN, DESCRIBE, DESC.
void ReadAnalyze(Parser* p);         // Behind ANALYZE.
void ReadInsert(Parser* p);          // At INSERT or REPLACE.
void ReadUpdate(Parser* p);          // Behind UPDATE.
void ReadDelete(Parser* p);          // Behind DELETE.
void ReadLoad(Parser* p);            // Behind LOAD.
void ReadSet(Parser* p);             // Behind SET.
void ReadCreate(Parser* p);          // Behind CREATE.
void ReadAlter(Parser* p);           // Behind ALTER.
void ReadDrop(Parser* p);            // Behind DROP.
void ReadRename(Parser* p);          // Behind RENAME.
void ReadTruncate(Parser* p);        // Behind TRUNCATE.
void ReadCreateTable(Parser* p);     // Behind CREATE [OR REPLACE] [TEMPORARY] TABLE.
void ReadCreateIndex(Parser* p);     // Behind CREATE [UNIQUE...] INDEX.
void ReadAlterTable(Parser* p);      // Behind ALTER [ONLINE] [IGNORE] TABLE.
void ReadAdministration(Parser* p);  // At any other verb.

// Where the verb stands behind a WITH list that begins at `with`; -1 if the list is another form.
ptrdiff_t VerbAfterWith(const Toks& tokens, ptrdiff_t with);

// Where the statement ends that begins at `from` and may be compound (BEGIN ... END, IF, LOOP): at
// the delimiter or the end of the tokens. `ends` are the places of the delimiters.
size_t EndOfRoutine(absl::Span<const Tok> tokens, const std::vector<size_t>& ends, size_t from,
                    size_t first_end);
// Whether a CREATE defines a routine, whose body is statements of its own.
bool DefinesRoutine(const Toks& tokens);
// IF ... END IF and the like outside of routines, which MariaDB takes since 10.1.1; MySQL does not.
bool IsCompound(const Toks& tokens);

}  // namespace dbfleet::sql::mysql
