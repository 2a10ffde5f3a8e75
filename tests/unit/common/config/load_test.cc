// SPDX-License-Identifier: Apache-2.0
#include "common/config/load.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/common/config/testing.h"

namespace chasqui::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using testing::TestingConfig;
using ::testing::UnorderedElementsAre;

TEST(Load, ReadsEveryKindOfField) {
  TestingConfig config;

  const auto problems = YamlProblems(R"(
name: north
queue:
  max_requests: 0
  max_wait: 1.5s
  buffer_bytes: 64MiB
  shift: -3
models:
  - path: a.gguf
    aliases: [a, "b c"]
  - {name: second, url: "http://host/b.gguf"}
ports: [1, 2]
labels: {zone: a, "rack.row": "7"}
queues:
  fast: {max_requests: 1}
colour: deep-red
ratio: 0.25
share: 1e3
enabled: on
reflection: false
steps: [1s, 2min]
offset: -9223372036854775808
)",
                                     config);

  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(config.name(), "north");
  EXPECT_TRUE(config.queue().has_max_requests());
  EXPECT_EQ(config.queue().max_wait().seconds(), 1);
  EXPECT_EQ(config.queue().max_wait().nanos(), 500'000'000);
  EXPECT_EQ(config.queue().buffer_bytes(), 64u << 20);
  EXPECT_EQ(config.queue().shift(), -3);
  ASSERT_THAT(config.models(), SizeIs(2));
  EXPECT_THAT(config.models(0).aliases(), ElementsAre("a", "b c"));
  EXPECT_EQ(config.models(1).url(), "http://host/b.gguf");
  EXPECT_THAT(config.ports(), ElementsAre(1, 2));
  EXPECT_THAT(config.labels(), UnorderedElementsAre(Pair("zone", "a"), Pair("rack.row", "7")));
  EXPECT_EQ(config.queues().at("fast").max_requests(), 1u);
  EXPECT_EQ(config.colour(), TestingConfig::COLOUR_POLICY_DEEP_RED);
  EXPECT_EQ(config.ratio(), 0.25);
  EXPECT_EQ(config.share(), 1000.0f);
  EXPECT_TRUE(config.enabled());
  EXPECT_TRUE(config.has_reflection());
  EXPECT_EQ(config.steps(1).seconds(), 120);
  EXPECT_EQ(config.offset(), std::numeric_limits<std::int64_t>::min());
}

TEST(Load, KeepsTheDefaultsOfWhatIsNotSet) {
  TestingConfig config;
  config.set_name("default");
  config.mutable_queue()->set_shift(7);

  EXPECT_THAT(YamlProblems("queue: {max_requests: 5}\n", config), IsEmpty());

  EXPECT_EQ(config.name(), "default");
  EXPECT_EQ(config.queue().shift(), 7);
  EXPECT_EQ(config.queue().max_requests(), 5u);
}

TEST(Load, TakesAnEmptyFileForNoSettings) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("", config), IsEmpty());
  EXPECT_THAT(YamlProblems("# nothing\n---\n", config), IsEmpty());
}

TEST(Load, NamesLinePathAndNearestKeyOfAnUnknownOne) {
  TestingConfig config;

  EXPECT_THAT(
      YamlProblems("name: x\nqueue:\n  max_reqests: 5\n", config),
      ElementsAre("3: queue.\"max_reqests\": unknown key (did you mean \"max_requests\"?)"));
  EXPECT_THAT(YamlProblems("queue: {maxWait: 5s}\n", config),
              ElementsAre("1: queue.\"maxWait\": unknown key (did you mean \"max_wait\"?)"));
  EXPECT_THAT(YamlProblems("zzzzzzzz: 1\n", config), ElementsAre("1: \"zzzzzzzz\": unknown key"));
}

TEST(Load, ReportsAllProblemsAtOnce) {
  TestingConfig config;

  EXPECT_THAT(
      YamlProblems(R"(name: [a]
queue: {max_requests: -1, max_wait: 5, shift: 3000000000}
ports: 80
labels: [x]
colour: gren
ratio: nan
models: [{path: a, url: b}, 7]
enabled: maybe
name: again
offset:
)",
                   config),
      ElementsAre("1: name: must be a single value",
                  "2: queue.max_requests: must be a whole number from 0 to 4294967295, not \"-1\"",
                  "2: queue.max_wait: must be a duration such as 200ms, 1.5s or 1h30m, not \"5\"",
                  "2: queue.shift: must be a whole number from -2147483648 to 2147483647, not "
                  "\"3000000000\"",
                  "3: ports: must be a list", "4: labels: must be a map",
                  "5: colour: must be one of deep_red, blue, not \"gren\"",
                  "6: ratio: must be a number, not \"nan\"",
                  "7: models[0].url: excludes path, which is set too",
                  "7: models[1]: must be a map with keys such as name",
                  "8: enabled: must be true or false, not \"maybe\"", "9: name: given twice",
                  "10: offset: has no value; leave the key out to keep the default"));
}

TEST(Load, AcceptsAnEnumByAnySpellingButNotUnspecified) {
  for (const std::string_view spelling :
       {"DEEP_RED", "deep_red", "Deep-Red", "COLOUR_POLICY_DEEP_RED", "colour_policy_deep_red"}) {
    TestingConfig config;
    EXPECT_THAT(YamlProblems(absl::StrCat("colour: ", spelling), config), IsEmpty());
    EXPECT_EQ(config.colour(), TestingConfig::COLOUR_POLICY_DEEP_RED);
  }
  TestingConfig config;
  EXPECT_THAT(YamlProblems("colour: deep_rad", config),
              ElementsAre(HasSubstr("(did you mean \"deep_red\"?)")));
  EXPECT_THAT(YamlProblems("colour: unspecified", config), SizeIs(1));
  EXPECT_THAT(YamlProblems("colour: 1", config), SizeIs(1));
}

