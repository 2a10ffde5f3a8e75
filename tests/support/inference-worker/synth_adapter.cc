// SPDX-License-Identifier: Apache-2.0
#include "tests/support/inference-worker/synth_adapter.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "tests/support/inference-worker/synth_model.h"
#include "tests/support/inference-worker/tiny_model.h"
#include "tools/synth/adapter.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

// Files of this process; removed at its end.
class Files {
 public:
  ~Files() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::string Path(const std::string& model, std::uint64_t seed) {
    fs::path& path = paths_[{model, seed}];
    if (path.empty()) {
      fs::create_directories(folder_);
      path = folder_ / absl::StrCat("adapter-", paths_.size(), ".gguf");
      CHECK_OK(synth::WriteAdapter({.model = model, .seed = seed, .output = path}));
    }
    return path.string();
  }

 private:
  const fs::path folder_ = fs::temp_directory_path() / absl::StrCat("chasqui-adapters-", getpid());
  std::map<std::pair<std::string, std::uint64_t>, fs::path> paths_;
};

std::string Path(const std::string& model, std::uint64_t seed) {
  static Files files;
  return files.Path(model, seed);
}

}  // namespace

std::string TinyAdapterPath(std::uint64_t seed) { return Path(TinyModelPath(), seed); }

std::string ForeignAdapterPath() {
  return Path(SynthModelPath(synth::ModelKind::kPromptReranker), 1);
}

}  // namespace chasqui::worker
