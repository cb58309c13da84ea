#include "controller/cli/utf8.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::Status NotUtf8(absl::string_view where) {
  return Error(absl::StatusCode::kInvalidArgument, "NOT_UTF8",
               absl::StrCat(where, " is not valid UTF-8; write it in that encoding"));
}

std::string WrongField(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool text = field->type() == FieldDescriptor::TYPE_STRING;
    if (!text && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const std::string name =
          field->is_repeated() ? absl::StrCat(field->name(), "[", i, "]") : field->name();
      if (text) {
        const std::string value = field->is_repeated()
                                      ? reflection.GetRepeatedString(message, field, i)
                                      : reflection.GetString(message, field);
        if (!IsValidUtf8(value)) return name;
        continue;
      }
      const std::string inner =
          WrongField(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                          : reflection.GetMessage(message, field));
      if (!inner.empty()) return absl::StrCat(name, ".", inner);
    }
  }
  return "";
}

}  // namespace

absl::Status RequireUtf8(const Message& message) {
  const std::string wrong = WrongField(message);
  return wrong.empty() ? absl::OkStatus() : NotUtf8(absl::StrCat("the request's ", wrong));
}

absl::Status RequireUtf8(absl::string_view file, absl::string_view text) {
  int line = 0;
  for (const absl::string_view part : absl::StrSplit(text, '\n')) {
    ++line;
    if (!IsValidUtf8(part)) return NotUtf8(absl::StrCat(file, ":", line, ": the text"));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::cli
