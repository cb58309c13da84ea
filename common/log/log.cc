#include "common/log/log.h"

#include <atomic>
#include <memory>

#include "spdlog/logger.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"

#include "common/base/text.h"

namespace dbfleet::log {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%fZ %l %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})";

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      break;
  }
  return spdlog::level::err;
}

// The process's one log. It is never destroyed: threads and static destructors may write until the
// very end.
struct Sink {
  Sink() : logger("dbfleet", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_level(spdlog::level::info);
    logger.set_pattern(kTextPattern, spdlog::pattern_time_type::utc);
  }
  spdlog::logger logger;
  std::atomic<bool> json{false};
};

Sink& TheSink() {
  static Sink* const sink = new Sink;
  return *sink;
}

// `printable` holds neither control characters nor invalid UTF-8 any more.
std::string Quote(absl::string_view printable) {
  std::string out = "\"";
  for (const char c : printable) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string TextLine(absl::string_view message, std::initializer_list<Field> fields) {
  std::string line = SanitizeForDisplay(message);
  for (const auto& [key, value] : fields) {
    const std::string printable = SanitizeForDisplay(value);
    const bool plain = !printable.empty() && printable.find_first_of(" \"=\\") == std::string::npos;
    absl::StrAppend(&line, " ", SanitizeForDisplay(key), "=", plain ? printable : Quote(printable));
  }
  return line;
}

std::string JsonMembers(absl::string_view message, std::initializer_list<Field> fields) {
  std::string line = absl::StrCat("\"message\":", Quote(SanitizeForDisplay(message)));
  for (const auto& [key, value] : fields) {
    const bool taken = key == "time" || key == "level" || key == "message";
    absl::StrAppend(&line, ",", Quote(SanitizeForDisplay(taken ? absl::StrCat(key, "_") : key)),
                    ":", Quote(SanitizeForDisplay(value)));
  }
  return line;
}

}  // namespace

void Init(Level level, Format format) {
  Sink& sink = TheSink();
  sink.json = format == Format::kJson;
  sink.logger.set_level(ToSpdlog(level));
  sink.logger.set_pattern(format == Format::kJson ? kJsonPattern : kTextPattern,
                          spdlog::pattern_time_type::utc);
}

void Write(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  Sink& sink = TheSink();
  const spdlog::level::level_enum spdlog_level = ToSpdlog(level);
  if (!sink.logger.should_log(spdlog_level)) return;
  const std::string line = sink.json ? JsonMembers(message, fields) : TextLine(message, fields);
  sink.logger.log(spdlog_level, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace dbfleet::log
