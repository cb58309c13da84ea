// Feeds scripts that are put together by chance to psql and to MariaDB's client, and compares what
// they send to a real server with the statements that StatementStream cut the script into. Up to
// the first statement that is in doubt both have to be the same, token by token; and where nothing
// is in doubt no client may run a command of the shell or write a file; and where all is said to be
// safe none may send a DROP.
//
//   DBFLEET_CUT_SCRIPTS   how many scripts of each client (1000)
//   DBFLEET_CUT_SEED      which (1)
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/sql/sql.h"
#include "common/sql/text/statement_stream.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::sql {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// Of both dialects. What ends lines, opens quotes and comments, or may be a part of any of these.
const Strings kCommon = {"'",
                         "'",
                         "''",
                         "\"",
                         "\"\"",
                         ";",
                         ";",
                         ";\n",
                         ";\n",
                         "(",
                         ")",
                         ",",
                         ".",
                         "a",
                         "t",
                         "1",
                         "2",
                         "SELECT ",
                         "SELECT 1;\n",
                         "SELECT 1",
                         "--",
                         "-- ",
                         "--x",
                         "/*",
                         "*/",
                         "/* a */",
                         "/*",
                         "*/",
                         "+",
                         "-",
                         "=",
                         "\n",
                         "\n",
                         "\n",
                         "\r\n",
                         "\t",
                         " ",
                         " ",
                         "\v",
                         "\f",
                         "\\",
                         "\\'",
                         "\\\\",
                         "\xc2\xa0",
                         "\xc3\xa9",
                         "'a'",
                         "DROP TABLE t",
                         "DROP TABLE t;\n",
                         "SHOW a;\n",
                         "BEGIN",
                         "END",
                         "0x",
                         "1e",
                         "1.",
                         "1a",
                         "@",
                         "_",
                         "`",
                         "#",
                         "!",
                         "|",
                         "*",
                         "/",
                         "x'",
                         "n'"};

const Strings kPsql = {"E'",
                       "e'",
                       "E'a'",
                       "E'\\n'",
                       "U&'",
                       "u&\"",
                       "$$",
                       "$$",
                       "$a$",
                       "$a$",
                       "$",
                       "$1",
                       "$b",
                       "a$",
                       "0xE",
                       "1e1",
                       ":",
                       "::",
                       ":=",
                       ":a",
                       ":'a'",
                       ":{?a}",
                       "[",
                       "]",
                       "[1:2]",
                       "CREATE ",
                       "CREATE FUNCTION f() ",
                       "create or replace procedure p() ",
                       "BEGIN ATOMIC ",
                       "CASE ",
                       "END;\n",
                       "COPY t FROM STDIN;\n1\n\\.\n",
                       "COPY t FROM STDIN;\n",
                       "COPY (SELECT 1) TO STDOUT;\n",
                       "COPY ",
                       " FROM ",
                       "STDIN",
                       " TO ",
                       "\n\\.\n",
                       "\\g\n",
                       "\\gx\n",
                       "\\g;",
                       "\\gset\n",
                       "\\gdesc\n",
                       "\\;",
                       "\\if true\n",
                       "\\if false\n",
                       "\\else\n",
                       "\\endif\n",
                       "\\endif\n",
                       "\\set ON_ERROR_STOP on\n",
                       "\\set a b\n",
                       "\\echo x\n",
                       "\\echo 'x\n",
                       "\\echo `touch s`\n",
                       "\\! touch s\n",
                       "\\o s\n",
                       "\\w s\n",
                       "\\pset format aligned\n",
                       "\\timing on\n",
                       "\\restrict k\n",
                       "\\unrestrict k\n",
                       "\\encoding UTF8\n",
                       "\\r\n",
                       "\\bind 1",
                       "\\\\",
                       "\\echo a \\\\ DROP TABLE t;\n",
                       "\\copy t from stdin\n",
                       "UESCAPE '!'",
                       "'\n'",
                       "\n'\\'",
                       "/*/*",
                       "*/*/"};

