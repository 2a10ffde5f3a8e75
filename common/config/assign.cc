// SPDX-License-Identifier: Apache-2.0
#include "common/config/assign.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/config/field.h"
#include "common/config/nearest.h"

namespace chasqui::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;

// An alias can make a small file stand for a huge or endless tree: the walk is bounded, not only
// the file.
constexpr int kMostNodes = 100'000;
constexpr int kMostDepth = 32;

std::string Join(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

// One source's settings on their way onto a message. Lives for one AssignYaml or AssignPath.
class Assignment {
 public:
  // `origin` and, where nodes know their line, that line stand first in each problem.
  Assignment(std::string_view origin, bool has_lines, Problems& problems)
      : origin_(origin), has_lines_(has_lines), problems_(problems) {}

  // Merges the keys of a YAML map into `message`, which is found at `path`.
  void PutMessage(const YAML::Node& node, const std::string& path, Message& message);

 private:
  void PutField(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                Message& message);
  void PutSingle(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message& message);
  void PutList(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
               Message& message);
  void PutMap(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
              Message& message);

  // Whether the walk may go on into `node`; adds a problem (once) when it may not.
  bool Enter(const YAML::Node& node, const std::string& path);
  void Add(const YAML::Node& node, std::string_view path, std::string_view what);

  const std::string origin_;
  const bool has_lines_;
  Problems& problems_;
  int nodes_ = 0;
  int depth_ = 0;
};

void Assignment::Add(const YAML::Node& node, std::string_view path, std::string_view what) {
  std::string where = origin_;
  if (has_lines_ && !node.Mark().is_null()) absl::StrAppend(&where, ":", node.Mark().line + 1);
  if (!path.empty()) absl::StrAppend(&where, ": ", path);
  problems_.Add(where, what);
}

bool Assignment::Enter(const YAML::Node& node, const std::string& path) {
  if (nodes_ > kMostNodes) return false;
  if (depth_ > kMostDepth) {
    Add(node, path, absl::StrCat("is nested more than ", kMostDepth, " deep"));
    nodes_ = kMostNodes + 1;
    return false;
  }
  if (++nodes_ > kMostNodes) {
    Add(node, "", absl::StrCat("has more than ", kMostNodes, " values"));
    return false;
  }
  return true;
}

void Assignment::PutMessage(const YAML::Node& node, const std::string& path, Message& message) {
  if (!Enter(node, path)) return;
  if (node.IsNull()) return;
  const Descriptor& type = *message.GetDescriptor();
  if (!node.IsMap()) {
    Add(node, path,
        absl::StrCat("must be a map with keys such as ",
                     FieldNames(type).empty() ? "" : FieldNames(type).front()));
    return;
  }
  ++depth_;
  std::map<std::string, YAML::Node> seen;
  std::map<const OneofDescriptor*, std::string> chosen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      Add(entry.first, path, "has a key that is not a plain word");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const std::string key_path = Join(path, key);
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) {
      Add(entry.first, path.empty() ? Quoted(key) : Join(path, Quoted(key)),
          absl::StrCat("unknown key", DidYouMean(key, FieldNames(type))));
      continue;
    }
    if (const auto [first, is_new] = seen.emplace(key, entry.first); !is_new) {
      Add(entry.first, key_path, "given twice");
      continue;
    }
    if (const OneofDescriptor* oneof = field->real_containing_oneof(); oneof != nullptr) {
      const auto [other, is_first] = chosen.emplace(oneof, key);
      if (!is_first) {
        Add(entry.first, key_path, absl::StrCat("excludes ", other->second, ", which is set too"));
        continue;
      }
    }
    if (entry.second.IsNull() && (field->is_repeated() || IsScalar(*field))) {
      // Said at the key: an absent value's own line is that of what follows it.
      Add(entry.first, key_path, "has no value; leave the key out to keep the default");
      continue;
    }
    PutField(entry.second, key_path, *field, message);
  }
  --depth_;
}

void Assignment::PutField(const YAML::Node& node, const std::string& path,
                          const FieldDescriptor& field, Message& message) {
  if (field.is_map()) {
    PutMap(node, path, field, message);
  } else if (field.is_repeated()) {
    PutList(node, path, field, message);
  } else {
    PutSingle(node, path, field, message);
  }
}

void Assignment::PutSingle(const YAML::Node& node, const std::string& path,
                           const FieldDescriptor& field, Message& message) {
  if (!IsScalar(field)) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    PutMessage(node, path,
               field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                   : *reflection.MutableMessage(&message, &field));
    return;
  }
  if (!Enter(node, path)) return;
  if (node.IsNull()) {
    Add(node, path, "has no value");
  } else if (!node.IsScalar()) {
    Add(node, path, "must be a single value");
  } else if (const absl::Status status = PutScalar(node.Scalar(), field, message); !status.ok()) {
    Add(node, path, status.message());
  }
}

