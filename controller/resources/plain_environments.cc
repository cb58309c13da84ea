#include "controller/resources/plain_environments.h"

#include <algorithm>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

#include "common/base/ids.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool NamesEnvironments(const FieldDescriptor& field) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return false;
  return field.name() == (field.is_repeated() ? "environments" : "environment") ||
         (field.name() == "from" &&
          field.containing_type() == resource::v1::PromotionSpec::descriptor());
}

// Only what the renaming makes equal goes: what was written twice is for the check to report.
void RenameAll(const FieldDescriptor* field, Message* message) {
  const Reflection& reflection = *message->GetReflection();
  std::vector<std::string> given;
  for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
    given.push_back(reflection.GetRepeatedString(*message, field, i));
  }
  reflection.ClearField(message, field);
  for (const std::string& name : given) {
    const std::string plain(PlainEnvironment(name));
    const bool stands = std::find(given.begin(), given.end(), plain) != given.end();
    if (plain == name || !stands) reflection.AddString(message, field, plain);
  }
}

}  // namespace

void NameEnvironmentsPlainly(Message* message) {
  const Reflection& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;  // Those that are set.
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* const field : fields) {
    if (NamesEnvironments(*field)) {
      if (field->is_repeated()) {
        RenameAll(field, message);
      } else {
        const std::string name = reflection.GetString(*message, field);
        reflection.SetString(message, field, std::string(PlainEnvironment(name)));
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        NameEnvironmentsPlainly(reflection.MutableMessage(message, field));
      }
      for (int i = 0; field->is_repeated() && i < reflection.FieldSize(*message, field); ++i) {
        NameEnvironmentsPlainly(reflection.MutableRepeatedMessage(message, field, i));
      }
    }
  }
}

}  // namespace dbfleet::controller
