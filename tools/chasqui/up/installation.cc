// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/up/installation.h"

#include <array>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chasqui::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelFile = "tiny-chasqui-q8_0.gguf";

}  // namespace

absl::StatusOr<Installation> Installation::Find() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return absl::InternalError("cannot tell where this program lies: /proc is not there");
  return Installation(std::move(program));
}

absl::StatusOr<fs::path> Installation::Sibling(std::string_view name) const {
  std::error_code error;
  fs::path path = program_.parent_path() / name;
  if (fs::is_regular_file(path, error)) return path;
  return absl::NotFoundError(
      absl::StrCat("there is no ", path.string(), "; build or install ", name, " beside chasqui"));
}

absl::StatusOr<fs::path> Installation::DefaultModel() const {
  const fs::path bin = program_.parent_path();
  // bin/../share/chasqui/models when installed; build/<preset>/bin lies three below the source
  // tree.
  const std::array<fs::path, 2> folders = {bin / "../share/chasqui/models",
                                           bin / "../../../models/tiny"};
  std::vector<std::string> tried;
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path path = (folder / kModelFile).lexically_normal();
    if (fs::is_regular_file(path, error)) return path;
    tried.push_back(path.string());
  }
  return absl::NotFoundError(absl::StrCat("the model that ships with the suite is not at ",
                                          absl::StrJoin(tried, " nor at "),
                                          "; name one by --model FILE.gguf"));
}

}  // namespace chasqui::cli