const Strings kMaria = {"``",
                        "# ",
                        "#x\n",
                        "-- \n",
                        "--\t",
                        "--\n",
                        "/*!",
                        "/*! ",
                        "/*!99999 ",
                        "/*!40101 ",
                        "/*M!",
                        "/*m!",
                        "/*+",
                        "/*+ a */",
                        "/**/",
                        "/*/",
                        "*/*",
                        "/*!*/",
                        "/*M!999999\\- enable */",
                        "DELIMITER //\n",
                        "DELIMITER ;\n",
                        "delimiter $$\n",
                        "DELIMITER ;;\n",
                        "  DELIMITER //\r\n",
                        "\nDELIMITER ;\n",
                        "DELIMITER",
                        "DELIMITER ; -- a\n",
                        "DELIMITER // #a'\n",
                        "\nUSE d\n;\n",
                        "/* a/*b */",
                        "/* a/*/ */",
                        "DELIMITER a\n",
                        "\nDELIMITER '//'\n",
                        "DELIMITER ab\n",
                        "DELIMITER -\n",
                        "DELIMITER /\n",
                        "DELIMITER /+\n",
                        "DELIMITER M!\n",
                        "ab",
                        "//",
                        "//\n",
                        "$$",
                        "$$\n",
                        ";;\n",
                        "\\G",
                        "\\g",
                        "\\c",
                        "\\N",
                        "\\! touch s\n",
                        "\\T s\n",
                        "\\- \n",
                        "\\p",
                        "\nsystem touch s\n",
                        "\ntee s\n",
                        "\nUSE d\n",
                        "USE d;\n",
                        "\nUSE d; select 2;\n",
                        "\ngo\n",
                        "\nego\n",
                        "\nclear\n",
                        "\nprint\n",
                        "\nnowarning\n",
                        "help a;\n",
                        "SET sql_mode='NO_BACKSLASH_ESCAPES';\n",
                        "SELECT 'a\\'';\n",
                        "SELECT '\\\\';\n",
                        "'\\\n'",
                        "\"'\"",
                        "'\"'",
                        "SHOW TABLES LIKE '",
                        "SELECT `a\\`;\n",
                        "\n  "};

// These were cut otherwise once.
const Strings kPsqlFound = {"SELECT 1e1$a$ ' $a$; SHOW /* '; DROP TABLE t; -- */ search_path;",
                            "SELECT 1e-- ; DROP TABLE t;\n;",
                            "1U CREATE FUNCTION f() BEGIN ATOMIC ; SELECT 1;",
                            "CREATE x FUNCTION f() BEGIN ATOMIC SELECT 1; SELECT 2; END;",
                            "SELECT (ARRAY[1])[1:a$$] FROM t; SELECT $$; DROP TABLE t; --$$;",
                            "SELECT E'a'\n'\\'; DROP TABLE t; --';",
                            "COPY (SELECT a FROM stdin) TO STDOUT;\nDROP TABLE t;\n\\.\n"};
const Strings kMariaFound = {
    "SELECT 1 --/**/'\n INTO OUTFILE '+x+' -- ';",
    "SELECT x.\ndelimiter -\n- '\n FROM (SELECT 1 AS delimiter) x INTO OUTFILE '+x+' -- ';",
    "DELIMITERSELECT 1\n; SHOW TABLES;",
    "SELECT 'a\ndelimiter' -\n- 1;",
    "SELECT 1 /*!99999 */* ' */ */ ; DROP TABLE t; -- ' ;",
    "DELIMITER /x\nSELECT 1 /*!99999 */xDELETE FROM t /x",
    "tee s '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
    "USE\nROLLBACK;",
    "SELECT a/**/\xc3\xa9 FROM t;",
    "SELECT 1 /* a */\xc3\xa9INTO;",
    "/* a /*/ SELECT 1 # */ DROP TABLE t;\n;",
    "DELIMITER //\nSELECT 1//\nDELIMITER ;\t-- end\nSELECT 1;SELECT 2;",
    "DELIMITER //\n\t;\n- - -SELECT 1--;\n",
    "/* /*! */ SELECT 1 # */ DROP TABLE t;\n;",
    "SELECT 1 /*!40101 +1 /* */ + ' */ */ ; DROP TABLE t; -- ' */ ;",
    "SELECT 1 /*!99999 # /*\n */ INTO OUTFILE 'x' # */\n;",
    "--'\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
    "DELIMITER xx\nSELECT 1 /*!99999 axx DROP TABLE t; */ xx",
    "SELECT 1; DELIMITER ;TRUNCATE/**/t"};

