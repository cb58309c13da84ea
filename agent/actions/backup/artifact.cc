#include "agent/actions/backup/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "agent/exec/launch.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kHeadBytes = 64 << 10;
constexpr size_t kTailBytes = 16 << 10;
constexpr size_t kReadBytes = 1 << 20;

absl::Status Corrupt(const std::string& path, absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT", absl::StrCat(path, " ", what));
}

absl::Status Incomplete(absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "BACKUP_INCOMPLETE", what);
}

// Decompresses what it is fed and keeps the facts of the source.
class SourceReader {
 public:
  SourceReader() : stream_(ZSTD_createDStream()), output_(ZSTD_DStreamOutSize()) {}
  ~SourceReader() { ZSTD_freeDStream(stream_); }
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;

  // An error's text, or "".
  std::string Feed(absl::string_view data) {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    // A full output buffer can mean that more waits inside, without any further input.
    bool output_full = true;
    while (in.pos < in.size || output_full) {
      ZSTD_outBuffer out{output_.data(), output_.size(), 0};
      const size_t before = in.pos;
      const size_t hint = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(hint)) return ZSTD_getErrorName(hint);
      if (in.pos != before || out.pos > 0) frame_ended_ = hint == 0;
      Take(absl::string_view(output_.data(), out.pos));
      output_full = out.pos == out.size && !frame_ended_;
    }
    return "";
  }

  bool frame_ended() const { return frame_ended_; }

  void Finish(ArtifactFacts* facts) {
    facts->source_bytes = bytes_;
    facts->source_sha256 = hash_.FinishHex();
    facts->head = std::move(head_);
    facts->tail = tail_.size() > kTailBytes ? tail_.substr(tail_.size() - kTailBytes) : tail_;
  }

 private:
  void Take(absl::string_view data) {
    bytes_ += static_cast<int64_t>(data.size());
    hash_.Update(data);
    if (head_.size() < kHeadBytes)
      head_.append(data.data(), std::min(data.size(), kHeadBytes - head_.size()));
    tail_.append(data.data(), data.size());
    if (tail_.size() > 4 * kReadBytes) tail_.erase(0, tail_.size() - kTailBytes);
  }

  ZSTD_DStream* const stream_;
  std::vector<char> output_;
  bool frame_ended_ = false;
  int64_t bytes_ = 0;
  Sha256Stream hash_;
  std::string head_;
  std::string tail_;
};

absl::string_view LastLine(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t newline = text.rfind('\n');
  return newline == absl::string_view::npos ? text : text.substr(newline + 1);
}

bool HasLine(absl::string_view text, absl::string_view line) {
  for (const absl::string_view candidate : absl::StrSplit(text, '\n')) {
    if (candidate == line) return true;
  }
  return false;
}

// The text between single quotes after `prefix`, on a line that begins with it.
std::string QuotedAfter(absl::string_view text, absl::string_view prefix, bool last) {
  std::string found;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, prefix)) continue;
    found = std::string(line.substr(0, line.find('\'')));
    if (!last) return found;
  }
  return found;
}

// The value in a line such as "[offset 53] AUX FIELD ctime = '1795170085'".
std::string AuxField(absl::string_view output, absl::string_view name) {
  const std::string key = absl::StrCat("AUX FIELD ", name, " = '");
  const size_t at = output.find(key);
  if (at == absl::string_view::npos) return "";
  const absl::string_view rest = output.substr(at + key.size());
  return std::string(rest.substr(0, rest.find('\'')));
}

}  // namespace

absl::string_view FormatName(DumpFormat format) {
  switch (format) {
    case DumpFormat::kMysqlSql:
      return "mysql-sql";
    case DumpFormat::kPostgresArchive:
      return "postgresql-archive";
    case DumpFormat::kPostgresGlobals:
      return "postgresql-globals";
    case DumpFormat::kRedisRdb:
      return "redis-rdb";
  }
  return "";
}

absl::StatusOr<DumpFormat> ParseFormat(absl::string_view name) {
  for (const DumpFormat format : {DumpFormat::kMysqlSql, DumpFormat::kPostgresArchive,
                                  DumpFormat::kPostgresGlobals, DumpFormat::kRedisRdb}) {
    if (FormatName(format) == name) return format;
  }
  return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_FORMAT",
               absl::StrCat("unknown format of a backup file: ", name));
}