TEST(Load, HoldsByteSizesToTheRangeOfTheirField) {
  TestingConfig config;
  EXPECT_THAT(YamlProblems("small_bytes: 4GiB", config),
              ElementsAre(HasSubstr("must be a whole number from 0 to 4294967295")));
  EXPECT_THAT(YamlProblems("small_bytes: 64M", config), ElementsAre(HasSubstr("must be a size")));
}

TEST(Load, LetsEnvironmentAndOverridesWinInThatOrder) {
  const TemporaryFile file("name: file\nqueue: {max_requests: 1, shift: 1}\nports: [1, 2, 3]\n");
  TestingConfig config;

  const auto problems = LoadProblems(
      {.file = file.path(),
       .environment = {{"TEST_NAME", "environment"},
                       {"TEST_QUEUE_MAX_REQUESTS", "2"},
                       {"TEST_PORTS", "8, 9"},
                       {"OTHER_NAME", "other"}},
       .environment_prefix = "TEST",
       .overrides = {"queue.max_requests=3", "labels.a.b=c=d", "models=[{path: x}]", "hosts=a,b"}},
      config);

  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(config.name(), "environment");
  EXPECT_EQ(config.queue().max_requests(), 3u);
  EXPECT_EQ(config.queue().shift(), 1);
  EXPECT_THAT(config.ports(), ElementsAre(8, 9));
  EXPECT_THAT(config.labels(), ElementsAre(Pair("a.b", "c=d")));
  EXPECT_EQ(config.models(0).path(), "x");
  EXPECT_THAT(config.hosts(), ElementsAre("a", "b"));
}

TEST(Load, MergesMapsKeyByKey) {
  TestingConfig config;
  (*config.mutable_labels())["zone"] = "a";
  (*config.mutable_labels())["row"] = "1";

  EXPECT_THAT(LoadProblems({.overrides = {"labels.zone=b"}}, config), IsEmpty());

  EXPECT_THAT(config.labels(), UnorderedElementsAre(Pair("zone", "b"), Pair("row", "1")));
}

TEST(Load, TakesAPlainTextFromFlagsAsItIs) {
  TestingConfig config;
  EXPECT_THAT(LoadProblems({.overrides = {"name=a: [b] # \"c"}}, config), IsEmpty());
  EXPECT_EQ(config.name(), "a: [b] # \"c");
}

TEST(Load, FailsOnUnknownAndAmbiguousVariables) {
  TestingConfig config;

  EXPECT_THAT(LoadProblems({.environment = {{"TEST_QUEUE_MAX_REQUEST", "2"},
                                            {"TEST_QUEUE_SHIFT", "2"},
                                            {"TEST_MARKER", "x"}},
                            .environment_prefix = "TEST",
                            .not_settings = {"TEST_MARKER"}},
                           config),
              ElementsAre("TEST_QUEUE_MAX_REQUEST: unknown setting (did you mean "
                          "\"TEST_QUEUE_MAX_REQUESTS\"?)",
                          "TEST_QUEUE_SHIFT: may mean queue.shift or queue_shift; use --set"));
}

TEST(Load, LeavesKubernetesServiceLinksAlone) {
  TestingConfig config;

  EXPECT_THAT(LoadProblems({.environment = {{"TEST_SERVICE_HOST", "10.0.0.1"},
                                            {"TEST_SERVICE_PORT", "50051"},
                                            {"TEST_SERVICE_PORT_GRPC", "50051"},
                                            {"TEST_PORT", "tcp://10.0.0.1:50051"},
                                            {"TEST_PORT_50051_TCP", "tcp://10.0.0.1:50051"},
                                            {"TEST_PORT_50051_TCP_ADDR", "10.0.0.1"}},
                            .environment_prefix = "TEST"},
                           config),
              IsEmpty());
}

TEST(Load, SaysWhatIsWrongWithAnOverride) {
  TestingConfig config;

  EXPECT_THAT(
      LoadProblems({.overrides = {"name", "=x", "queue.max_request=1", "name.first=x", "ports.0=x",
                                  "queue=5", "models=[{", "queue..shift=1", ""}},
                   config),
      ElementsAre("--set: must be PATH=VALUE, not \"name\"",
                  "--set: must be PATH=VALUE, not \"=x\"",
                  "--set: queue.\"max_request\": unknown key (did you mean \"max_requests\"?)",
                  "--set: name: must be a single value", "--set: ports: must be a list",
                  "--set: queue: must be a map with keys such as max_requests",
                  HasSubstr("--set: models: is not YAML"), "--set: queue.\"\": unknown key",
                  "--set: must be PATH=VALUE, not \"\""));
}

TEST(Load, NeverShowsTheValueOfASecret) {
  TestingConfig config;
  const auto problems =
      YamlProblems("api_key: [hunter2]\ndatabase_password: {a: hunter2}\n", config);
  EXPECT_THAT(problems, SizeIs(2));
  EXPECT_THAT(absl::StrCat(problems[0], problems[1]), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace chasqui::config