size_t Setting(const char* name, size_t otherwise) {
  const char* text = std::getenv(name);
  size_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// Where a client may not know DELIMITER, and what it then sends: heads, the command, the rest of
// its line, and a comment that the server skips.
const Strings kHeads = {"",
                        "",
                        " \n",
                        "\r\n",
                        "\n\n",
                        "/* c */",
                        "/* c */\n",
                        "-- c\n",
                        "# c\n",
                        "SELECT 0;\n",
                        "SELECT 0; \n \n",
                        "SELECT 0;\n \n\n",
                        "SELECT 0; /* c */\n",
                        "/*!999999 x */\n",
                        "USE d;\n"};
const Strings kDelimiters = {"//", "//", ";", "$$", ";;", "|", "/", "xx"};
const Strings kBehindDelimiters = {"",          "",         " ",         " -- a", " # a",
                                   " -- \\git", " # c:\\g", " -- it's",  "\r",    "\r -- a",
                                   " -- ;",     " # /*",    " -- \\gx ;"};
const Strings kSkipped = {"/*!999999 ", "/*M!999999 ", "/*!99999 x", "/*!50700 "};
constexpr size_t kModes = 4;  // See SendsComments.

Strings MakeHidden() {
  Strings scripts;
  std::mt19937 random(static_cast<uint32_t>(Setting("DBFLEET_CUT_SEED", 1)));
  const auto any = [&](const Strings& from) { return from[random() % from.size()]; };
  for (size_t wanted = Setting("DBFLEET_CUT_SCRIPTS", 1000) / 8; wanted > 0; --wanted) {
    std::string script;
    Strings used = {";", ";", "//"};
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      used.push_back(any(kDelimiters));
      const std::string blanks(random() % 8 == 0 ? 240 + random() % 20 : 1, ' ');
      absl::StrAppend(&script, any(kHeads), "DELIMITER", blanks, used.back(),
                      any(kBehindDelimiters), "\n");
      if (random() % 3 == 0) absl::StrAppend(&script, "SELECT 3", used.back(), "\n");
    }
    const std::string at = any(used);
    absl::StrAppend(&script, "SELECT 2 ", any(kSkipped), at, " DROP TABLE t ", at, " */ ",
                    used.back(), "\n");
    scripts.insert(scripts.end(), kModes, script);
  }
  return scripts;
}

Strings MakeScripts(const Strings& found, const Strings& own) {
  Strings scripts = found;
  std::mt19937 random(static_cast<uint32_t>(Setting("DBFLEET_CUT_SEED", 1)));
  Strings all = kCommon;
  all.insert(all.end(), own.begin(), own.end());
  all.insert(all.end(), own.begin(), own.end());
  const auto any = [&](const Strings& from) { return from[random() % from.size()]; };
  for (size_t wanted = Setting("DBFLEET_CUT_SCRIPTS", 1000); wanted > 0; --wanted) {
    // Few different ones, so that what opens is closed again.
    Strings few = {";\n", " ", "SELECT 1"};
    for (size_t n = 3 + random() % 8; n > 0; --n) few.push_back(any(all));
    std::string script;
    for (size_t n = 3 + random() % 12; n > 0; --n) {
      absl::StrAppend(&script, random() % 4 != 0 ? any(few) : any(all),
                      random() % 7 == 0 ? " " : "");
    }
    scripts.push_back(script);
  }
  return scripts;
}

struct Cut {
  bool ok = false;           // It can be read.
  bool whole = true;         // Nothing is in doubt.
  bool safe = true;          // All of it is said to be safe.
  bool conditional = false;  // \if.
  bool rows = false;
  Strings statements;  // Their tokens, up to the first that is in doubt.
};

// As the server reads it. A client may leave out comments, and what ends the statement. Servers of
// MySQL and MariaDB drop semicolons and blanks at its end before they read it, so that "--;" is a
// comment there for them, and two minus signs for who reads the whole text: who does sees more, and
// not less, than is executed.
std::string TokensIn(const Target& server, absl::string_view text) {
  if (server.mysql_family()) {
    text = text.substr(0, text.find_last_not_of("; \t\r\n\f\v") + 1);
  }
  Lexer lexer(server.dialect, text, OptionsFor(server));
  lexer.ReadAs(server);
  std::string tokens;
  for (Token token; lexer.Next(&token);) {
    if (token.kind == TokenKind::kHint || token.kind == TokenKind::kDelimiter) continue;
    if (token.text == "\v" || token.text == ";") continue;  // White space for some.
    absl::StrAppend(&tokens, token.text, " ");
  }
  return absl::StrReplaceAll(tokens, {{"\r\n", "\n"}});  // In strings.
}

