// Copyright (c) 2026, The NetOpt Authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// An agent's whole way with the protocol's own TypeScript clients: node journey.mjs URL sdk|client|client-legacy
// Prints what it saw as one JSON object. The person behind the client says no once and yes from then on.

const [url, which] = process.argv.slice(2);
const info = { name: `typescript-${which}`, version: "1" };
const questions = [];
const capabilities = { elicitation: { form: {} } };

function answer(request) {
  questions.push(request.params.message);
  return questions.length === 1 ? { action: "decline" } : { action: "accept", content: { confirm: true } };
}

async function connect() {
  if (which === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const { ElicitRequestSchema } = await import("@modelcontextprotocol/sdk/types.js");
    const client = new Client(info, { capabilities });
    client.setRequestHandler(ElicitRequestSchema, async (request) => answer(request));
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return { client, call: (parameters, options) => client.callTool(parameters, undefined, options) };
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const mode = which === "client" ? { pin: "2026-07-28" } : "legacy";
  const client = new Client(info, { capabilities, versionNegotiation: { mode } });
  client.setRequestHandler("elicitation/create", async (request) => answer(request));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return { client, call: (parameters, options) => client.callTool(parameters, options) };
}

const { client, call } = await connect();
const told = [];

async function tool(name, parameters) {
  const options = { timeout: 180000, resetTimeoutOnProgress: true, onprogress: (step) => told.push(step.message) };
  const result = await call({ name, arguments: parameters }, options);
  if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
  return result.structuredContent;
}

async function read(uri) {
  return JSON.parse((await client.readResource({ uri })).contents[0].text);
}

const statuses = (report) => Object.values(report.hosts).map((host) => host.status);
const profile = await read("policy://profiles/server");
const tools = (await client.listTools()).tools.map((entry) => entry.name);
const drafts = await tool("plan_from_profile_tool", { profile: "server", iface: "eth0" });
const verdict = await tool("validate_change_plan_tool", { parameter_plan: drafts.plans[0].plan });
const rendered = await tool("render_change_plan_tool", { plan: verdict.normalized_plan });
const predicted = await tool("apply_rendered_plan_tool", { rendered_plan: rendered });
const change = { rendered_plan: rendered, dry_run: false, confirm_timeout_s: 120, checkpoint_label: which };
const declined = await tool("apply_rendered_plan_tool", change).then(
  () => "was not refused",
  (error) => error.message,
);
const applied = await tool("apply_rendered_plan_tool", change);
const kept = await tool("confirm_change_tool", { checkpoint_id: applied.checkpoint_id });
const undone = await tool("rollback_to_checkpoint_tool", { checkpoint_id: applied.checkpoint_id, dry_run: false });
await client.close();

process.stdout.write(
  JSON.stringify({
    profile: profile.name,
    tools: tools.length,
    plans: drafts.plans.length,
    ok: verdict.ok,
    predicted: statuses(predicted),
    declined,
    applied: statuses(applied),
    kept: statuses(kept),
    undone: statuses(undone),
    questions,
    told: told.length,
  }),
);
