#include "agent/engines/mysql/mysql_probe.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

absl::Duration HalfInSeconds(absl::Duration deadline) {
  return std::max(absl::Seconds(1), absl::Floor(deadline / 2, absl::Seconds(1)));
}

// MySQL 8 renamed master to source and slave to replica; MariaDB and the exporters did not.
std::string OldName(absl::string_view name) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(name),
                             {{"source", "master"}, {"replica", "slave"}});
}

}  // namespace

MysqlProbe::MysqlProbe(absl::Duration deadline, Clock& clock)
    : clock_(clock),
      start_(clock.Monotonic()),
      deadline_(deadline),
      io_timeout_(HalfInSeconds(deadline)) {}

absl::StatusOr<std::unique_ptr<MysqlProbe>> MysqlProbe::Open(const InstanceSpec& spec,
                                                             absl::Duration deadline,
                                                             Clock& clock) {
  std::unique_ptr<MysqlProbe> probe(new MysqlProbe(deadline, clock));
  MysqlConnection::Options options;
  options.connect_timeout = probe->io_timeout_;
  options.io_timeout = probe->io_timeout_;
  ASSIGN_OR_RETURN(probe->connection_, MysqlConnection::Open(spec, options));
  // The server gives up as well. Times below come in the server's zone; a session zone of its own
  // would shift those that InnoDB keeps.
  const int64_t seconds = absl::ToInt64Seconds(probe->io_timeout_);
  RETURN_IF_ERROR(
      probe->connection_
          ->Execute(absl::StrCat("SET SESSION time_zone = 'SYSTEM', SESSION ",
                                 probe->is_mariadb()
                                     ? absl::StrCat("max_statement_time = ", seconds)
                                     : absl::StrCat("max_execution_time = ", seconds * 1000)))
          .status());
  return probe;
}

absl::StatusOr<std::vector<MysqlConnection::NamedRow>> MysqlProbe::Query(
    absl::string_view statement) {
  if (clock_.Monotonic() - start_ + io_timeout_ > std::max(deadline_, absl::Seconds(2))) {
    return Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
                 absl::StrCat("no time left of ", absl::FormatDuration(deadline_)));
  }
  return connection_->QueryNamed(statement);
}

absl::StatusOr<MysqlProbe::Values> MysqlProbe::NameValues(absl::string_view statement) {
  ASSIGN_OR_RETURN(const auto rows, Query(statement));
  Values values;
  for (const MysqlConnection::NamedRow& row : rows) {
    if (row.size() < 2) continue;
    values[absl::AsciiStrToLower(row[0].second.value_or(""))] = row[1].second.value_or("");
  }
  return values;
}

absl::StatusOr<std::vector<MysqlProbe::Channel>> MysqlProbe::ReplicationChannels() {
  auto rows = Query(is_mariadb() ? "SHOW ALL SLAVES STATUS" : "SHOW REPLICA STATUS");
  // MySQL before 8.0.22 does not know the new word.
  if (!rows.ok() && ReasonOf(rows.status()) == "BAD_SQL") rows = Query("SHOW SLAVE STATUS");
  if (!rows.ok()) return rows.status();
  std::vector<Channel> channels;
  for (const MysqlConnection::NamedRow& row : *rows) {
    Channel& channel = channels.emplace_back();
    for (const auto& [name, value] : row) channel[OldName(name)] = value;
  }
  return channels;
}

}  // namespace dbfleet::agent
