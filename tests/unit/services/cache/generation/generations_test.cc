// SPDX-License-Identifier: Apache-2.0
#include "services/cache/generation/generations.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::cache {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// Numbers of one replica: 100, 101, ...
Generations::Draw From(std::uint64_t first) {
  return [next = std::make_shared<std::uint64_t>(first)] { return (*next)++; };
}

Generations Some(std::uint64_t first = 100) { return Generations(1000, From(first)); }

StoredAnswer Begun(const Generations& generations, std::vector<std::string> tags = {"a", "b"}) {
  StoredAnswer answer;
  answer.set_key(std::string(AnswerKey::kBytes, 'k'));
  answer.set_model("m");
  answer.mutable_tags()->Assign(tags.begin(), tags.end());
  answer.set_stamp(generations.StampOf(answer));
  return answer;
}

void Invalidate(std::string name, Generations& generations) {
  generations.Invalidate(std::vector{std::move(name)});
}

TEST(Generations, AnAnswerIsValidUntilOneOfItsNamesIsInvalidated) {
  const StoredAnswer sample = Begun(Some());
  for (const std::string& name :
       {EverythingName(), ModelName("m"), TagName("a"), TagName("b"), KeyName(KeyOf(sample))}) {
    Generations generations = Some();
    const StoredAnswer before = Begun(generations);
    ASSERT_TRUE(generations.IsValid(before));

    Invalidate(name, generations);

    EXPECT_FALSE(generations.IsValid(before)) << name;
    EXPECT_TRUE(generations.IsValid(Begun(generations))) << name;
  }
}

TEST(Generations, OtherNamesDoNotMatter) {
  Generations generations = Some();
  const StoredAnswer answer = Begun(generations);

  for (const std::string& name : {ModelName("a"), TagName("m"), TagName("ab"), TagName("")})
    Invalidate(name, generations);

  EXPECT_TRUE(generations.IsValid(answer));
}

TEST(Generations, AnInvalidAnswerNeverBecomesValidAgain) {
  Generations generations = Some();
  const StoredAnswer answer = Begun(generations);
  for (int i = 0; i < 100; ++i) {
    Invalidate(i % 2 == 0 ? TagName("a") : TagName("b"), generations);
    EXPECT_FALSE(generations.IsValid(answer));
  }
}

TEST(Generations, MoreNamesThanThereIsRoomForMakeEverythingInvalid) {
  Generations generations(3, From(1));
  Invalidate(TagName("a"), generations);
  Invalidate(TagName("b"), generations);
  Invalidate(TagName("c"), generations);
  const StoredAnswer answer = Begun(generations, {});

  const Generations::Change change = generations.Invalidate(std::vector{TagName("d")});

  EXPECT_TRUE(change.all_others_forgotten);
  EXPECT_THAT(change.entries, ElementsAre(Pair(EverythingName(), Generation{4, true})));
  EXPECT_FALSE(generations.IsValid(answer));
  EXPECT_EQ(generations.size(), 1);
}

TEST(Generations, ReplicasThatHearEachOtherAgree) {
  Generations one = Some(100);
  Generations other = Some(200);

  const Generations::Change change = one.Invalidate(std::vector{TagName("a")});
  EXPECT_THAT(other.Merge(change.entries).entries, ElementsAre(change.entries[0]));
  one.MarkShared(change.entries);

  EXPECT_TRUE(other.IsValid(Begun(one)));
  EXPECT_THAT(one.Merge(other.All()).entries, IsEmpty());
}

TEST(Generations, WhatWasHeardReplacesWhatWasShared) {
  Generations one = Some(100);
  const Generations::Change first = one.Invalidate(std::vector{TagName("a")});
  one.MarkShared(first.entries);
  const StoredAnswer answer = Begun(one);

  one.Merge(std::vector{Generations::Entry(TagName("a"), {.value = 300})});

  EXPECT_FALSE(one.IsValid(answer));
  EXPECT_THAT(one.All(), ElementsAre(Pair(TagName("a"), Generation{300, false})));
}

TEST(Generations, TwoInvalidationsThatDidNotHearEachOtherAreBothHeeded) {
  Generations one = Some(100);
  Generations other = Some(200);
  Invalidate(TagName("a"), one);
  Invalidate(TagName("a"), other);
  const StoredAnswer of_one = Begun(one);
  const StoredAnswer of_other = Begun(other);

  const Generations::Change change = one.Merge(other.All());

  EXPECT_THAT(change.entries, ElementsAre(Pair(TagName("a"), Generation{101, true})));
  EXPECT_FALSE(one.IsValid(of_one));
  EXPECT_FALSE(one.IsValid(of_other));
}

