// Runs the main suite of MariaDB's own tests against a real server, and looks whether a statement
// that is called safe changes anything at all.
//
//   DBFLEET_TRUTH_SECONDS   how long the sample may take (25); "all": the whole suite (an hour)
//   DBFLEET_TRUTH_SEED      which files come first; printed
//   DBFLEET_TRUTH_FILE      only files whose name holds this
//   DBFLEET_TRUTH_REPORT    a file for every statement that only reads and is called destructive
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/sql.h"
#include "tests/mini/mini_server.h"
#include "tests/truth/mysql_session.h"
#include "tests/truth/mysql_state.h"
#include "tests/truth/mysqltest_script.h"

namespace dbfleet::sql {
namespace {

using truth::MysqlSession;

constexpr char kCorpus[] = "/usr/share/mysql/mysql-test/main";
constexpr size_t kBatch = 20;  // Safe statements between two looks at the server.
constexpr int kRepeats = 3;    // Of one text, against different tables.

// Not used: they need servers or files that are not here, or take minutes.
constexpr const char* kLeftOut[] = {"shutdown",    "mysqld--help", "mysqldump", "bootstrap",
                                    "large_pages", "crash",        "kill"};

std::string FileText(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The first word that is not in a comment.
std::string Head(absl::string_view text) {
  for (;;) {
    text = absl::StripLeadingAsciiWhitespace(text);
    if (absl::StartsWith(text, "/*") && !absl::StartsWith(text, "/*!") &&
        !absl::StartsWith(text, "/*M!")) {
      text = text.substr(std::min(text.find("*/"), text.size() - 2) + 2);
    } else if (absl::StartsWith(text, "#") || absl::StartsWith(text, "-- ")) {
      text = text.substr(std::min(text.find('\n'), text.size()));
    } else {
      break;
    }
  }
  size_t n = 0;
  while (n < text.size() && absl::ascii_isalpha(text[n])) ++n;
  return n == 0 && !text.empty() ? std::string(text.substr(0, 1))
                                 : absl::AsciiStrToUpper(text.substr(0, n));
}

// Whether the name stands there as a word of its own: of a view "v" not in "value".
bool HoldsWord(absl::string_view text, absl::string_view name) {
  const auto in_word = [&](size_t i) {
    return i < text.size() && (absl::ascii_isalnum(text[i]) || text[i] == '_' || text[i] == '$' ||
                               static_cast<unsigned char>(text[i]) >= 0x80);
  };
  for (size_t at = text.find(name); at != absl::string_view::npos; at = text.find(name, at + 1)) {
    const bool begins = at == 0 || !in_word(at - 1) || !in_word(at);
    const size_t end = at + name.size();
    if (begins && (!in_word(end) || !in_word(end - 1))) return true;
  }
  return false;
}

bool HeadsARead(const std::string& head) {
  static constexpr const char* kHeads[] = {"SELECT", "SHOW",  "EXPLAIN", "DESC", "DESCRIBE",
                                           "VALUES", "TABLE", "WITH",    "("};
  return std::any_of(std::begin(kHeads), std::end(kHeads),
                     [&](const char* word) { return head == word; });
}

// What prepares the ground for later statements, and neither changes how they are read nor harms
// the server.
bool MayPrepare(const std::string& head, const std::string& text) {
  static constexpr const char* kHeads[] = {"CREATE",  "INSERT",  "UPDATE",   "DELETE",  "REPLACE",
                                           "ALTER",   "DROP",    "TRUNCATE", "RENAME",  "USE",
                                           "PREPARE", "EXECUTE", "CALL",     "ANALYZE", "DO"};
  const std::string upper = absl::AsciiStrToUpper(text);
  if (head == "SET") {
    const std::string what(absl::StripAsciiWhitespace(upper.substr(3)));
    return what[0] == '@' && what[1] != '@' && !absl::StrContains(upper, "SQL_MODE");
  }
  for (const char* word : {"MYSQL.", "USER", "SERVER", "SHUTDOWN", "KILL", "SLEEP", "BENCHMARK",
                           "SQL_MODE", "GET_LOCK", "SQL_LOG_BIN", "ROLE", "GLOBAL", "EVENT"}) {
    if (absl::StrContains(upper, word)) return false;
  }
  return std::any_of(std::begin(kHeads), std::end(kHeads),
                     [&](const char* word) { return head == word; });
}

struct Counts {
  int statements = 0;
  int safe = 0;
  int destructive = 0;
  int not_understood = 0;
  int safe_ran = 0;
  int through_views = 0;
  int safe_refused = 0;  // By the server: tables that are not there, and the like.
  int reads_called_destructive = 0;
  std::map<std::string, int> why;  // Of those.
};

class MysqlTruthTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Delayed inserts would write while another statement is looked at; without threads for them
    // they are plain ones.
    auto launched = mini::MiniMariaDb::Launch(
        {.extra = {"--plugin-load-add=metadata_lock_info.so", "--max-statement-time=3",
                   "--lock-wait-timeout=2", "--innodb-lock-wait-timeout=1", "--event-scheduler=0",
                   "--performance-schema=0", "--max-allowed-packet=16M", "--table-open-cache=400",
                   "--loose-user-variables=1", "--max-delayed-threads=0",
                   "--transaction-isolation=READ-COMMITTED"}});
    ASSERT_TRUE(launched.ok()) << launched.status();
    server_ = launched->release();
  }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    if (!std::filesystem::exists(kCorpus)) {
      GTEST_SKIP() << "Debian's package mariadb-test-data is not installed: " << kCorpus;
    }
  }

