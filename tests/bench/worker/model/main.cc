// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "tools/synth/synth.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << "chasqui-bench-model: " << status.message() << "\n";
  return 1;
}

}  // namespace

// Prints the path of a synthetic model, which is written first when it is not there.
int main(int argc, char** argv) {
  namespace synth = chasqui::synth;
  std::string folder;
  std::string preset;
  std::string type;
  CLI::App app("Makes sure that a synthetic model is there", "chasqui-bench-model");
  app.add_option("--folder", folder, "Where models are kept")->required();
  app.add_option("--preset", preset, "Its shape")->required();
  app.add_option("--type", type, "The type of its weights")->required();
  CLI11_PARSE(app, argc, argv);

  const auto shape = synth::PresetShape(preset);
  if (!shape.ok()) return Fail(shape.status());
  const auto weights = synth::ParseWeightType(type);
  if (!weights.ok()) return Fail(weights.status());
  synth::SynthOptions options{.shape = *shape, .type = *weights, .name = preset};
  options.output = std::filesystem::path(folder) /
                   absl::StrCat(preset, "-", type, "-", synth::ContentId(options), ".gguf");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::exists(options.output)) {
    if (const absl::Status status = synth::WriteModel(options); !status.ok()) return Fail(status);
  }
  std::cout << options.output.string() << std::endl;
  return EXIT_SUCCESS;
}