TEST(Generations, IsNotSharedWhenItChangedSince) {
  Generations one = Some();
  const Generations::Change first = one.Invalidate(std::vector{TagName("a")});
  Invalidate(TagName("a"), one);

  one.MarkShared(first.entries);

  EXPECT_THAT(one.All(), ElementsAre(Pair(TagName("a"), Generation{101, true})));
}

TEST(Generations, ForgetWhatIsSharedWhenAReplicaHasForgottenIt) {
  Generations one = Some(100);
  one.Merge(std::vector{Generations::Entry(TagName("a"), {.value = 1})});
  Invalidate(TagName("b"), one);
  const StoredAnswer answer = Begun(one);

  const Generations::Change change =
      one.Merge(std::vector{Generations::Entry(EverythingName(), {.value = 2})}, true);

  EXPECT_FALSE(one.IsValid(answer));
  EXPECT_TRUE(change.all_others_forgotten);
  // What nobody else has heard of yet stays.
  EXPECT_THAT(change.entries, UnorderedElementsAre(Pair(TagName("b"), Generation{100, true}),
                                                   Pair(EverythingName(), Generation{2, false})));
  EXPECT_THAT(one.All(), UnorderedElementsAreArray(change.entries));
}

TEST(Generations, ForgetAllWhenTwoDidNotHearThatEverythingIsInvalid) {
  Generations one = Some(100);
  Invalidate(TagName("a"), one);
  Invalidate(EverythingName(), one);

  const Generations::Change change =
      one.Merge(std::vector{Generations::Entry(EverythingName(), {.value = 2})});

  EXPECT_TRUE(change.all_others_forgotten);
  EXPECT_THAT(change.entries, ElementsAre(Pair(EverythingName(), Generation{102, true})));
  EXPECT_THAT(one.All(), UnorderedElementsAreArray(change.entries));
}

TEST(Generations, WhatReplicasMayHaveLostIsNotReplacedByWhatTheySay) {
  Generations one = Some(100);
  const Generations::Change change = one.Invalidate(std::vector{TagName("a")});
  one.MarkShared(change.entries);
  const StoredAnswer before = Begun(one);

  one.MarkAllUnshared();
  EXPECT_THAT(one.UnsharedNames(), ElementsAre(TagName("a")));
  one.Merge(std::vector{Generations::Entry(TagName("a"), {.value = 300})});

  EXPECT_FALSE(one.IsValid(before));
  EXPECT_THAT(one.All(), ElementsAre(Pair(TagName("a"), Generation{101, true})));
  EXPECT_THAT(one.Merge(change.entries).entries,
              ElementsAre(Pair(TagName("a"), Generation{102, true})));
}

TEST(Generations, WhatReplicasStillHaveIsSharedAgain) {
  Generations one = Some(100);
  const Generations::Change change = one.Invalidate(std::vector{TagName("a")});
  one.MarkAllUnshared();

  one.Merge(std::vector{Generations::Entry(TagName("a"), {.value = 100})});

  EXPECT_THAT(one.UnsharedNames(), IsEmpty());
}

TEST(Generations, EverythingStandsForNamesThatWereForgotten) {
  Generations one = Some(100);
  Invalidate(TagName("a"), one);
  one.ForgetAll();
  Invalidate(TagName("b"), one);

  EXPECT_THAT(one.Find(std::vector{TagName("a"), TagName("b"), TagName("c")}),
              ElementsAre(Pair(TagName("b"), Generation{102, true}),
                          Pair(EverythingName(), Generation{101, true})));
}

TEST(Generations, EverythingStandsForNamesThatWereLearnedAgain) {
  Generations one(2, From(100));
  const Generations::Change first = one.Invalidate(std::vector{TagName("a"), TagName("b")});
  one.MarkShared(first.entries);
  Invalidate(TagName("a"), one);
  Invalidate(TagName("c"), one);  // one too many: all is forgotten, by 103
  one.Merge(std::vector{Generations::Entry(TagName("a"), {.value = 100})});

  EXPECT_THAT(one.Find(std::vector{TagName("a")}),
              ElementsAre(Pair(TagName("a"), Generation{100, false}),
                          Pair(EverythingName(), Generation{103, true})));
  one.MarkShared(std::vector{Generations::Entry(EverythingName(), {.value = 103})});
  EXPECT_THAT(one.Find(std::vector{TagName("a")}),
              ElementsAre(Pair(TagName("a"), Generation{100, false})));
}

}  // namespace
}  // namespace chasqui::cache
