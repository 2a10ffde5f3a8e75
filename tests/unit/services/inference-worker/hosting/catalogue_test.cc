// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/catalogue.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "services/inference-worker/inference_worker_config.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Two folders of files without contents: the catalogue goes by their names alone.
class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest()
      : top_(fs::canonical(::testing::TempDir()) / absl::StrCat("catalogue_test.", getpid())) {
    fs::create_directories(top_ / "models");
    fs::create_directories(top_ / "elsewhere");
    config_.add_model_folders(top_ / "models");
  }
  ~CatalogueTest() override { fs::remove_all(top_); }

  std::string Touch(const std::string& file) const {
    const fs::path path = top_ / file;
    std::ofstream(path) << "";
    return path;
  }

  std::vector<std::string> Names() const {
    const Catalogue catalogue(config_);
    std::vector<std::string> names;
    for (const LoadSpec& spec : catalogue.models()) names.push_back(spec.name);
    return names;
  }

  const fs::path top_;
  config::v1::InferenceWorkerConfig config_ = DefaultConfig();
};

TEST_F(CatalogueTest, TakesGgufFilesOfAFolderAndNothingElse) {
  Touch("models/b.gguf");
  Touch("models/a.gguf");
  Touch("models/notes.txt");
  Touch("models/a.gguf.part");
  Touch("models/has space.gguf");
  fs::create_directories(top_ / "models/folder.gguf");
  fs::create_directories(top_ / "models/below");
  Touch("models/below/c.gguf");

  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(CatalogueTest, TakesNothingFromAFolderThatIsNotThere) {
  config_.add_model_folders(top_ / "nowhere");

  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(CatalogueTest, MakesOneModelOfFilesThatDifferByTheTypeOfWeights) {
  Touch("models/qwen-Q8_0.gguf");
  Touch("models/qwen-Q4_K_M.gguf");

  const Catalogue catalogue(config_);

  ASSERT_EQ(catalogue.models().size(), 1);
  EXPECT_EQ(catalogue.models()[0].name, "qwen");
  EXPECT_EQ(catalogue.models()[0].path, top_ / "models/qwen-Q4_K_M.gguf");
  EXPECT_THAT(catalogue.models()[0].variants, ElementsAre(top_ / "models/qwen-Q8_0.gguf"));
}

TEST_F(CatalogueTest, KnowsAModelInPartsByItsFirst) {
  for (const char* part : {"1", "2", "3"})
    Touch(absl::StrCat("models/large-0000", part, "-of-00003.gguf"));

  const Catalogue catalogue(config_);

  ASSERT_EQ(catalogue.models().size(), 1);
  EXPECT_EQ(catalogue.models()[0].name, "large");
  EXPECT_EQ(catalogue.models()[0].path, top_ / "models/large-00001-of-00003.gguf");
}

TEST_F(CatalogueTest, FollowsLinksToFilesAndPassesOverThoseToNothing) {
  fs::create_symlink(Touch("elsewhere/real.gguf"), top_ / "models/link.gguf");
  fs::create_symlink(top_ / "elsewhere/none.gguf", top_ / "models/dangling.gguf");
  Touch("models/z.gguf");

  EXPECT_THAT(Names(), ElementsAre("link", "z"));
}

TEST_F(CatalogueTest, LeavesOutWhatAConfiguredModelIsMadeOf) {
  Touch("models/a.gguf");
  auto& model = *config_.add_models();
  model.set_name("configured");
  model.set_path(top_ / "models" / ".." / "models" / "a.gguf");
  model.add_variants(Touch("elsewhere/b.gguf"));
  fs::create_symlink(top_ / "elsewhere/b.gguf", top_ / "models/b.gguf");

  EXPECT_THAT(Names(), ElementsAre("configured"));
}

TEST_F(CatalogueTest, KeepsTheFirstOfTwoOfOneName) {
  Touch("models/a.gguf");
  Touch("elsewhere/a.gguf");
  Touch("models/taken.gguf");
  config_.add_model_folders(top_ / "elsewhere");
  auto& model = *config_.add_models();
  model.set_path("/somewhere/x.gguf");
  model.add_aliases("taken");

  const Catalogue catalogue(config_);

  EXPECT_THAT(Names(), ElementsAre("x", "a"));
  EXPECT_EQ(catalogue.Resolve("a")->path, top_ / "models/a.gguf");
  EXPECT_EQ(catalogue.Resolve("taken")->name, "x");
}

TEST_F(CatalogueTest, FindsNothingOutsideTheFoldersByItsPath) {
  const std::string outside = Touch("elsewhere/a.gguf");
  const Catalogue catalogue(config_);
  // One that was there when the folder was read would be a model of the catalogue.
  fs::create_symlink(outside, top_ / "models/link.gguf");
  const auto code = [&](const fs::path& path) {
    return catalogue.Find("", path.string()).status().code();
  };

  EXPECT_EQ(code(Touch("models/late.gguf")), absl::StatusCode::kOk);
  EXPECT_EQ(code(outside), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(top_ / "models/../elsewhere/a.gguf"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code(top_ / "models/link.gguf"), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace chasqui::worker
