// SPDX-License-Identifier: Apache-2.0
#include "common/config/load.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/config/assign.h"
#include "common/config/nearest.h"
#include "common/config/variable_name.h"

namespace chasqui::config {
namespace {

using google::protobuf::Message;

constexpr std::size_t kMostFileBytes = 1 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One byte more than may be there tells a file that is too large from one that just fits; a
  // device without an end is not read to its end.
  std::string text(kMostFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory can be opened and not be read.
  if (!file.is_open() || file.bad()) return absl::NotFoundError("cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMostFileBytes) return absl::InvalidArgumentError("is larger than 1 MiB");
  return text;
}

void LoadEnvironment(const Sources& sources, Message& config, Problems& problems) {
  const std::string prefix = sources.environment_prefix + "_";
  const google::protobuf::Descriptor& type = *config.GetDescriptor();
  // In the order of their names: the environment's own order is that of chance.
  Environment variables = sources.environment;
  std::ranges::sort(variables);
  for (const auto& [name, value] : variables) {
    if (!name.starts_with(prefix) || IsServiceLink(name, value)) continue;
    if (std::ranges::contains(sources.not_settings, name)) continue;
    const std::string_view rest = absl::StripPrefix(name, prefix);
    const std::vector<std::string> paths = PathsOfVariable(rest, type);
    if (paths.size() == 1) {
      AssignPath(name, paths.front(), value, config, problems);
    } else if (paths.empty()) {
      std::vector<std::string> names = VariableNames(type);
      for (std::string& known : names) known.insert(0, prefix);
      problems.Add(name, absl::StrCat("unknown setting", DidYouMean(name, names)));
    } else {
      problems.Add(name, absl::StrCat("may mean ", absl::StrJoin(paths, " or "), "; use --set"));
    }
  }
}

void LoadOverrides(const Sources& sources, Message& config, Problems& problems) {
  for (const std::string& override : sources.overrides) {
    const std::size_t equals = override.find('=');
    if (equals == std::string::npos || equals == 0) {
      problems.Add("--set", absl::StrCat("must be PATH=VALUE, not ", Quoted(override)));
      continue;
    }
    AssignPath("--set", override.substr(0, equals), override.substr(equals + 1), config, problems);
  }
}

}  // namespace

void Load(const Sources& sources, Message& config, Problems& problems) {
  if (sources.file) {
    const absl::StatusOr<std::string> text = ReadFile(*sources.file);
    if (text.ok()) {
      AssignYaml(*sources.file, *text, config, problems);
    } else {
      problems.Add(*sources.file, text.status().message());
    }
  }
  LoadEnvironment(sources, config, problems);
  LoadOverrides(sources, config, problems);
}

}  // namespace chasqui::config