Cut CutByUs(const Target& server, const std::string& script) {
  Cut cut;
  size_t at = 0;
  StatementStream stream(server, [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    const size_t n = std::min(size, script.size() - at);
    std::memcpy(buffer, script.data() + at, n);
    at += n;
    return n;
  });
  for (;;) {
    const auto next = stream.Next();
    if (!next.ok()) return cut;
    if (!next->has_value()) break;
    const Statement& statement = **next;
    const bool doubt = !statement.client_doubt.empty() || statement.charset_in_doubt ||
                       (statement.modes_changed && !statement.modes_known);
    const bool condition = absl::StartsWith(statement.text, "\\if") ||
                           absl::StartsWith(statement.text, "\\el") ||
                           absl::StartsWith(statement.text, "\\endif");
    cut.conditional = cut.conditional || condition;
    cut.rows = cut.rows || statement.has_data();
    const bool command =
        statement.client_command && !condition && !absl::StartsWith(statement.text, "\\encoding");
    cut.whole = cut.whole && !doubt && !command;
    cut.safe = cut.safe && cut.whole && Read(server, statement).verdict.safety == Safety::kSafe;
    if (!cut.whole || statement.client_command) continue;
    const std::string tokens = TokensIn(server, statement.text);
    if (!tokens.empty()) cut.statements.push_back(tokens);
  }
  cut.ok = true;
  return cut;
}

void ExpectAlike(const Target& server, const std::string& script, const Cut& ours,
                 const Strings& sent) {
  Strings theirs;
  for (const std::string& text : sent) {
    const std::string tokens = TokensIn(server, text);
    if (!tokens.empty()) theirs.push_back(tokens);
  }
  // The server would take the rows of a COPY that fails for statements.
  if (ours.rows) theirs.resize(std::min(theirs.size(), ours.statements.size()));
  size_t at = 0;
  for (const std::string& tokens : theirs) {
    while (ours.conditional && at < ours.statements.size() && ours.statements[at] != tokens) ++at;
    if (at >= ours.statements.size()) {
      EXPECT_FALSE(ours.whole) << "sent, and not in the script: " << tokens << "\n"
                               << absl::CEscape(script);
      return;
    }
    EXPECT_EQ(ours.statements[at], tokens) << absl::CEscape(script);
    if (ours.statements[at++] != tokens) return;
  }
  EXPECT_TRUE(at == ours.statements.size() || ours.conditional || ours.rows)
      << "not sent: " << ours.statements[at] << "\n"
      << absl::CEscape(script);
}

bool Drops(absl::string_view tokens) { return absl::StartsWithIgnoreCase(tokens, "DROP "); }

void ExpectNoHarm(const Target& server, const std::string& script, const Cut& ours,
                  const Strings& sent) {
  if (!ours.safe) return;
  for (const std::string& text : sent) {
    EXPECT_FALSE(Drops(TokensIn(server, text))) << text << "\n" << absl::CEscape(script);
  }
}

// A folder in which a client runs, that has to stay empty.
class Folder {
 public:
  explicit Folder(const mini::MiniServer& server) : path_(server.folder() + "/client") {
    fs::create_directory(path_);
    fs::permissions(path_, fs::perms::all);
  }
  const std::string& path() const { return path_; }
  bool TakeFiles() {
    bool any = false;
    for (const auto& entry : fs::directory_iterator(path_)) any = fs::remove(entry.path()) || any;
    return any;
  }

 private:
  const std::string path_;
};

// Scripts that promise nothing are not run.
bool Promises(const Cut& cut) { return cut.ok && (cut.whole || !cut.statements.empty()); }

TEST(ClientCutTest, PsqlSendsWhatTheScriptWasCutInto) {
  auto launched = mini::MiniPostgres::Launch();
  ASSERT_TRUE(launched.ok()) << launched.status();
  mini::MiniPostgres& server = **launched;
  ASSERT_TRUE(server.Admin("CREATE TABLE t (id int)").ok());
  const Target target(Dialect::kPostgres, {15, 0, 0});
  Folder folder(server);
  const std::string file = server.folder() + "/script.sql";
  const std::string log = server.folder() + "/queries";
  // Debian's "psql" is a program that looks for one, and takes longer than that one.
  const std::string real = "/usr/lib/postgresql/15/bin/psql";
  const std::string psql = fs::exists(real) ? real : "psql";
  size_t run = 0;
  const Strings scripts = MakeScripts(kPsqlFound, kPsql);
  for (const std::string& script : scripts) {
    const Cut cut = CutByUs(target, script);
    if (!Promises(cut)) continue;
    ++run;
    std::ofstream(file, std::ios::binary) << script;
    fs::remove(log);
    mini::Command command;
    command.argv = {psql,
                    "-X",
                    "-q",
                    "-h",
                    server.socket(),
                    "-p",
                    absl::StrCat(server.port()),
                    "-U",
                    "postgres",
                    "-d",
                    "postgres",
                    "-L",
                    log,
                    "-f",
                    file};
    command.folder = folder.path();
    (void)mini::Run(command);  // Most scripts fail.
    std::ostringstream text;
    text << std::ifstream(log, std::ios::binary).rdbuf();
    Strings sent;
    constexpr absl::string_view kBegin = "********* QUERY **********\n";
    for (absl::string_view part : absl::StrSplit(text.str(), kBegin)) {
      const size_t end = part.find("\n**************************\n");
      if (end != absl::string_view::npos) sent.emplace_back(part.substr(0, end));
    }
    ExpectAlike(target, script, cut, sent);
    EXPECT_FALSE(folder.TakeFiles() && cut.whole && !cut.rows) << absl::CEscape(script);
  }
  EXPECT_GT(20 * run, scripts.size());
}