  bool Connect() {
    session_.reset();
    auto monitor = MysqlSession::Open(server_->socket(), "");
    if (!monitor.ok()) return false;
    monitor_ = *std::move(monitor);
    auto databases = monitor_->Query(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN "
        "('mysql', 'sys', 'information_schema', 'performance_schema')");
    if (!databases.ok()) return false;
    for (const std::string& name : *databases) {
      const std::string quoted = absl::StrJoin(absl::StrSplit(name, '`'), "``");
      (void)monitor_->Execute(absl::StrCat("DROP DATABASE `", quoted, "`"));
    }
    (void)monitor_->Execute("CREATE DATABASE test");
    return Reconnect();
  }

  bool Reconnect() {
    auto session = MysqlSession::Open(server_->socket(), "test");
    if (!session.ok()) return false;
    session_ = *std::move(session);
    return true;
  }

  truth::State Look() {
    auto state = truth::StateOf(*server_, *monitor_, *session_);
    if (!state.ok()) {
      // A killed or broken connection; what it was left with goes with it.
      if (Connect()) state = truth::StateOf(*server_, *monitor_, *session_);
      EXPECT_TRUE(state.ok()) << state.status() << server_->LogTail();
      broken_ = true;
      return state.ok() ? *state : truth::State();
    }
    return *state;
  }

  // Compares with what was before the statements that ran since.
  void Compare() {
    if (batch_.empty()) return;
    const truth::State after = Look();
    const std::string difference = broken_ ? "" : truth::Difference(before_, after);
    if (!difference.empty()) {
      ADD_FAILURE() << file_ << ": of the statements called safe, one changed " << difference
                    << "\n  " << absl::StrJoin(batch_, "\n  ");
    }
    batch_.clear();
    broken_ = false;
  }

  bool NamesAView(const std::string& text) const {
    const std::string lower = absl::AsciiStrToLower(text);
    return std::any_of(views_.begin(), views_.end(),
                       [&](const std::string& view) { return HoldsWord(lower, view); });
  }

  void Prepare(const std::string& head, const std::string& text) {
    if (absl::IsUnavailable(session_->Execute(text))) Reconnect();
    const std::string upper = absl::AsciiStrToUpper(text);
    if (head != "CALL" && head != "EXECUTE" && !absl::StrContains(upper, "VIEW")) return;
    const auto views = monitor_->Query(
        "SELECT LOWER(table_name) FROM information_schema.views WHERE table_schema <> 'sys'");
    if (views.ok()) views_ = *views;
  }

