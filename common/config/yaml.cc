#include "common/config/yaml.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/scalars.h"
#include "common/config/values.h"
#include "common/config/yaml_tree.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = YamlNode::Kind;

// Fills a message from a tree, collecting what is wrong instead of stopping at the first. Lives for
// one call of ParseYaml.
class Filler {
 public:
  explicit Filler(std::vector<YamlProblem>* problems) : problems_(problems) {}

  void FillMessage(const YamlNode& node, absl::string_view what, Message* message) {
    if (node.kind != Kind::kMap) {
      Problem(node, absl::StrCat(what, " wants fields (name: value)",
                                 node.kind == Kind::kScalar
                                     ? absl::StrCat(": ", FieldsOf(*message->GetDescriptor()))
                                     : ""));
      return;
    }
    std::set<std::string> seen;
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      const YamlNode& value = node.items[i];
      if (!CheckKey(key, &seen)) continue;
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(key.text);
      if (field == nullptr) {
        ReportUnknown(key, *message->GetDescriptor());
      } else {
        FillField(value, field, message);
      }
    }
  }

  size_t unknown_fields() const { return unknown_fields_; }

 private:
  void Problem(const YamlNode& node, absl::string_view message) {
    problems_->push_back({node.line, node.column, std::string(message)});
  }

  bool CheckKey(const YamlNode& key, std::set<std::string>* seen) {
    if (key.kind != Kind::kScalar) {
      Problem(key, "a field's name must be plain text");
      return false;
    }
    if (!seen->insert(key.text).second) {
      Problem(key, absl::StrCat(ShownValue(key.text), " is given twice"));
      return false;
    }
    return true;
  }

  static std::string FieldsOf(const Descriptor& type) {
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
    return absl::StrJoin(names, ", ");
  }

  void ReportUnknown(const YamlNode& key, const Descriptor& type) {
    NearestName nearest(key.text);
    for (int i = 0; i < type.field_count(); ++i) nearest.Consider(type.field(i)->name());
    std::string hint = nearest.Hint();
    // Once per place is enough.
    if (hint.empty() && listed_.insert(&type).second) {
      hint = absl::StrCat("; known here: ", FieldsOf(type));
    }
    ++unknown_fields_;
    Problem(key, absl::StrCat("unknown field ", ShownValue(key.text), hint));
  }

  void FillField(const YamlNode& node, const FieldDescriptor* field, Message* message) {
    if (node.kind == Kind::kNull) {
      Problem(node, absl::StrCat(field->name(), " has no value; give one or remove the line"));
    } else if (field->is_map()) {
      FillMap(node, field, message);
    } else if (!field->is_repeated()) {
      FillValue(node, field, message, false);
    } else if (node.kind != Kind::kSequence) {
      Problem(node, absl::StrCat(field->name(), " wants a list (- item)"));
    } else {
      for (const YamlNode& item : node.items) FillValue(item, field, message, true);
    }
  }

  void FillMap(const YamlNode& node, const FieldDescriptor* field, Message* message) {
    if (node.kind != Kind::kMap) {
      Problem(node, absl::StrCat(field->name(), " wants fields (name: value)"));
      return;
    }
    std::set<std::string> seen;
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const YamlNode& key = node.keys[i];
      const YamlNode& value = node.items[i];
      if (!CheckKey(key, &seen)) continue;
      Message* entry = message->GetReflection()->AddMessage(message, field);
      FillField(key, field->message_type()->map_key(), entry);
      FillEntry(key, value, field->message_type()->map_value(), entry);
    }
  }

  // What is wrong with the value itself is told by its name in the file.
  void FillEntry(const YamlNode& key, const YamlNode& value, const FieldDescriptor* field,
                 Message* entry) {
    const bool fields = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                        field->message_type() != google::protobuf::Duration::descriptor();
    if (!fields || value.kind == Kind::kNull) return FillField(value, field, entry);
    FillMessage(value, ShownValue(key.text), entry->GetReflection()->MutableMessage(entry, field));
  }

  void FillValue(const YamlNode& node, const FieldDescriptor* field, Message* message, bool add) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Reflection* reflection = message->GetReflection();
      Message* part =
          add ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field);
      if (field->message_type() == google::protobuf::Duration::descriptor()) {
        FillDuration(node, field, static_cast<google::protobuf::Duration*>(part));
      } else {
        FillMessage(node, field->name(), part);
      }
      return;
    }
    if (node.kind != Kind::kScalar) {
      Problem(node, absl::StrCat(field->name(), " wants a single value"));
      return;
    }
    if (absl::Status status = SetScalar(node, field, message, add); !status.ok()) {
      Problem(node, absl::StrCat(field->name(), ": ", status.message(), ", not ",
                                 ShownValue(node.text), node.quoted ? " in quotes" : ""));
    }
  }

  void FillDuration(const YamlNode& node, const FieldDescriptor* field,
                    google::protobuf::Duration* out) {
    if (node.kind != Kind::kScalar) {
      Problem(node, absl::StrCat(field->name(), " wants a single value"));
      return;
    }
    auto duration = ParseHumanDuration(node.text);
    if (!duration.ok()) {
      Problem(node, absl::StrCat(field->name(), ": ", duration.status().message(), ", not ",
                                 ShownValue(node.text)));
      return;
    }
    *out = ToProto(*duration);
  }

  template <typename T, typename Set, typename Add>
  absl::Status Store(absl::StatusOr<T> value, bool add, Set set, Add append) {
    RETURN_IF_ERROR(value.status());
    if (add) {
      append(*std::move(value));
    } else {
      set(*std::move(value));
    }
    return absl::OkStatus();
  }