// Half of the scripts, of those in binary mode as well.
bool SendsComments(size_t script) { return script % 4 > 1; }

// With --comments it does not know DELIMITER behind some comments, and goes on with the former one.
// Where that can do harm it is in doubt; the rest is sent otherwise, and refused.
bool OnlyHarmCounts(const std::string& script, size_t i) {
  return SendsComments(i) && absl::StrContains(absl::AsciiStrToLower(script), "delimiter");
}

TEST(ClientCutTest, MariaDbsClientSendsWhatTheScriptWasCutInto) {
  auto launched = mini::MiniMariaDb::Launch({.extra = {"--general-log=1", "--log-output=TABLE"}});
  ASSERT_TRUE(launched.ok()) << launched.status();
  mini::MiniMariaDb& server = **launched;
  ASSERT_TRUE(server.Admin("CREATE DATABASE d; CREATE TABLE d.t (id int)").ok());
  const Target target(Dialect::kMariaDb, {10, 11, 0});
  Folder folder(server);
  Strings scripts = MakeHidden();
  for (const std::string& script : MakeScripts(kMariaFound, kMaria)) scripts.push_back(script);
  std::map<size_t, Cut> run;
  for (size_t i = 0; i < scripts.size(); ++i) {
    const Cut cut = CutByUs(target, scripts[i]);
    if (!Promises(cut)) continue;
    mini::Command command;
    command.argv = {"mariadb",
                    "--no-defaults",
                    "--force",
                    "--user=root",
                    absl::StrCat("--socket=", server.socket()),
                    absl::StrCat("--init-command=SELECT 'script', ", i)};
    if (SendsComments(i)) command.argv.emplace_back("--comments");
    // In binary mode DELIMITER // is "//\r" in a file with carriage returns: what that joins, with
    // "//" in it, no server executes.
    const bool returns = absl::StrContains(scripts[i], "\r") && !OnlyHarmCounts(scripts[i], i);
    if (i % 2 == 1 && !returns) command.argv.emplace_back("--binary-mode");
    command.argv.emplace_back("d");
    command.folder = folder.path();
    command.stdin_text = scripts[i];
    (void)mini::Run(command);
    EXPECT_FALSE(folder.TakeFiles() && cut.whole) << absl::CEscape(scripts[i]);
    run[i] = cut;
  }
  EXPECT_GT(20 * run.size(), scripts.size());
  const auto log = server.Admin(
      "SET GLOBAL general_log = 0; SELECT thread_id, command_type, HEX(argument) FROM "
      "mysql.general_log WHERE command_type IN ('Query', 'Init DB')");
  ASSERT_TRUE(log.ok()) << log.status();
  std::map<std::string, size_t> script_of;  // By thread.
  std::map<size_t, Strings> sent;
  for (absl::string_view line : absl::StrSplit(*log, '\n', absl::SkipEmpty())) {
    const Strings columns = absl::StrSplit(line, '\t');
    ASSERT_EQ(columns.size(), 3u) << line;
    const std::string text = absl::HexStringToBytes(columns[2]);
    absl::string_view marker = text;
    size_t i = 0;
    if (absl::ConsumePrefix(&marker, "SELECT 'script', ") && absl::SimpleAtoi(marker, &i)) {
      script_of[columns[0]] = i;
    } else if (const auto found = script_of.find(columns[0]); found != script_of.end()) {
      if (text == "SELECT DATABASE()") continue;  // In front of USE.
      sent[found->second].push_back(columns[1] == "Init DB" ? absl::StrCat("USE ", text) : text);
    }
  }
  for (const auto& [i, cut] : run) {
    ExpectNoHarm(target, scripts[i], cut, sent[i]);
    if (!OnlyHarmCounts(scripts[i], i)) ExpectAlike(target, scripts[i], cut, sent[i]);
  }
}

}  // namespace
}  // namespace dbfleet::sql