  void RunSafe(const std::string& text) {
    if (++seen_[text] > kRepeats) return;
    if (batch_.empty()) {
      // A procedure may have left the session in a transaction.
      (void)session_->Execute("ROLLBACK");
      (void)session_->Execute("SET autocommit = 1");
      before_ = Look();
    }
    batch_.push_back(text);
    // What a view does cannot be seen in a statement that reads it: there the read-only transaction
    // of an inspection must hold.
    const bool through_view = NamesAView(text);
    if (through_view) (void)session_->Execute("START TRANSACTION READ ONLY");
    const absl::Status status = session_->Execute(text);
    if (through_view) (void)session_->Execute("COMMIT");
    counts_.through_views += through_view ? 1 : 0;
    ++(status.ok() ? counts_.safe_ran : counts_.safe_refused);
    if (absl::IsUnavailable(status)) Reconnect();
    if (batch_.size() >= kBatch) Compare();
  }

  // Whether it is plainly read-only by what it does: a read-only transaction takes it, and nothing
  // has changed afterwards.
  void CountIfItOnlyReads(const std::string& text, const Verdict& verdict) {
    if (++seen_[text] > 1) return;
    const truth::State before = Look();
    (void)session_->Execute("START TRANSACTION READ ONLY");
    const absl::Status status = session_->Execute(text);
    (void)session_->Execute("ROLLBACK");
    const truth::State after = Look();
    (void)session_->Execute("DO RELEASE_ALL_LOCKS()");
    if (!status.ok() || broken_ || !truth::Difference(before, after).empty()) {
      broken_ = false;
      return;
    }
    ++counts_.reads_called_destructive;
    const std::string reason = verdict.reasons.empty() ? "" : verdict.reasons[0];
    ++counts_.why[reason];
    if (const char* report = std::getenv("DBFLEET_TRUTH_REPORT")) {
      std::ofstream(report, std::ios::app)
          << absl::StrJoin(verdict.reasons, "; ") << "\n    " << text << "\n";
    }
  }

  void RunFile(const std::filesystem::path& path) {
    file_ = path.filename().string();
    views_.clear();
    ASSERT_TRUE(Connect()) << file_ << server_->LogTail();
    Target target(Dialect::kMariaDb, Version{10, 11, 0});
    target.modes.known = true;
    target.database = "test";
    for (const std::string& text : truth::StatementsOf(FileText(path))) {
      const Verdict verdict = Classify(target, text);
      ++counts_.statements;
      const std::string head = Head(text);
      if (verdict.safety == Safety::kSafe) {
        ++counts_.safe;
        RunSafe(text);
        continue;
      }
      ++counts_.destructive;
      if (!verdict.understood) ++counts_.not_understood;
      Compare();
      if (HeadsARead(head)) {
        CountIfItOnlyReads(text, verdict);
      } else if (MayPrepare(head, text)) {
        Prepare(head, text);
      }
    }
    Compare();
  }

  void Report(size_t files) {
    const Counts& c = counts_;
    const int reads = c.safe_ran + c.reads_called_destructive;
    std::cout << files << " files, " << c.statements << " statements: " << c.safe << " safe, "
              << c.destructive << " destructive (" << c.not_understood
              << " of them not understood)\n"
              << "safe ones run: " << c.safe_ran << ", refused by the server: " << c.safe_refused
              << ", run in a read-only transaction because they read a view: " << c.through_views
              << "\nstatements that only read: " << reads
              << ", of them called destructive: " << c.reads_called_destructive << " ("
              << 100.0 * c.reads_called_destructive / std::max(1, reads) << " %)\n";
    std::vector<std::pair<int, std::string>> why;
    for (const auto& [reason, count] : c.why) why.emplace_back(count, reason);
    std::sort(why.rbegin(), why.rend());
    for (size_t i = 0; i < why.size() && i < 40; ++i) {
      std::cout << "  " << why[i].first << "  " << why[i].second << "\n";
    }
  }

