// Story 10: a bug report that runs.
// In production an administrator deletes a job, and a page of ArcGIS REST JS 4.10 shows its spinner for ever.
// Here deleted.toml, attached to the report, is all that a maintainer needs: `node --test bug_report.test.mjs`.
// The client should take esriJobDeleted for an end, as `withEnd` below does until it is mended.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Job, JOB_STATUSES, request } from "@esri/arcgis-rest-request";
import { startEmulator } from "./emulator.mjs";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const params = { Input_Features: { features: [{ geometry: { x: 24.94, y: 60.17 } }] } };
const SPINNING = 5; // polls after the end: whoever still asks then asks for ever
let gp;

before(async () => {
  gp = await startEmulator(["--services", path("services"), "--scenario", path("deleted.toml")]);
});
beforeEach(() => gp.reset());
after(() => gp?.stop());

const submit = () => Job.submitJob({
  url: `${gp.services}/Proximity/GPServer/BufferPoints`, params, pollingRate: 20, startMonitoring: true,
});

/** Resolves once the client has polled a job that is deleted so many times. */
const spinning = (job) => new Promise((resolve) => {
  let polls = 0;
  job.on(JOB_STATUSES.Status, ({ status }) => {
    polls += status === undefined; // the client has no word for it
    if (polls === SPINNING) resolve("still polling");
  });
});

/** A way around it: a state that the client has no word for is an end. */
const withEnd = (job) => new Promise((resolve, reject) => {
  job.on(JOB_STATUSES.Status, ({ status }) => {
    if (status === undefined) reject(new Error("The job was deleted."));
  });
  job.waitForCompletion().then(resolve, reject);
});

test("the bug: the promise never settles, and the client polls on", async () => {
  const job = await submit();
  assert.equal(await Promise.race([job.waitForCompletion(), spinning(job)]), "still polling");
  assert.equal((await request(job.jobUrl)).jobStatus, "esriJobDeleted");
  job.stopEventMonitoring();
});

test("the way around it rejects", async () => {
  const job = await submit();
  await assert.rejects(withEnd(job), /deleted/);
  job.stopEventMonitoring();
});
