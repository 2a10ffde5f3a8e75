// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/format/json_schema.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/unit/services/inference-worker/format/format_matcher.h"

namespace chasqui::worker {
namespace {

using ::testing::HasSubstr;

struct Validity {
  std::string schema;
  std::vector<std::string> yes;
  std::vector<std::string> no;
};

class SchemaFormatOf : public testing::TestWithParam<Validity> {};

TEST_P(SchemaFormatOf, AcceptsWhatIsValid) {
  const auto format = SchemaFormat(GetParam().schema);
  for (const auto& text : GetParam().yes) EXPECT_TRUE(Accepts(format, text)) << text;
  for (const auto& text : GetParam().no) EXPECT_FALSE(Accepts(format, text)) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Table, SchemaFormatOf,
    testing::Values(
        Validity{R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"}},
                     "required":["b"]})",
                 {R"({"b":true})", R"({"a": 1, "b": false})"},
                 {"{}", R"({"a":1})", R"({"b":true,"a":1})", R"({"b":1})"}},
        Validity{
            R"({"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}})",
            {"{}", R"({"a":null,"ab":1,"":2})", R"({"b":1})"},
            {R"({"a":1})", R"({"b":null})", R"({"b":1,"a":1})"}},
        Validity{
            R"({"properties":{"a":true,"b":true,"c":true},"minProperties":1,"maxProperties":2})",
            {R"({"a":[]})", R"({"a":{},"c":"x"})"},
            {"{}", R"({"a":1,"b":2,"c":3})"}},
        Validity{R"({"type":"array","items":{"enum":[1,"x"]},"minItems":1,"maxItems":2})",
                 {"[1]", R"([1, "x"])"},
                 {"[]", "[1,1,1]", "[2]"}},
        Validity{
            R"({"prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"}})",
            {"[]", "[null]", "[null,true,1,2]"},
            {"[true]", "[null,1]"}},
        Validity{R"({"type":["integer","null"],"minimum":-5,"exclusiveMaximum":12})",
                 {"-5", "0", "11", "null"},
                 {"-6", "12", "1.5"}},
        Validity{R"({"type":"number","minimum":0.5,"maximum":2})",
                 {"0.5", "1", "1.75", "2"},
                 {"0.4", "2.1", "3"}},
        Validity{R"({"type":"string","minLength":1,"maxLength":2})",
                 {R"("a")", R"("\n\"")"},
                 {R"("")", R"("abc")"}},
        Validity{R"({"type":"string","pattern":"^[a-z\"]+$"})",
                 {R"("ab")", R"("a\"")"},
                 {R"("")", R"("A")"}},
        Validity{R"({"type":"string","pattern":"b"})", {R"("abc")", R"("b")"}, {R"("ac")"}},
        Validity{R"({"type":"string","format":"date"})",
                 {R"("2024-02-29")", R"("2023-12-31")"},
                 {R"("2023-02-29")", R"("2023-04-31")", R"("x")"}},
        Validity{R"({"type":"string","format":"ipv4"})", {R"("10.0.0.255")"}, {R"("10.0.0.256")"}},
        Validity{R"({"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":
                     "#/$defs/n"},{"type":"null"}]}},"required":["next"]}},"$ref":"#/$defs/n"})",
                 {R"({"next":null})", R"({"next":{"next":null}})"},
                 {"{}", R"({"next":1})"}},
        Validity{R"({"allOf":[{"properties":{"a":{"const":1}},"required":["a"]},
                     {"properties":{"b":{"const":"z"}}}]})",
                 {R"({"a":1})", R"({"a":1,"b":"z"})"},
                 {"{}", R"({"b":"z"})"}},
        Validity{
            R"({"title":"t","const":{"k":[1,"\u00e9"]}})", {"{\"k\":[1,\"\xC3\xA9\"]}"}, {"{}"}},
        Validity{"true", {"null", R"([{"a":-1.5e3}, "x"])"}, {"nul", "[1"}}));

TEST(JsonObjectFormat, IsAnyObject) {
  inference::v1::OutputFormat format;
  format.set_json_object(true);

  EXPECT_TRUE(Accepts(format, R"({"a":[1,{"b":null}], "c":"d"})"));
  EXPECT_FALSE(Accepts(format, "[1]"));
}

TEST(JsonSchema, KeepsOtherPropertiesApartFromANameWithAZero) {
  const auto format = SchemaFormat(
      R"({"properties":{"\u0000a":{"type":"null"}},"additionalProperties":{"const":1}})");

  EXPECT_TRUE(Accepts(format, R"({"\u0000a":null,"a":1})"));
  EXPECT_FALSE(Accepts(format, R"({"\u0000a":1})"));
}

