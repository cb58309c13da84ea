#include "common/metrics/exposition.h"

#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::metrics {
namespace {

constexpr absl::string_view TypeName(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kHistogram:
      return "histogram";
    case Type::kUntyped:
      break;
  }
  return "untyped";
}

// HELP escapes backslash and newline; label values also the double quote.
void AppendEscaped(absl::string_view text, bool quote, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      out->append("\\n");
    } else if (c == '\\' || (quote && c == '"')) {
      out->push_back('\\');
      out->push_back(c);
    } else {
      out->push_back(c);
    }
  }
}

bool IsName(absl::string_view name, bool colon) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(c) && c != '_' && !(colon && c == ':')) return false;
  }
  return true;
}

}  // namespace

std::string FormatValue(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, result.ptr);
}

void ExpositionWriter::Family(absl::string_view name, absl::string_view help, Type type) {
  if (!help.empty()) {
    absl::StrAppend(out_, "# HELP ", name, " ");
    AppendEscaped(help, false, out_);
    out_->push_back('\n');
  }
  absl::StrAppend(out_, "# TYPE ", name, " ", TypeName(type), "\n");
}

void ExpositionWriter::Sample(absl::string_view name, const Labels& labels, double value) {
  Sample(name, labels, {}, value);
}

void ExpositionWriter::Sample(absl::string_view name, const Labels& labels, const Labels& common,
                              double value) {
  absl::StrAppend(out_, name);
  bool first = true;
  WriteLabels(labels, &first);
  WriteLabels(common, &first);
  absl::StrAppend(out_, first ? " " : "} ", FormatValue(value), "\n");
}

void ExpositionWriter::WriteLabels(const Labels& labels, bool* first) {
  for (const auto& [name, value] : labels) {
    absl::StrAppend(out_, *first ? "{" : ",", name, "=\"");
    AppendEscaped(value, true, out_);
    out_->push_back('"');
    *first = false;
  }
}

bool IsMetricName(absl::string_view name) { return IsName(name, true); }
bool IsLabelName(absl::string_view name) { return IsName(name, false); }

}  // namespace dbfleet::metrics