  static mini::MiniMariaDb* server_;
  std::unique_ptr<MysqlSession> monitor_;
  std::unique_ptr<MysqlSession> session_;
  std::string file_;
  std::vector<std::string> views_;
  truth::State before_;
  std::vector<std::string> batch_;
  bool broken_ = false;
  std::map<std::string, int> seen_;
  Counts counts_;
};
mini::MiniMariaDb* MysqlTruthTest::server_ = nullptr;

TEST_F(MysqlTruthTest, TheComparisonSeesEveryKindOfChange) {
  const std::pair<const char*, const char*> kChanges[] = {
      {"data", "INSERT INTO t VALUES (2)"},
      {"binary log", "ALTER TABLE t ADD b INT"},
      {"files", "SELECT 1 INTO OUTFILE 'out'"},
      {"global variables", "SET GLOBAL max_connections = 77"},
      {"session variables", "SET sort_buffer_size = 100000"},
      {"user variables", "SELECT @a := 1"},
      {"locks", "SELECT GET_LOCK('l', 0)"},
      {"locks", "LOCK TABLES t READ"},
      {"data", "SELECT NEXTVAL(s)"},
  };
  for (const auto& [about, statement] : kChanges) {
    ASSERT_TRUE(Connect());
    ASSERT_TRUE(session_->Execute("CREATE TABLE t (a INT)").ok());
    ASSERT_TRUE(session_->Execute("CREATE SEQUENCE s").ok());
    const truth::State before = Look();
    EXPECT_EQ(truth::Difference(before, Look()), "") << "looking changes something";
    EXPECT_TRUE(session_->Execute(statement).ok()) << statement;
    EXPECT_TRUE(absl::StrContains(truth::Difference(before, Look()), absl::StrCat(about, ": ")))
        << statement << ": " << truth::Difference(before, Look());
  }
}

// The limit of judging a statement by its text, and what holds there.
TEST_F(MysqlTruthTest, AReadOnlyTransactionStopsWhatAViewDoes) {
  ASSERT_TRUE(Connect());
  ASSERT_TRUE(session_->Execute("CREATE SEQUENCE s").ok());
  ASSERT_TRUE(session_->Execute("CREATE VIEW v AS SELECT NEXTVAL(s) AS n").ok());
  EXPECT_EQ(Classify(Dialect::kMariaDb, "SELECT n FROM v").safety, Safety::kSafe);
  const truth::State before = Look();
  ASSERT_TRUE(session_->Execute("START TRANSACTION READ ONLY").ok());
  EXPECT_FALSE(session_->Execute("SELECT n FROM v").ok());
  ASSERT_TRUE(session_->Execute("COMMIT").ok());
  EXPECT_EQ(truth::Difference(before, Look()), "");
}

// Every built-in function that the server lists, with none to four arguments of several kinds.
TEST_F(MysqlTruthTest, NoFunctionThatIsCalledSafeChangesAnything) {
  ASSERT_TRUE(Connect());
  file_ = "functions";
  ASSERT_TRUE(session_->Execute("CREATE TABLE t (a INT)").ok());
  ASSERT_TRUE(session_->Execute("INSERT INTO t VALUES (1)").ok());
  ASSERT_TRUE(session_->Execute("CREATE SEQUENCE s").ok());
  const auto functions = monitor_->Query("SELECT * FROM information_schema.sql_functions");
  ASSERT_TRUE(functions.ok()) << functions.status();
  int safe = 0;
  for (const std::string& function : *functions) {
    bool is_safe = false;
    for (const char* value : {"1", "'a'", "'2026-01-01 10:00:00'", "'{\"a\": [1]}'", "s"}) {
      std::string arguments;
      for (int count = 0; count < 5; ++count) {
        const std::string text = absl::StrCat("SELECT ", function, "(", arguments, ")");
        absl::StrAppend(&arguments, count == 0 ? "" : ", ", value);
        if (Classify(Dialect::kMariaDb, text).safety != Safety::kSafe) continue;
        is_safe = true;
        RunSafe(text);
      }
    }
    safe += is_safe ? 1 : 0;
  }
  Compare();
  std::cout << functions->size() << " functions, " << safe
            << " of them safe; calls run: " << counts_.safe_ran
            << ", refused by the server: " << counts_.safe_refused << "\n";
  EXPECT_GT(counts_.safe_ran, 200);
}