// Of each pair of schemas: whether "oneOf" of them is taken.
struct Pair {
  std::string one;
  std::string other;
  bool exclusive = false;
};

class OneOfFormat : public testing::TestWithParam<Pair> {};

TEST_P(OneOfFormat, IsOfSchemasThatExcludeOneAnother) {
  const auto& [one, other, exclusive] = GetParam();
  for (const auto& [first, second] : {std::pair(one, other), std::pair(other, one)}) {
    const auto status = OutputGrammar(SchemaFormat(R"({"$defs":{"text":{"type":"string"},
        "cat":{"properties":{"kind":{"const":"cat"}},"required":["kind"]},
        "list":{"type":"object","properties":{"next":{"$ref":"#/$defs/list"}},"required":["next"]}},
        "oneOf":[)" + first + "," + second + "]}"))
                            .status();
    EXPECT_EQ(status.ok(), exclusive) << first << " " << second << " " << status;
    if (!exclusive) {
      EXPECT_THAT(std::string(status.message()), HasSubstr("0 and 1 do not"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, OneOfFormat,
    testing::Values(
        Pair{R"({"type":"string"})", R"({"type":"integer"})", true},
        Pair{R"({"type":"string"})", R"({"type":["null","string"]})", false},
        Pair{R"({"type":"integer"})", R"({"type":"number"})", false},
        Pair{R"({"type":"integer","maximum":4})", R"({"type":"number","exclusiveMinimum":4})",
             true},
        Pair{R"({"type":"integer","maximum":4})", R"({"type":"number","minimum":4})", false},
        Pair{R"({"const":1})", R"({"const":2})", true}, Pair{R"({"const":1})", R"({"const":1.0})"},
        Pair{R"({"const":{"a":1,"b":2}})", R"({"const":{"b":2,"a":1}})", false},
        Pair{R"({"enum":["a","b"]})", R"({"enum":["c",5]})", true},
        Pair{R"({"enum":["a","b"]})", R"({"$ref":"#/$defs/text"})", false},
        Pair{R"({"enum":[1,null]})", R"({"$ref":"#/$defs/text"})", true},
        Pair{R"({"const":7})", R"({"type":"integer","minimum":8})", true},
        // One of them says nothing of other types.
        Pair{R"({"properties":{"a":{"const":1}},"required":["a"]})", R"({"type":"string"})", false},
        Pair{R"({"type":"object","properties":{"a":{"const":1}},"required":["a"]})",
             R"({"type":"string"})", true},
        // By a constant that both have, by a property that only one has.
        Pair{R"({"$ref":"#/$defs/cat"})",
             R"({"properties":{"kind":{"const":"dog"}},"required":["kind"]})", true},
        Pair{R"({"$ref":"#/$defs/cat"})", R"({"properties":{"kind":{"const":"dog"}}})", true},
        Pair{R"({"properties":{"kind":{"const":"cat"}}})",
             R"({"properties":{"kind":{"const":"dog"}}})", false},
        Pair{R"({"properties":{"a":{}},"required":["a"]})",
             R"({"properties":{"b":{}},"required":["b"]})", true},
        Pair{R"({"properties":{"a":{}},"required":["a"]})",
             R"({"properties":{"a":{},"b":{}},"required":["a"]})", false},
        Pair{R"({"properties":{"a":{}},"required":["a"],"additionalProperties":true})",
             R"({"properties":{"b":{}},"required":["b"],"additionalProperties":true})", false},
        Pair{R"({"type":"object","additionalProperties":{"type":"string"}})",
             R"({"type":"object","properties":{"a":{"type":"null"}},"required":["a"]})", true},
        Pair{R"({"const":{"a":1}})", R"({"type":"object","properties":{"a":{"type":"null"}}})",
             true},
        Pair{R"({"const":{"a":1}})", R"({"type":"object","required":["a","b"]})", true},
        // Through combinations.
        Pair{R"({"anyOf":[{"type":"null"},{"const":3}]})", R"({"type":"string"})", true},
        Pair{R"({"anyOf":[{"const":3}],"nullable":true})", R"({"type":"null"})", false},
        Pair{R"({"oneOf":[{"type":"string"},{"type":"null"}]})", R"({"type":"null"})", false},
        Pair{R"({"allOf":[{"type":"object","properties":{"k":{"const":1}},"required":["k"]},
                          {"type":"object","properties":{"v":{}}}]})",
             R"({"type":"object","properties":{"k":{"const":2}},"required":["k"]})", true},
        // A string is valid against the second, for it speaks of objects only.
        Pair{R"({"type":"string"})",
             R"({"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]})", false},
        // Nothing that both refuse to end is told apart.
        Pair{R"({"type":"array","items":{"$ref":"#/$defs/list"}})",
             R"({"type":"array","items":{"type":"null"}})", false},
        Pair{"true", R"({"type":"null"})", false}));

TEST(JsonSchema, BoundsWhatMergesAmountTo) {
  std::string schema = R"({"$defs":{"a0":{"properties":{}})";
  for (int i = 1; i < 30; ++i) {
    const std::string inner = R"({"$ref":"#/$defs/a)" + std::to_string(i - 1) + "\"}";
    schema += ",\"a" + std::to_string(i) + R"(":{"allOf":[)" + inner + "," + inner + "]}";
  }
  schema += R"(},"allOf":[{"$ref":"#/$defs/a14"}]})";

  const auto status = OutputGrammar(SchemaFormat(schema)).status();

  EXPECT_THAT(std::string(status.message()), HasSubstr("more than 1000 schemas"));
}