// One case per type of field: parse, then set or append through reflection.
#define DBFLEET_STORE(parsed, Name)                                               \
  Store((parsed), add, [&](auto v) { reflection->Set##Name(message, field, v); }, \
        [&](auto v) { reflection->Add##Name(message, field, v); })

  absl::Status SetScalar(const YamlNode& node, const FieldDescriptor* field, Message* message,
                         bool add) {
    const Reflection* reflection = message->GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return DBFLEET_STORE(absl::StatusOr<std::string>(node.text), String);
    }
    if (node.quoted) {
      return absl::InvalidArgumentError("a value without quotes is wanted");
    }
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        return DBFLEET_STORE(ParseBool(node.text), Bool);
      case FieldDescriptor::CPPTYPE_INT32:
        return DBFLEET_STORE(ParseSigned(node.text, std::numeric_limits<int32_t>::min(),
                                         std::numeric_limits<int32_t>::max()),
                             Int32);
      case FieldDescriptor::CPPTYPE_INT64:
        return DBFLEET_STORE(ParseSigned(node.text, std::numeric_limits<int64_t>::min(),
                                         std::numeric_limits<int64_t>::max()),
                             Int64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return DBFLEET_STORE(ParseUnsigned(node.text, std::numeric_limits<uint32_t>::max()),
                             UInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return DBFLEET_STORE(ParseUnsigned(node.text, std::numeric_limits<uint64_t>::max()),
                             UInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return DBFLEET_STORE(ParseNumber(node.text), Double);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return DBFLEET_STORE(ParseNumber(node.text), Float);
      case FieldDescriptor::CPPTYPE_ENUM:
        return DBFLEET_STORE(ParseEnum(node.text, field), Enum);
      default:
        return absl::InvalidArgumentError("this field cannot be set in YAML");
    }
  }
#undef DBFLEET_STORE

  static absl::StatusOr<bool> ParseBool(absl::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return absl::InvalidArgumentError("true or false is wanted");
  }

  static absl::StatusOr<const EnumValueDescriptor*> ParseEnum(const std::string& text,
                                                              const FieldDescriptor* field) {
    const EnumValueDescriptor* value = field->enum_type()->FindValueByName(text);
    if (value != nullptr) return value;
    std::vector<std::string> names;
    NearestName nearest(text);
    for (int i = 0; i < field->enum_type()->value_count(); ++i) {
      names.push_back(field->enum_type()->value(i)->name());
      nearest.Consider(names.back());
    }
    return absl::InvalidArgumentError(
        absl::StrCat("one of ", absl::StrJoin(names, ", "), " is wanted", nearest.Hint()));
  }

  std::vector<YamlProblem>* const problems_;
  std::set<const Descriptor*> listed_;
  size_t unknown_fields_ = 0;
};

absl::Status ToStatus(absl::string_view source, std::vector<YamlProblem> problems) {
  constexpr size_t kMaxShown = 50;
  std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  std::string message;
  for (size_t i = 0; i < std::min(problems.size(), kMaxShown); ++i) {
    const YamlProblem& problem = problems[i];
    absl::StrAppend(&message, i == 0 ? "" : "\n", source);
    if (problem.line > 0) absl::StrAppend(&message, ":", problem.line, ":", problem.column);
    absl::StrAppend(&message, ": ", problem.message);
  }
  if (problems.size() > kMaxShown) {
    absl::StrAppend(&message, "\n", source, ": ", problems.size() - kMaxShown, " more problems");
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_YAML", message);
}

}  // namespace

absl::Status ParseYaml(absl::string_view source, absl::string_view text, Message* message,
                       bool* rest_is_good, int max_nodes, int lines_before) {
  std::vector<YamlProblem> problems;
  bool only_unknown = false;
  const YamlNode root = ReadYamlTree(text, &problems, max_nodes, lines_before);
  std::unique_ptr<Message> result(message->New());
  if (problems.empty() && root.kind != Kind::kNull) {
    Filler filler(&problems);
    filler.FillMessage(root, "the document", result.get());
    only_unknown = filler.unknown_fields() == problems.size();
  }
  if (rest_is_good != nullptr) *rest_is_good = only_unknown || problems.empty();
  if (!problems.empty()) {
    if (rest_is_good != nullptr && only_unknown) message->CopyFrom(*result);
    return ToStatus(source, std::move(problems));
  }
  message->CopyFrom(*result);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadYamlFile(const std::string& path) {
  constexpr int64_t kMaxConfigBytes = 8 << 20;
  return ReadFile(path, kMaxConfigBytes);
}

absl::Status ParseYamlFile(const std::string& path, Message* message) {
  ASSIGN_OR_RETURN(const std::string text, ReadYamlFile(path));
  return ParseYaml(SanitizeForDisplay(path), text, message);
}

}  // namespace dbfleet::config
