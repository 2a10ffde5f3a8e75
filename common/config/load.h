// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/message.h>

#include "common/config/environment.h"
#include "common/config/problems.h"

namespace chasqui::config {

// Where settings come from; what stands later wins.
struct Sources {
  // A YAML file of at most 1 MiB.
  std::optional<std::string> file;
  // Variables named `environment_prefix`, "_" and a path in capitals with "_" for ".":
  // CHASQUI_ROUTER_QUEUE_MAX_REQUESTS sets queue.max_requests. Those that Kubernetes makes for its
  // Services (CHASQUI_ROUTER_SERVICE_HOST and so on) are left alone.
  Environment environment;
  std::string environment_prefix;
  // Variables that have the prefix and are not settings.
  std::vector<std::string> not_settings;
  // "queue.max_requests=512" each. A list, map or message is written as flow YAML:
  // 'models=[{path: a.gguf}]'; a list of plain values also as "a,b".
  std::vector<std::string> overrides;
};

// Puts the settings of `sources` onto `config`, which holds the defaults. Fields are found by
// reflection: an unknown key, a value that does not fit its field, a key given twice or two members
// of one oneof are problems, and all of them are reported. After a problem `config` is of no use.
//
// A list in a later source replaces the earlier one; messages and maps are merged key by key.
// Blocks on reading the file.
void Load(const Sources& sources, google::protobuf::Message& config, Problems& problems);

// `config` as YAML that Load reads back to the same message: every field that is set or has a
// default. Values of secret fields are masked, and so are passwords inside URLs.
std::string Print(const google::protobuf::Message& config);

// Whether a field's value must never be shown. A rule of names, so that a new field cannot be
// forgotten: a text whose name ends in password, passphrase, secret, token, credentials or api_key,
// or the plural of one. (Names that end in _file hold a path, which may be shown.)
bool IsSecret(const google::protobuf::FieldDescriptor& field);

}  // namespace chasqui::config
