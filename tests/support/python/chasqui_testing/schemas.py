# SPDX-License-Identifier: Apache-2.0
"""Random JSON schemas of the keywords that docs/output-formats.md lists, and a judge of answers to them."""

import datetime
import json
import re

import jsonschema

# The length of strings where nothing else ends them: the model likes to go on.
LONGEST = 12
PATTERNS = ("^[a-z]{2,6}$", "^(red|green|blue)-[0-9]{1,3}$", "^\\d{4}-[A-F]\\d?$", "^[^a-z\"\\\\]{1,4}$",
            "^(?:[a-c]x?){2,4}!$", "^é+[\\u4e00-\\u4e0f]$", "^$|^none$", "^\\w{1,5}\\.\\w{1,3}$")
FORMATS = ("date", "time", "date-time", "uuid", "email", "hostname", "ipv4", "ipv6")
CONSTANTS = ("x", "", "quote\"d", "line\nend", "¿é?", 0, -3, 2.5, 1e21, True, False, None,
             [], {}, [1, "two", None], {"k": [1, {"b": False}]})
KEYS = ("a", "b", "name", "a b", "x/y", "t~e", "é", "q\"", "ab", "abc", "", "kind", "n")


class SchemaMaker:
    """Makes one schema from a random source."""

    def __init__(self, rng):
        self.rng = rng
        self.defs = {}
        self.open_defs = []

    def make(self):
        schema = self.schema(0)
        if self.defs and not isinstance(schema, bool):
            schema["$defs"] = self.defs
        return schema

    def schema(self, depth):
        leaf = (self.string, self.number, self.integer, self.constant, self.choice, self.plain)
        branch = (self.object, self.object, self.array, self.any_of, self.one_of, self.all_of,
                  self.reference)
        made = self.rng.choice(leaf if depth >= 3 else leaf + branch + branch)(depth + 1)
        if self.rng.random() < 0.1 and isinstance(made, dict):
            made["description"] = "what it is"
        return made

    def chance(self, probability=0.5):
        return self.rng.random() < probability

    def plain(self, depth):
        return {"type": self.rng.choice(["boolean", "null", ["boolean", "null"], ["integer", "null"]])}

    def string(self, depth):
        kind = self.rng.randrange(3)
        if kind == 0:
            low = self.rng.randrange(4)
            return {"type": "string", "minLength": low, "maxLength": low + self.rng.randrange(LONGEST)}
        if kind == 1:
            return {"type": "string", "pattern": self.rng.choice(PATTERNS)}
        return {"type": "string", "format": self.rng.choice(FORMATS)}

    def bounds(self, value):
        """Bounds of a number with room between them, in any of the ways to write them."""
        low = value()
        high = low + abs(value()) + 1
        bounds = {}
        if self.chance(0.8):
            bounds[self.rng.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.8):
            bounds[self.rng.choice(["maximum", "exclusiveMaximum"])] = high + 1
        return bounds

    def number(self, depth):
        return {"type": "number"} | self.bounds(
            lambda: round(self.rng.uniform(-200, 200), self.rng.randrange(5)))

    def integer(self, depth):
        made = {"type": "integer"} | self.bounds(lambda: self.rng.randint(-10**self.rng.randrange(7), 999))
        return made | {"multipleOf": 1} if self.chance(0.1) else made

    def constant(self, depth):
        return {"const": self.rng.choice(CONSTANTS)}

    def choice(self, depth):
        return {"enum": self.rng.sample(CONSTANTS, self.rng.randint(1, 4))}

    def object(self, depth):
        keys = self.rng.sample(KEYS, self.rng.randrange(6))
        made = {"type": "object", "properties": {key: self.schema(depth) for key in keys}}
        made["required"] = [key for key in keys if self.chance(0.6)]
        if self.chance(0.2):
            made["required"].append("also")
            made["properties"]["also"] = self.schema(3)
        # Bounds of the count, within what the properties allow.
        needed, most = len(made["required"]), len(made["properties"])
        kind = self.rng.randrange(4)
        if kind == 0:
            made["additionalProperties"] = False
        elif kind == 1:
            made["additionalProperties"] = self.schema(3)
            made["maxProperties"] = most + self.rng.randrange(3)
        elif not keys:
            made["maxProperties"] = needed + 1
        elif self.chance(0.3):
            made["minProperties"] = self.rng.randint(needed, most)
        return made

    def array(self, depth):
        made = {"type": "array", "minItems": self.rng.randrange(3)}
        made["maxItems"] = made["minItems"] + self.rng.randrange(3)
        if self.chance(0.3):
            made["prefixItems"] = [self.schema(depth) for _ in range(self.rng.randint(1, 3))]
        if "prefixItems" not in made or self.chance():
            made["items"] = self.schema(depth)
        elif made["minItems"] > len(made["prefixItems"]):
            made["items"] = {"type": "null"}
        return made

    def any_of(self, depth):
        return {"anyOf": [self.schema(depth) for _ in range(self.rng.randint(1, 4))]}

    def one_of(self, depth):
        """Schemas that exclude one another, in each of the ways that are understood."""
        kind = self.rng.randrange(4)
        if kind == 0:
            branches = [self.string(depth), self.number(depth), self.array(depth), {"type": "null"}]
        elif kind == 1:
            branches = [self.tagged(depth, name) for name in ("cat", "dog", "fish")]
        elif kind == 2:
            branches = [{"type": "object", "properties": {key: self.schema(depth)}, "required": [key]}
                        for key in ("left", "right", "both")]
        else:
            branches = [{"type": "integer", "maximum": -5}, {"type": "number", "exclusiveMinimum": -5},
                        {"const": "none"}]
        self.rng.shuffle(branches)
        return {"oneOf": branches[:self.rng.randint(1, len(branches))]}

    def tagged(self, depth, name):
        made = self.object(depth)
        made.pop("maxProperties", None)
        made.pop("minProperties", None)
        made["properties"] = {"kind": {"const": name}} | {
            key: value for key, value in made["properties"].items() if key != "kind"}
        made["required"] = ["kind"] + [key for key in made["required"] if key != "kind"]
        return made

    def all_of(self, depth):
        parts = [{"type": "object", "properties": {key: self.schema(depth)},
                  "required": [key] if self.chance() else []}
                 for key in self.rng.sample(KEYS, self.rng.randint(1, 3))]
        return {"allOf": parts}

    def reference(self, depth):
        """To a schema that is there, even one that is being made, behind something that can end."""
        if self.open_defs and self.chance(0.6):
            again = {"$ref": f"#/$defs/{self.rng.choice(self.open_defs)}"}
            return {"type": "array", "items": again, "maxItems": 1}
        name = f"d{len(self.defs)}"
        self.defs[name] = None
        self.open_defs.append(name)
        self.defs[name] = self.schema(depth)
        self.open_defs.pop()
        return {"$ref": f"#/$defs/{name}"}


def random_schema(rng):
    """A schema that is supported, and that something is valid against."""
    return SchemaMaker(rng).make()


def _pattern(validator, pattern, instance, schema):
    # As ECMAScript has it: classes are of ASCII, "$" is the very end.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance, re.ASCII):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Judge = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
_formats = jsonschema.FormatChecker()


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(text):
    return not isinstance(text, str) or datetime.datetime.fromisoformat(text).tzinfo is not None


@_formats.checks("time", raises=ValueError)
def _is_time(text):
    return not isinstance(text, str) or datetime.time.fromisoformat(text).tzinfo is not None


@_formats.checks("hostname")
def _is_hostname(text):
    if not isinstance(text, str):
        return True
    label = "(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
    return len(text) <= 253 and re.fullmatch(rf"{label}(\.{label})*", text, re.ASCII) is not None


def judge(schema, text):
    """What is wrong with an answer, in the words of a validator that is not ours; None: nothing."""
    assert set(FORMATS) <= set(_formats.checkers)
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"no JSON: {error}"
    error = jsonschema.exceptions.best_match(
        _Judge(schema, format_checker=_formats).iter_errors(value))
    return None if error is None else error.message