// A built-in function that may stand apart from its parenthesis is called, and not the stored one
// of its name: "CONCAT (a, b)". Others are not: "COUNT (a)".
TEST_F(MysqlTruthTest, NoStoredFunctionIsCalledWhereABuiltInOneIsSafe) {
  ASSERT_TRUE(Connect());
  const auto functions = monitor_->Query("SELECT * FROM information_schema.sql_functions");
  ASSERT_TRUE(functions.ok()) << functions.status();
  int safe = 0;
  int stored = 0;
  for (const std::string& function : *functions) {
    for (const auto& [parameters, arguments] : {std::pair{"", ""},
                                                {"a INT", "1"},
                                                {"a INT, b INT", "1, 1"},
                                                {"a INT, b INT, c INT", "1, 1, 1"}}) {
      const std::string text = absl::StrCat("SELECT ", function, " (", arguments, ")");
      const bool made = session_
                            ->Execute(absl::StrCat("CREATE FUNCTION `", function, "` (", parameters,
                                                   ") RETURNS INT DETERMINISTIC RETURN 4242"))
                            .ok();
      const auto rows = session_->Query(text);
      const bool calls_it = made && rows.ok() && *rows == std::vector<std::string>{"4242"};
      const bool is_safe = Classify(Dialect::kMariaDb, text).safety == Safety::kSafe;
      EXPECT_FALSE(calls_it && is_safe) << text;
      safe += is_safe ? 1 : 0;
      stored += calls_it ? 1 : 0;
      (void)session_->Execute(absl::StrCat("DROP FUNCTION IF EXISTS `", function, "`"));
    }
  }
  EXPECT_GT(safe, 100);
  EXPECT_GT(stored, 10);
}

TEST_F(MysqlTruthTest, NothingThatIsCalledSafeChangesAnything) {
  const char* limit = std::getenv("DBFLEET_TRUTH_SECONDS");
  int seconds = 25;
  const bool all = limit != nullptr && std::string(limit) == "all";
  if (limit != nullptr && !all) {
    ASSERT_TRUE(absl::SimpleAtoi(limit, &seconds)) << limit;
  }
  unsigned seed = std::random_device{}();
  if (const char* given = std::getenv("DBFLEET_TRUTH_SEED")) {
    ASSERT_TRUE(absl::SimpleAtoi(given, &seed));
  }
  std::cout << "DBFLEET_TRUTH_SEED=" << seed << "\n";

  const char* only = std::getenv("DBFLEET_TRUTH_FILE");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".test") continue;
    if (only != nullptr && !absl::StrContains(name, only)) continue;
    if (std::none_of(std::begin(kLeftOut), std::end(kLeftOut),
                     [&](const char* part) { return absl::StrContains(name, part); })) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::shuffle(files.begin(), files.end(), std::mt19937(seed));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  // A slow machine, or files that mostly write, must not leave too few for the proof to mean
  // anything.
  const int enough = only == nullptr ? 100 : 1;
  size_t ran = 0;
  while (ran < files.size() &&
         (all || counts_.safe_ran < enough || std::chrono::steady_clock::now() < end)) {
    RunFile(files[ran++]);
    if (HasFatalFailure()) return;
  }
  Report(ran);
  EXPECT_GE(counts_.safe_ran, enough);
}

}  // namespace
}  // namespace dbfleet::sql
