// Copyright (c) 2026, The NetOpt Authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prints the protocol's official JSON schemas, oldest first, as one JSON array. The conformance suite carries them
// whole, as literals in its program; they are taken from there so that they are the ones of the pinned version.

import { readFileSync } from "node:fs";
import vm from "node:vm";

const program = readFileSync(new URL("node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url), "utf8");
const begin = /\{\$schema:`https?:\/\/json-schema\.org\/[^`]+`,(?:definitions|\$defs):\{Annotations:/g;

// The literal that begins at a brace: up to the brace that closes it, with text between quotes left out.
function literal(start) {
  let depth = 0;
  let quote = null;
  for (let at = start; at < program.length; at += 1) {
    const character = program[at];
    if (quote) {
      if (character === "\\") at += 1;
      else if (character === quote) quote = null;
    } else if ("`'\"".includes(character)) quote = character;
    else if (character === "{") depth += 1;
    else if (character === "}" && --depth === 0) return program.slice(start, at + 1);
  }
  throw new Error("a schema in the conformance suite has no end");
}

const schemas = [...program.matchAll(begin)].map((found) => vm.runInNewContext(`(${literal(found.index)})`));
process.stdout.write(JSON.stringify(schemas));
