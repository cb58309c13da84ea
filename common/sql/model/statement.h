#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/sql/model/position.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// The block of a migration in which a statement stands.
struct SchemaBlock {
  enum Kind {
    kNone,
    kCreates,     // create_table, Schema::create.
    kChanges,     // change_table, Schema::table.
    kDirections,  // reversible
  };
  Kind kind = kNone;
  std::string variable;  // What it is given: "t", "$table", "dir".
  std::string table;
};

// What stands around a statement that was cut out of a program in a host language.
struct HostContext {
  bool in_loop = false;  // Inside a loop: it runs once for each round.
  std::string walked;    // See CallFacts.
  // The variable that holds one batch of rows in a block around it: in_batches { |batch| ... }.
  std::string batch;
  bool each_batch = false;                      // That block is the innermost loop around it.
  std::vector<std::string> placeholder_values;  // Variables that hold placeholders ("?, ?") only.
  // Variables that hold a text which was joined with a value of the program, and that value.
  std::map<std::string, std::string> joined_values;
  // Variables that hold a statement which was prepared, and its SQL; "" if it is not known.
  std::map<std::string, std::string> prepared;
  // Variables that hold a query of a model, or Arel's table of one, and nothing else in the
  // program.
  std::set<std::string, std::less<>> queries;
  // Variables that hold a function of the program, which is read where it stands.
  std::set<std::string, std::less<>> functions;
  // Variables that hold one of several plain words of the program, and what stands for it in SQL:
  // "ASC" if each is a direction, else "x".
  std::map<std::string, std::string> words;
  // Variables that its SQL is, and what they hold: one of several texts, with NUL between them; ""
  // if that is not known.
  std::map<std::string, std::string> constants;
  // Why it is not understood, whatever its words say: an unknown function, an included file.
  std::string doubt;
  // Functions that make or quote texts, and "$wpdb", which the program gives another meaning.
  std::vector<std::string> redefined;
  SchemaBlock schema_block;  // That it stands in.
  // It is a call of a migration of which every part is known: it is read as that.
  bool schema_call = false;
  bool migration = false;  // It stands in a class of migrations, ...
  bool way_back = false;   // ... in its method down.
  bool declares = false;   // A whole program, of which it is known that it runs nothing.
  // Of the character set that the program has set for its connection, by then.
  CharsetRisk charset = CharsetRisk::kNone;
};

struct Statement {
  std::string text;    // Without the delimiter and surrounding white space; comments stay.
  int line = 1;        // Of its first character that is neither space nor comment; 1-based.
  int column = 1;      // In bytes, 1-based.
  int character = 1;   // The same in characters.
  size_t content = 0;  // Where in `text` that character is.
  // Redis and host languages, whose `text` holds none: the comments about it, with their marks,
  // each on a line. They stand in front of it, or behind it where its line ends.
  std::string comments;
  std::string behind;  // Of a script's last one: the comments that follow it.
  HostContext host;    // ActiveRecord only.
  // MySQL/MariaDB, also in a host language: a statement before it may have changed the modes by
  // which the server reads it.
  bool modes_changed = false;
  // They are known nevertheless: the script set them, and strings end where they would end by those
  // that the caller told. Never in a host language, whose order is not that of its text.
  bool modes_known = false;
  // Where its strings, or those of one before it, end depends on a character set in which a
  // character's later bytes may look like quotes; also where the statement begins, then.
  bool charset_in_doubt = false;
  // Where `text` stands in the script: [begin, end), in bytes. Between one's end (or data_end) and
  // the next one's begin there are only delimiters, white space, comments and client commands.
  size_t begin = 0;
  size_t end = 0;
  // PostgreSQL, COPY ... FROM STDIN: where the rows stand that follow it, with their end mark. They
  // are no SQL, and whoever executes the text alone would send none of them.
  size_t data_begin = 0;
  size_t data_end = 0;
  bool client_command = false;  // A command of psql: no server knows it.
  // Why a client may send something else than `text`, or cut the script elsewhere, here or in front
  // of it; "" if it does not.
  std::string client_doubt;

  // Of the first character of `text` in its script.
  Position origin() const;
  bool has_data() const { return data_end > data_begin; }
};

}  // namespace dbfleet::sql
