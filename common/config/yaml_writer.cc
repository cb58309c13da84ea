#include "common/config/yaml_writer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"

#include "common/base/duration_text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Words that other readers of YAML take for something else than text.
bool IsSpecialWord(absl::string_view text) {
  static constexpr absl::string_view kWords[] = {"true", "false", "yes", "no", "on",
                                                 "off",  "null",  "y",   "n",  "nan"};
  const std::string lower = absl::AsciiStrToLower(text);
  return std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords);
}

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out.push_back('\\');
        out.push_back(c);
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
          absl::StrAppend(&out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
  return out;
}

std::string Text(absl::string_view text) {
  const bool plain =
      !text.empty() && absl::ascii_isalpha(text[0]) &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
      });
  return plain && !IsSpecialWord(text) ? std::string(text) : Quoted(text);
}

class Writer {
 public:
  explicit Writer(DurationStyle durations) : durations_(durations) {}

  std::string out;

  void WriteMessage(const Message& message, int indent) {
    const google::protobuf::Descriptor& type = *message.GetDescriptor();
    const Reflection& reflection = *message.GetReflection();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      if (field->is_map()) {
        WriteMap(message, field, indent);
      } else if (field->is_repeated()) {
        WriteList(message, field, indent);
      } else if (reflection.HasField(message, field)) {
        Name(field->name(), indent);
        WriteValue(message, field, -1, indent);
      }
    }
  }

 private:
  void Name(absl::string_view name, int indent) {
    absl::StrAppend(&out, std::string(static_cast<size_t>(indent), ' '), name, ":");
  }

  // Behind "name:" or "-"; `index` below 0: the field is not repeated.
  void WriteValue(const Message& message, const FieldDescriptor* field, int index, int indent) {
    const Reflection& reflection = *message.GetReflection();
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      absl::StrAppend(&out, " ", Scalar(message, field, index), "\n");
      return;
    }
    const Message& part = index < 0 ? reflection.GetMessage(message, field)
                                    : reflection.GetRepeatedMessage(message, field, index);
    if (part.GetDescriptor() == google::protobuf::Duration::descriptor()) {
      const absl::Duration value = FromProto(static_cast<const google::protobuf::Duration&>(part));
      absl::StrAppend(
          &out, " ",
          durations_ == DurationStyle::kDays ? ConfigDuration(value) : absl::FormatDuration(value),
          "\n");
      return;
    }
    const size_t before = out.size();
    out += "\n";
    WriteMessage(part, indent + 2);
    if (out.size() == before + 1) out.replace(before, 1, " {}\n");
  }

  void WriteList(const Message& message, const FieldDescriptor* field, int indent) {
    const int count = message.GetReflection()->FieldSize(message, field);
    if (count == 0) return;
    Name(field->name(), indent);
    out += "\n";
    for (int i = 0; i < count; ++i) {
      const size_t before = out.size();
      absl::StrAppend(&out, std::string(static_cast<size_t>(indent) + 2, ' '), "-");
      WriteValue(message, field, i, indent + 2);
      // The first field of a list's message stands behind its dash.
      const std::string broken = absl::StrCat("-\n", std::string(indent + 4, ' '));
      const size_t at = out.find(broken, before);
      if (at == before + static_cast<size_t>(indent) + 2) out.replace(at, broken.size(), "- ");
    }
  }

  void WriteMap(const Message& message, const FieldDescriptor* field, int indent) {
    const Reflection& reflection = *message.GetReflection();
    std::map<std::string, const Message*> entries;
    const FieldDescriptor* key = field->message_type()->map_key();
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, field, i);
      entries[Scalar(entry, key, -1)] = &entry;
    }
    if (entries.empty()) return;
    Name(field->name(), indent);
    out += "\n";
    for (const auto& [name, entry] : entries) {
      Name(name, indent + 2);
      WriteValue(*entry, field->message_type()->map_value(), -1, indent + 2);
    }
  }

  static std::string Scalar(const Message& message, const FieldDescriptor* field, int index) {
    const Reflection& r = *message.GetReflection();
    const bool one = index < 0;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(one ? r.GetString(message, field) : r.GetRepeatedString(message, field, index));
      case FieldDescriptor::CPPTYPE_BOOL:
        return (one ? r.GetBool(message, field) : r.GetRepeatedBool(message, field, index))
                   ? "true"
                   : "false";
      case FieldDescriptor::CPPTYPE_INT32:
        return absl::StrCat(one ? r.GetInt32(message, field)
                                : r.GetRepeatedInt32(message, field, index));
      case FieldDescriptor::CPPTYPE_INT64:
        return absl::StrCat(one ? r.GetInt64(message, field)
                                : r.GetRepeatedInt64(message, field, index));
      case FieldDescriptor::CPPTYPE_UINT32:
        return absl::StrCat(one ? r.GetUInt32(message, field)
                                : r.GetRepeatedUInt32(message, field, index));
      case FieldDescriptor::CPPTYPE_UINT64:
        return absl::StrCat(one ? r.GetUInt64(message, field)
                                : r.GetRepeatedUInt64(message, field, index));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return absl::StrCat(one ? r.GetDouble(message, field)
                                : r.GetRepeatedDouble(message, field, index));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return absl::StrCat(one ? r.GetFloat(message, field)
                                : r.GetRepeatedFloat(message, field, index));
      case FieldDescriptor::CPPTYPE_ENUM:
        return (one ? r.GetEnum(message, field) : r.GetRepeatedEnum(message, field, index))->name();
      case FieldDescriptor::CPPTYPE_MESSAGE:
        break;
    }
    return "{}";
  }

  const DurationStyle durations_;
};

}  // namespace

std::string WriteYaml(const Message& message, DurationStyle durations) {
  Writer writer(durations);
  writer.WriteMessage(message, 0);
  return writer.out;
}

}  // namespace dbfleet::config
