// Story 9: a classroom, a stand at a fair, a site without a network.
// In production there is a server to show things on; in the classroom there is none, or thirty people share one.
// Here `gpserver emulate --scenario workshop.toml` gives each of them the same server, with mishaps in a fixed order.
// The client should pass all three exercises of workshop.toml; this one is the teacher's solution.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Job, JOB_STATUSES } from "@esri/arcgis-rest-request";
import { startEmulator } from "./emulator.mjs";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const params = { Input_Features: { features: [{ geometry: { x: 24.94, y: 60.17 } }] } };
let gp;

before(async () => {
  gp = await startEmulator(["--services", path("services"), "--scenario", path("workshop.toml")]);
});
after(() => gp?.stop());

/** The client: what its user is told, line by line. */
async function tell() {
  const lines = [];
  let job;
  try {
    const url = `${gp.services}/Proximity/GPServer/BufferPoints`;
    job = await Job.submitJob({ url, params, pollingRate: 50, startMonitoring: true });
    job.on(JOB_STATUSES.Status, ({ messages }) => lines.push(messages?.at(-1)?.description));
    await job.getResult("Output_Polygons");
    lines.push("done");
  } catch ({ code, jobInfo, message }) {
    const errors = jobInfo?.messages.filter(({ type }) => type === "esriJobMessageTypeError");
    lines.push(errors?.[0].description ?? `${message}; try again`);
  } finally {
    job?.stopEventMonitoring();
  }
  return lines;
}

test("exercises 1, 2 and 3, and a fourth try that works", async () => {
  const first = await tell();
  assert.ok(first.includes("Drawing circles."));
  assert.equal(first.at(-1), "done");
  assert.deepEqual(await tell(), ["ERROR 000210: Cannot create output"]);
  assert.match((await tell())[0], /^HTTP 503.*; try again$/);
  assert.equal((await tell()).at(-1), "done");
});