void Assignment::PutList(const YAML::Node& node, const std::string& path,
                         const FieldDescriptor& field, Message& message) {
  if (!Enter(node, path)) return;
  if (!node.IsSequence()) {
    Add(node, path, "must be a list");
    return;
  }
  message.GetReflection()->ClearField(&message, &field);
  ++depth_;
  for (std::size_t i = 0; i < node.size(); ++i) {
    PutSingle(node[i], absl::StrCat(path, "[", i, "]"), field, message);
  }
  --depth_;
}

void Assignment::PutMap(const YAML::Node& node, const std::string& path,
                        const FieldDescriptor& field, Message& message) {
  if (!Enter(node, path)) return;
  if (!node.IsMap()) {
    Add(node, path, "must be a map");
    return;
  }
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  ++depth_;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      Add(entry.first, path, "has a key that is not a plain word");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    // Appended even when the key is there already: of two entries the later one holds, which is how
    // a later source overrides an earlier one.
    Message& target = *reflection.AddMessage(&message, &field);
    if (const absl::Status status = PutScalar(key, key_field, target); !status.ok()) {
      Add(entry.first, Join(path, key), absl::StrCat("has a key that ", status.message()));
    }
    PutField(entry.second, Join(path, key), value_field, target);
  }
  --depth_;
}

// `value` as the YAML of `field`.
YAML::Node ValueNode(const FieldDescriptor& field, const std::string& value) {
  if (!field.is_repeated() && IsScalar(field)) return YAML::Node(value);
  const std::string_view plain = absl::StripLeadingAsciiWhitespace(value);
  const bool is_flow = plain.starts_with('[') || plain.starts_with('{');
  if (is_flow || !field.is_repeated() || field.is_map() || !IsScalar(field)) {
    return YAML::Load(value);
  }
  YAML::Node list(YAML::NodeType::Sequence);
  for (const std::string_view element : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
    list.push_back(std::string(absl::StripAsciiWhitespace(element)));
  }
  return list;
}

// {queue: {max_requests: value}} for queue.max_requests; an undefined node when a step of the path
// leads nowhere, which is then a problem.
YAML::Node Wrapped(const std::vector<std::string>& steps, std::size_t index, const Descriptor& type,
                   const std::string& value) {
  const FieldDescriptor* field = type.FindFieldByName(steps[index]);
  YAML::Node node(YAML::NodeType::Map);
  YAML::Node inner;
  const bool is_last = index + 1 == steps.size();
  if (field == nullptr) {
    inner = YAML::Node(value);  // PutMessage says that the key is unknown
  } else if (is_last) {
    inner = ValueNode(*field, value);
  } else if (field->is_map()) {
    // The rest of the path is the key, dots and all.
    const std::string key =
        absl::StrJoin(steps.begin() + static_cast<std::ptrdiff_t>(index) + 1, steps.end(), ".");
    inner = YAML::Node(YAML::NodeType::Map);
    inner.force_insert(key, ValueNode(*field->message_type()->map_value(), value));
  } else if (field->is_repeated() || IsScalar(*field)) {
    inner = YAML::Node(YAML::NodeType::Map);  // PutList and PutSingle say what it must be
  } else {
    inner = Wrapped(steps, index + 1, *field->message_type(), value);
  }
  node.force_insert(steps[index], inner);
  return node;
}

}  // namespace

void AssignYaml(std::string_view name, const std::string& text, Message& config,
                Problems& problems) {
  try {
    // yaml-cpp lets the end of the file close an open quote, which would swallow every setting
    // after it; the end of a document it refuses.
    const std::string_view line_end = text.ends_with('\n') ? "" : "\n";
    const std::vector<YAML::Node> documents = YAML::LoadAll(absl::StrCat(text, line_end, "...\n"));
    if (documents.size() > 1) {
      problems.Add(name, "must hold one YAML document only");
    } else if (documents.size() == 1) {
      Assignment(name, /*has_lines=*/true, problems).PutMessage(documents.front(), "", config);
    }
  } catch (const YAML::Exception& error) {
    problems.Add(absl::StrCat(name, ":", error.mark.line + 1),
                 absl::StrCat("is not YAML: ", error.msg));
  }
}

void AssignPath(std::string_view origin, std::string_view path, const std::string& value,
                Message& config, Problems& problems) {
  const std::vector<std::string> steps = absl::StrSplit(path, '.');
  try {
    Assignment(origin, /*has_lines=*/false, problems)
        .PutMessage(Wrapped(steps, 0, *config.GetDescriptor(), value), "", config);
  } catch (const YAML::Exception& error) {
    problems.Add(absl::StrCat(origin, ": ", path), absl::StrCat("is not YAML: ", error.msg));
  }
}

}  // namespace chasqui::config