absl::StatusOr<ArtifactFacts> ReadArtifact(const std::string& path,
                                           const std::function<bool()>& keep_going) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) return Corrupt(path, "is not a regular file");
  ArtifactFacts facts;
  Sha256Stream stored_hash;
  SourceReader source;
  std::vector<char> buffer(kReadBytes);
  for (;;) {
    if (keep_going && !keep_going()) {
      return Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled while a backup was read");
    }
    const ssize_t n = read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("read ", path));
    if (n == 0) break;
    const absl::string_view data(buffer.data(), n);
    facts.stored_bytes += n;
    stored_hash.Update(data);
    const std::string error = source.Feed(data);
    if (!error.empty()) return Corrupt(path, absl::StrCat("does not decompress: ", error));
  }
  if (!source.frame_ended()) return Corrupt(path, "ends in the middle of its compressed data");
  facts.stored_sha256 = stored_hash.FinishHex();
  source.Finish(&facts);
  return facts;
}

absl::Status CheckEnds(DumpFormat format, const ArtifactFacts& facts) {
  switch (format) {
    case DumpFormat::kMysqlSql:
      if (absl::StartsWith(LastLine(facts.tail), "-- Dump completed")) return absl::OkStatus();
      return Incomplete("the dump does not end with its last line, \"-- Dump completed\"");
    case DumpFormat::kPostgresGlobals:
      // Newer versions write a psql command after it.
      if (HasLine(facts.tail, "-- PostgreSQL database cluster dump complete"))
        return absl::OkStatus();
      return Incomplete("the dump of the roles and tablespaces does not end as pg_dumpall ends it");
    case DumpFormat::kPostgresArchive:
      if (absl::StartsWith(facts.head, "PGDMP")) return absl::OkStatus();
      return Incomplete("the dump is not a PostgreSQL archive");
    case DumpFormat::kRedisRdb:
      if (absl::StartsWith(facts.head, "REDIS")) return absl::OkStatus();
      return Incomplete("the dump is not an RDB file");
  }
  return Incomplete("unknown format");
}

std::string PositionInDump(DumpFormat format, const ArtifactFacts& facts) {
  if (format != DumpFormat::kMysqlSql) return "";
  constexpr absl::string_view kFile = "-- CHANGE MASTER TO MASTER_LOG_FILE='";
  const std::string file = QuotedAfter(facts.head, kFile, /*last=*/false);
  if (file.empty()) return "";
  std::string position = absl::StrCat("binlog ", file);
  const std::string with_position = absl::StrCat(kFile, file, "', MASTER_LOG_POS=");
  const size_t at = facts.head.find(with_position);
  if (at != std::string::npos) {
    const absl::string_view rest = absl::string_view(facts.head).substr(at + with_position.size());
    absl::StrAppend(&position, ":", rest.substr(0, rest.find(';')));
  }
  const std::string gtid = QuotedAfter(facts.tail, "-- SET GLOBAL gtid_slave_pos='", /*last=*/true);
  if (!gtid.empty()) absl::StrAppend(&position, " gtid ", gtid);
  return position;
}

absl::StatusOr<RdbReport> ParseRdbReport(absl::string_view output) {
  RdbReport report;
  bool sound = false;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (absl::ConsumePrefix(&line, "[offset ") && absl::EndsWith(line, "RDB looks OK! \\o/")) {
      sound = absl::SimpleAtoi(line.substr(0, line.find(']')), &report.length);
    } else if (absl::ConsumePrefix(&line, "[info] ") && absl::ConsumeSuffix(&line, " keys read")) {
      if (!absl::SimpleAtoi(line, &report.keys)) report.keys = 0;
    }
  }
  if (!sound) {
    return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT",
                 "redis-check-rdb did not say that the RDB is sound");
  }
  report.saved = "rdb";
  for (const char* name : {"ctime", "repl-offset"}) {
    const std::string value = AuxField(output, name);
    if (!value.empty()) absl::StrAppend(&report.saved, " ", name, "=", value);
  }
  return report;
}

}  // namespace dbfleet::agent
