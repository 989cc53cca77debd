// Story 2: failures on demand.
// In production a proxy times out, a token ends, a connection breaks: each once a month, and never on a test server.
// Here each happens at the request that the test names, to the job class of ArcGIS REST JS itself.
// The client should go on after a gap in its polls, tell why a job failed, and never submit twice without looking.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Job, JOB_STATUSES } from "@esri/arcgis-rest-request";
import { startEmulator } from "./emulator.mjs";

const point = { features: [{ geometry: { x: 24.94, y: 60.17 } }] };
let gp, job;

before(async () => { gp = await startEmulator(["--services", fileURLToPath(new URL("../services", import.meta.url))]); });
beforeEach(() => gp.reset());
afterEach(() => job?.stopEventMonitoring());
after(() => gp?.stop());

// Unless it starts to poll at once the client polls every two seconds, whatever its rate is said to be.
const submit = async () => {
  const url = `${gp.services}/Proximity/GPServer/BufferPoints`;
  const options = { url, params: { Input_Features: point }, pollingRate: 20, startMonitoring: true };
  return job = await Job.submitJob(options);
};

test("polls that meet a proxy's page, or an ended token, are gaps: the job goes on", async () => {
  await gp.scenario({
    timelines: [{ steps: [{ status: "executing", polls: 4 }, { status: "succeeded" }] }],
    faults: [
      { kind: "gateway", operation: "poll", nth: 2 },
      { kind: "error", code: 498, operation: "poll", nth: 3 },
    ],
  });
  await submit();
  const gaps = [];
  job.on(JOB_STATUSES.Error, ({ code }) => gaps.push(code));
  const { value } = await job.getResult("Output_Polygons");
  assert.equal(value.features[0].attributes.name, "Helsinki");
  assert.deepEqual(gaps, ["HTTP 504", 498]);
});

test("a job that fails rejects with everything that it said", async () => {
  const errors = ["ERROR 000210: Cannot create output", "ERROR 000732: Input Features", "Failed to execute."];
  await gp.scenario({ timelines: [{ steps: [{ status: "failed", messages: errors }] }] });
  await submit();
  await assert.rejects(job.getAllResults(), ({ jobInfo }) => {
    const said = jobInfo.messages.map(({ description }) => description);
    return errors.every((error) => said.includes(error));
  });
});

test("when the answer to a submit is lost the job is there all the same", async () => {
  await gp.scenario({ faults: [{ kind: "lost_answer", operation: "submit" }] });
  await assert.rejects(submit(), { name: "TypeError", message: "fetch failed" });
  const sent = (await gp.requests()).requests.filter(({ operation }) => operation === "submit");
  assert.deepEqual(sent.map(({ fault }) => fault), ["lost_answer"]); // sent once: the client did not submit again
});
