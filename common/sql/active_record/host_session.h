#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/text/session_watch.h"

namespace dbfleet::sql {

// Looks in the SQL inside a program for what changes how the server reads the SQL behind it, in the
// order of the text: execute("SET NAMES gbk"), $db->set_charset("gbk"). Not thread-safe.
class HostSession {
 public:
  explicit HostSession(const Target& embedded)
      : embedded_(embedded), watch_(embedded), charset_(embedded.charset) {}

  void Take(const HostProgram& program, const HostChain& chain);
  // Of any call, whatever it is called on.
  void TakeCharset(const HostProgram& program, const HostChain& chain);

  bool modes_changed() const { return watch_.modes_changed(); }
  CharsetRisk charset() const { return charset_ < watch_.charset() ? watch_.charset() : charset_; }

  // What a variable holds that the statement runs, one text behind another.
  void TakeSql(absl::string_view sql);

 private:
  const Target embedded_;
  SessionWatch watch_;
  CharsetRisk charset_;
};

}  // namespace dbfleet::sql
