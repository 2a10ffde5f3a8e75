// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/catalogue.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/router/fleet/registry.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CatalogueTest : public ::testing::Test {
 protected:
  void Join(const std::string& id, const inference::v1::Model& model) {
    fleet::v1::WorkerHello hello = Hello(id);
    *hello.mutable_models()->mutable_models(0) = model;
    *hello.mutable_load() = Load({.model = model.name(), .slots = 4});
    ASSERT_TRUE(registry_.Join(hello, nullptr, At(0ms)).ok());
  }
  Catalogue Make() { return Catalogue(registry_.members()); }

  Registry registry_{{.max_workers = 10, .silence = 3s}};
};

TEST_F(CatalogueTest, FindsByNameAndAlias) {
  inference::v1::Model model = ReadyModel("llama-3.2-1b");
  model.add_aliases("llama");
  Join("w1", model);

  const Catalogue catalogue = Make();

  EXPECT_EQ(catalogue.Find("llama"), catalogue.Find("llama-3.2-1b"));
  EXPECT_THAT(catalogue.Find("llama")->seats, SizeIs(1));
  EXPECT_EQ(catalogue.Find("qwen"), nullptr);
}

TEST_F(CatalogueTest, PrefersANameToAnAlias) {
  inference::v1::Model with_alias = ReadyModel("a");
  with_alias.add_aliases("b");
  Join("w1", with_alias);
  Join("w2", ReadyModel("b"));

  EXPECT_EQ(Make().Find("b")->name, "b");
}

TEST_F(CatalogueTest, ServesTheFingerprintOfTheMajority) {
  Join("w1", ReadyModel("tiny", kFingerprintA));
  Join("w2", ReadyModel("tiny", kFingerprintB));
  Join("w3", ReadyModel("tiny", kFingerprintB));

  const Catalogue catalogue = Make();
  const CatalogueEntry& entry = *catalogue.Find("tiny");

  EXPECT_EQ(entry.fingerprint, kFingerprintB);
  EXPECT_THAT(entry.seats, SizeIs(2));
  ASSERT_EQ(entry.other_seats.size(), 1u);
  EXPECT_EQ(entry.other_seats.front()->member.worker_id, "w1");
  EXPECT_EQ(entry.description.fingerprint(), kFingerprintB);
}

TEST_F(CatalogueTest, ServesTheFirstFingerprintOfEquals) {
  Join("w2", ReadyModel("tiny", kFingerprintB));
  Join("w1", ReadyModel("tiny", kFingerprintA));

  EXPECT_EQ(Make().Find("tiny")->fingerprint, kFingerprintB);
}

TEST_F(CatalogueTest, KnowsModelsThatNobodyHasReady) {
  inference::v1::Model model = ReadyModel("big", "");
  model.set_state(inference::v1::MODEL_STATE_LOADING);
  Join("w1", model);

  const Catalogue catalogue = Make();
  const CatalogueEntry& entry = *catalogue.Find("big");

  EXPECT_THAT(entry.seats, IsEmpty());
  EXPECT_EQ(DescribeModel(entry).state(), inference::v1::MODEL_STATE_LOADING);
  EXPECT_EQ(DescribeModel(entry).workers(), 0u);
}

TEST_F(CatalogueTest, DescribesAModelOverAllItsWorkers) {
  Join("w1", ReadyModel("tiny"));
  Join("w2", ReadyModel("tiny"));
  ASSERT_TRUE(registry_.SetDrain("w2", true).ok());

  const inference::v1::Model model = DescribeModel(*Make().Find("tiny"));

  EXPECT_EQ(model.state(), inference::v1::MODEL_STATE_READY);
  EXPECT_EQ(model.workers(), 2u);
  EXPECT_EQ(model.slots(), 4u) << "those of the worker that takes requests";
}

TEST_F(CatalogueTest, TellsThatAModelIsLeaving) {
  Join("w1", ReadyModel("tiny"));
  ASSERT_TRUE(registry_.SetDrain("w1", true).ok());

  EXPECT_EQ(DescribeModel(*Make().Find("tiny")).state(), inference::v1::MODEL_STATE_DRAINING);
}

}  // namespace
}  // namespace chasqui::router