TEST(JsonSchema, BoundsChainsOfReferences) {
  const auto chain = [](int length) {
    std::string schema = R"({"$ref":"#/$defs/a0","$defs":{)";
    for (int i = 0; i < length; ++i) {
      schema +=
          "\"a" + std::to_string(i) + R"(":{"$ref":"#/$defs/a)" + std::to_string(i + 1) + R"("},)";
    }
    return schema + "\"a" + std::to_string(length) + R"(":{"type":"null"}}})";
  };

  EXPECT_TRUE(Accepts(SchemaFormat(chain(200)), "null"));
  EXPECT_THAT(std::string(OutputGrammar(SchemaFormat(chain(5000))).status().message()),
              HasSubstr("more than 256 schemas within one another"));
}

TEST(JsonSchema, RefusesByPointerAndName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "no JSON"},
      {"[]", "must be an object"},
      {R"({"type":"nope"})", "\"nope\""},
      {R"({"$ref":"#/nowhere"})", "names nothing"},
      {R"({"properties":{"a/b":{"not":{}}}})", "/properties/a~1b: the keyword \"not\""},
      {R"({"items":{"uniqueItems":true}})", "/items: \"uniqueItems\""},
      {R"({"if":{}})", "\"if\""},
      {R"({"patternProperties":{}})", "\"patternProperties\""},
      {R"({"$ref":"#/$defs/a","minimum":1,"$defs":{"a":{}}})", "\"minimum\" beside \"$ref\""},
      {R"({"anyOf":[{}],"type":"object"})", "\"type\" beside \"anyOf\""},
      {R"-({"type":"string","pattern":"(?=a)"})-", "looking ahead"},
      {R"({"type":"string","pattern":"a","maxLength":3})", "\"maxLength\" beside \"pattern\""},
      {R"({"type":"string","format":"duration"})", "duration"},
      {R"({"type":"string","maxLength":2000})", "at most 1999, is 2000"},
      {R"({"type":"number","multipleOf":0.1})", "\"multipleOf\""},
      {R"({"type":"integer","minimum":3,"maximum":2})", "no number"},
      {R"({"$ref":"#"})", "without an end"},
      {R"({"anyOf":[{"type":"null"},{"$ref":"#"}]})", "without an end"},
      {R"({"type":"integer","type":"string"})", "twice"},
      {R"({"required":["a"],"additionalProperties":false})", "not allowed"},
      {R"({"properties":{"a":{}},"minProperties":2})", "no object"},
      {R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]})",
       "\"additionalProperties\""},
      {R"({"allOf":[{"const":1},{"properties":{"b":{}}}]})", "\"const\""},
      {R"({"allOf":[{"$ref":"#"},{"$ref":"#"}]})", "refers to itself"},
      {std::string(100, '[') + std::string(100, ']'), "deeper than 64"}};
  for (const auto& [schema, why] : cases) {
    const auto status = OutputGrammar(SchemaFormat(schema)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << schema;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why)) << schema;
    ASSERT_EQ(status::FieldViolations(status).size(), 1) << schema;
    EXPECT_EQ(status::FieldViolations(status).front().field, "output_format.json_schema");
  }
}

}  // namespace
}  // namespace chasqui::worker
