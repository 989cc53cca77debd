// Runs scenarios of @esri/arcgis-rest-request, all at once, against a server; prints what came of each, as JSON.
// Usage: node rest_js.mjs <services URL> <GeoJSON file of points>
import { readFile } from "node:fs/promises";
import { Job, JOB_STATUSES, request } from "@esri/arcgis-rest-request";

const [services, file] = process.argv.slice(2);
const places = JSON.parse(await readFile(file));
const points = {
  geometryType: "esriGeometryPoint",
  spatialReference: { wkid: 4326 },
  features: places.features.map(({ geometry: { coordinates: [x, y] }, properties }) => (
    { geometry: { x, y }, attributes: properties }
  )),
};
const buffer = { Input_Features: points, Distance: { distance: 10, units: "esriKilometers" } };
const submit = (task, params, options) => Job.submitJob({ url: `${services}/${task}`, params, ...options });

/** Submits a job that the client watches itself, five times a second. */
const watch = (task, params) => submit(task, params, { startMonitoring: true, pollingRate: 200 });
const rejection = (promise) => promise.then(
  () => { throw new Error("it should have been rejected"); },
  ({ name, message, code, jobInfo }) => ({ name, message, code, jobInfo }),
);

const scenarios = {
  async result() {
    const job = await submit("BufferPlain/GPServer/BufferPoints", buffer);
    const info = await job.waitForCompletion();
    const output = await job.getResult("Output_Polygons");
    const input = await request(`${job.jobUrl}/${info.inputs.Distance.paramUrl}`);
    return { info, output, input };
  },
  async geojson() {
    const job = await submit("BufferPlain/GPServer/BufferPoints/submitJob", { ...buffer, Input_Features: places });
    return { output: await job.getResult("Output_Polygons") };
  },
  async allResults() {
    const job = await submit("Tools/GPServer/EchoTypes", {
      In_String: "green", In_Long: 42, In_Double: 0.5, In_Boolean: false, In_Date: new Date(Date.UTC(2024, 1, 29)),
      In_List: ["a", "b;c"], In_Unit: { distance: 3, units: "esriFeet" },
      In_Table: { features: [{ attributes: { name: "one", size: 1 } }] },
    });
    return job.getAllResults();
  },
  async watched() {
    const job = await watch("Tools/GPServer/SlowTask", { Seconds: 2 });
    const seen = [];
    job.on(JOB_STATUSES.Status, ({ status, progress }) => seen.push({ status, progress }));
    const info = await job.waitForCompletion();
    job.stopEventMonitoring();
    return { seen, info };
  },
  async failure() {
    const job = await submit("Tools/GPServer/FailTask", { Reason: "The river has no water" });
    return rejection(job.getAllResults());
  },
  async cancel() {
    const job = await watch("Tools/GPServer/SlowTask", { Seconds: 60 });
    await new Promise((started) => { job.once(JOB_STATUSES.Executing, started); });
    const ended = rejection(job.waitForCompletion());
    const answer = await job.cancelJob();
    await ended;
    let info = await job.getJobInfo();
    while (info.status === JOB_STATUSES.Cancelling) info = await job.getJobInfo();
    job.stopEventMonitoring();
    return { info, answer, again: await rejection(job.cancelJob()) };
  },
  async resume() {
    const url = `${services}/BufferPlain/GPServer/BufferPoints`;
    const job = await submit("BufferPlain/GPServer/BufferPoints", buffer);
    const revived = await Job.deserialize(job.serialize());
    const found = await Job.fromExistingJob({ url, id: job.id });
    return [await revived.getResult("Output_Polygons"), await found.getResult("Output_Polygons")];
  },
  async unknown() {
    const url = `${services}/BufferPlain/GPServer/BufferPoints`;
    return rejection(Job.fromExistingJob({ url, id: "j00000000000000000000000000000000" }));
  },
  async execute() {
    return request(`${services}/BufferSync/GPServer/BufferPoints/execute`, { params: { ...buffer, "env:outSR": 102100 } });
  },
  async wrongOperation() {
    return rejection(submit("BufferSync/GPServer/BufferPoints", buffer));
  },
};

const said = await Promise.all(Object.entries(scenarios).map(async ([name, scenario]) => (
  [name, await scenario().catch((error) => ({ thrown: error.stack }))]
)));
console.log(JSON.stringify(Object.fromEntries(said)));
